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
  EXPECT_EQ(json.error().message, "*common.Block: data: data: payload: proto: cannot parse invalid wire-format data");
}

TEST(Protolator, RefusesAValueThatTheTreeDoesNotKnow) {
  ::common::ConfigGroup group;
  (*group.mutable_values())["Nope"].set_value("x");
  EXPECT_EQ(to_json(group, GroupKind::kOrderer).error().message,
            "*common.ConfigGroup: values: Nope: value: unknown Orderer ConfigValue name: Nope");
  EXPECT_TRUE(to_json(group).has_value());  // a group of no known place is shown as it is
}

}  // namespace
}  // namespace selvage::tools::protolator
