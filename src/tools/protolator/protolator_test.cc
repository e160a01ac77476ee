#include "tools/protolator/protolator.h"

#include <gtest/gtest.h>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "tools/terminal.h"
#include "wire/marshal.h"

namespace selvage::tools::protolator {
namespace {

std::string golden(const std::string& name) {
  auto content = read_file(std::string(SELVAGE_SOURCE_DIR) + "/test/golden/" + name);
  EXPECT_TRUE(content.has_value());
  return content ? *content : "";
}

TEST(Protolator, PrintsBlocksByteForByteAsUpstreamDoes) {
  for (const std::string name : {"mychannel_0", "mychannel_1"}) {
    auto json = to_json(*wire::parse<::common::Block>(golden(name + ".block")));
    ASSERT_TRUE(json.has_value()) << json.error().message;
    EXPECT_EQ(*json, golden(name + ".json")) << name;
  }
}

TEST(Protolator, SaysWhereTheBytesMakeNoSense) {
  ::common::Block block = *wire::parse<::common::Block>(golden("mychannel_0.block"));
  ::common::Envelope envelope;
  envelope.set_payload("\xff");
  *block.mutable_data()->mutable_data(0) = wire::marshal(envelope);
  auto json = to_json(block);
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().message,
            "*common.Block: error in PopulateTo for field data for message *common.Block: *commonext.BlockData: error in "
            "PopulateTo for slice field data at index 0 for message *commonext.BlockData: *commonext.Envelope: error in "
            "PopulateTo for field payload for message *commonext.Envelope: proto: cannot parse invalid wire-format data");
}

TEST(Protolator, RefusesAValueThatTheTreeDoesNotKnow) {
  ::common::ConfigGroup group;
  (*group.mutable_values())["Nope"].set_value("x");
  EXPECT_EQ(to_json(group, GroupKind::kOrderer).error().message,

            "*ordererext.DynamicOrdererGroup: error in PopulateTo for map field values and key Nope for message "
            "*ordererext.DynamicOrdererGroup: *ordererext.DynamicOrdererConfigValue: error in PopulateTo for field value "
            "for message *ordererext.DynamicOrdererConfigValue: unknown Orderer ConfigValue name: Nope");
  EXPECT_TRUE(to_json(group).has_value());  // a group of no known place is shown as it is
}

TEST(Protolator, EncodesWhatItShows) {
  for (const std::string name : {"mychannel_0", "mychannel_1"}) {
    ::common::Block block;
    ASSERT_TRUE(from_json(golden(name + ".json"), block).has_value());
    EXPECT_EQ(*to_json(block), golden(name + ".json"));
    // Configuration holds maps, whose order Go does not keep.
    if (name == "mychannel_1") {
      EXPECT_EQ(wire::marshal(block), golden(name + ".block"));
    }
  }
}

TEST(Protolator, SurvivesDepthAndEveryCutOfADocument) {
  ::common::Config config;
  const std::string deep = "{\"channel_group\":";
  std::string document;
  for (int i = 0; i < 100000; ++i) document += deep;
  EXPECT_EQ(from_json(document, config).error().message, "error unmarshaling intermediate JSON: exceeded max depth");
  const std::string whole = R"({"channel_group":{"groups":{"Orderer":{"values":{"BatchSize":{"value":{"max_message_count":1e1}}}}}}})";
  ASSERT_TRUE(from_json(whole, config).has_value());
  for (size_t length = 0; length < whole.size(); ++length) {
    ::common::Config cut;
    EXPECT_FALSE(from_json(BytesView(whole).substr(0, length), cut).has_value()) << length;
  }
}

}  // namespace
}  // namespace selvage::tools::protolator
