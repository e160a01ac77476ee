#include "lifecycle/metadata_file.h"

#include <gtest/gtest.h>

namespace selvage::lifecycle {
namespace {

constexpr std::string_view kGood = R"({"index":{"fields":["owner",{"size":"Desc"},7],"partial_filter_selector":{}},
                                       "ddoc":"d","name":"n","type":"json"})";

std::string why(std::string_view path, std::string_view content = kGood) {
  const Status checked = check_metadata_file(path, content);
  return checked ? "ok" : checked.error().message;
}

// Of the content of one index file, without what stands before every such text.
std::string why_not_index(std::string_view content) {
  const std::string before = "Index metadata file [META-INF/statedb/couchdb/indexes/i.json] is not a valid ";
  const std::string told = why("META-INF/statedb/couchdb/indexes/i.json", content);
  return told.starts_with(before) ? told.substr(before.size()) : told;
}

TEST(MetadataFile, MayBeAnIndexOfTheChaincodeOrOfACollection) {
  EXPECT_EQ(why("META-INF/statedb/couchdb/indexes/i.json"), "ok");
  EXPECT_EQ(why("META-INF/statedb/couchdb/collections/my-Coll_1/indexes/i.json"), "ok");
  EXPECT_EQ(why("META-INF/statedb/couchdb/indexes/below/i.json"), "ok");
  EXPECT_EQ(why("META-INF/statedb/couchdb/indexes/i.json.orig"), "ok") << "Fabric's pattern has no end";
}

TEST(MetadataFile, AnywhereElseIsRefusedInFabricsWords) {
  EXPECT_EQ(why("META-INF/i.json"), "metadata file path must begin with META-INF/statedb, found: META-INF/");
  EXPECT_EQ(why("META-INF/statedb/couchdb/i.json"),
            "metadata file path must include a database and index directory: META-INF/statedb/couchdb/");
  EXPECT_EQ(why("META-INF/statedb/goleveldb/indexes/i.json"),
            "database name [goleveldb] is not supported, valid options: [couchdb]");
  EXPECT_EQ(why("META-INF/statedb/couchdb/index/i.json"),
            "metadata file path does not have an indexes directory: META-INF/statedb/couchdb/index/");
  EXPECT_EQ(why("META-INF/statedb/couchdb/indexes/i.txt"),
            "metadata file path for collections must include a collections and index directory: "
            "META-INF/statedb/couchdb/indexes/");
  EXPECT_EQ(why("META-INF/statedb/couchdb/collection/c/indexes/i.json"),
            "metadata file path for collections must have a collections and indexes directory: "
            "META-INF/statedb/couchdb/collection/c/indexes/");
  EXPECT_EQ(why("META-INF/statedb/couchdb/collections/#c/indexes/i.json"), "collection name is not valid: #c");
  EXPECT_EQ(why("META-INF/statedb/couchdb/collections/c/indexes/i.txt"), "artifact file name is not valid: i.txt");
  EXPECT_EQ(why("META-INF/statedb/couchdb/collections/c#/indexes/i.json"),
            "metadata file path or name is not supported: META-INF/statedb/couchdb/collections/c#/indexes/");
}

TEST(MetadataFile, MustDefineAnIndex) {
  EXPECT_EQ(why_not_index("{"), "JSON");
  EXPECT_EQ(why_not_index("[]"), "JSON");
  EXPECT_EQ(why_not_index("null"), "index definition: Index definition must include a \"fields\" definition");
  EXPECT_EQ(why_not_index("{}"), "index definition: Index definition must include a \"fields\" definition");
  EXPECT_EQ(why_not_index(R"({"index":1})"), "index definition: Invalid entry, \"index\" must be a JSON");
  EXPECT_EQ(why_not_index(R"({"index":{},"ddoc":1})"), "index definition: Invalid entry, \"ddoc\" must be a string");
  EXPECT_EQ(why_not_index(R"({"index":{},"name":[]})"), "index definition: Invalid entry, \"name\" must be a string");
  EXPECT_EQ(why_not_index(R"({"index":{},"type":"text"})"), "index definition: Index type must be json");
  EXPECT_EQ(why_not_index(R"({"index":{},"more":1})"), "index definition: Invalid Entry.  Entry more");
  EXPECT_EQ(why_not_index(R"({"index":{"field":[]}})"), "index definition: Invalid Entry.  Entry field");
  EXPECT_EQ(why_not_index(R"({"index":{"fields":"owner"}})"), "index definition: Expecting a JSON array of fields");
  EXPECT_EQ(why_not_index(R"({"index":{"fields":[{"size":"up"}]}})"),
            "index definition: Sort must be either \"asc\" or \"desc\".  \"up\" was found.");
  EXPECT_EQ(why_not_index(R"({"index":{"fields":[{"size":1}]}})"),
            "index definition: Invalid field definition, fields must be in the form \"fieldname\":\"sort\"");
}

}  // namespace
}  // namespace selvage::lifecycle
