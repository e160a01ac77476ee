#include "lifecycle/package.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"

namespace selvage::lifecycle {
namespace {

template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

Bytes code() { return *make_tar_gz({{"connection.json", "{\"address\":\"localhost:9999\"}"}}); }

TEST(Package, ReadsWhatItWrites) {
  auto made = make_package({"ccaas", "", "basic_1.0"}, code());
  ASSERT_TRUE(made) << why(made);
  auto parsed = parse_package(*made);
  ASSERT_TRUE(parsed) << why(parsed);
  EXPECT_EQ(parsed->metadata.label, "basic_1.0");
  EXPECT_EQ(parsed->metadata.type, "ccaas");
  EXPECT_EQ(parsed->metadata_json, R"({"path":"","type":"ccaas","label":"basic_1.0"})");
  EXPECT_EQ(parsed->code, code());
  auto files = read_tar_gz(parsed->code);
  ASSERT_TRUE(files) << why(files);
  ASSERT_EQ(files->size(), 1u);
  EXPECT_EQ(files->at(0).name, "connection.json");
}

TEST(Package, TheSameInputIsTheSameId) {
  const Bytes one = *make_package({"golang", "x", "l"}, code()), two = *make_package({"golang", "x", "l"}, code());
  EXPECT_EQ(one, two);
  EXPECT_EQ(package_id("l", one), "l:" + to_hex(crypto::sha256(one)));
}

TEST(Package, FileNamesAndIdsMirrorEachOther) {
  const std::string id = "basic_1.0:" + std::string(64, 'a');
  EXPECT_EQ(package_file_name(id), "basic_1.0." + std::string(64, 'a') + ".tar.gz");
  EXPECT_EQ(package_id_of_file(package_file_name(id)), id);
  EXPECT_EQ(package_id_of_file("basic.tar.gz"), "");
  EXPECT_EQ(package_id_of_file("x." + std::string(64, 'A') + ".tar.gz"), "");
}

TEST(Package, BadOnesAreNamed) {
  EXPECT_EQ(why(parse_package("hello, hello")), "error reading as gzip stream: gzip: invalid header");
  EXPECT_EQ(why(parse_package("")), "error reading as gzip stream: EOF");
  EXPECT_FALSE(parse_package(Bytes("\x1f\x8b\x08\x00garbage that is no deflate stream", 40)));
  EXPECT_EQ(why(parse_package(*make_tar_gz({{"metadata.json", "{}"}}))), "did not find a code package inside the package");
  EXPECT_EQ(why(parse_package(*make_tar_gz({{"code.tar.gz", "x"}}))),
            "did not find any package metadata (missing metadata.json)");
  EXPECT_EQ(why(parse_package(*make_tar_gz({{"metadata.json", R"({"label":"../x"})"}, {"code.tar.gz", "x"}}))),
            "invalid label '../x'. Label must be non-empty, can only consist of alphanumerics, symbols from '.+-_', and can "
            "only begin with alphanumerics");
  Bytes cut = *make_package({"ccaas", "", "l"}, code());
  cut.resize(cut.size() / 4);
  EXPECT_FALSE(parse_package(cut));
}

TEST(Package, AnArchiveCannotGrowWithoutBoundOrLeaveItsFolder) {
  EXPECT_EQ(why(read_tar_gz(*make_tar_gz({{"big", Bytes(1 << 20, 'x')}}), 1000)), "archive unpacks to more than 1000 bytes");
  EXPECT_EQ(why(read_tar_gz(*make_tar_gz({{"../evil", "x"}}))), "illegal file path in archive: ../evil");
  EXPECT_EQ(why(read_tar_gz(*make_tar_gz({{"a/../../evil", "x"}}))), "illegal file path in archive: a/../../evil");
}

}  // namespace
}  // namespace selvage::lifecycle
