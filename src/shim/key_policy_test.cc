#include "shim/key_policy.h"

#include <gtest/gtest.h>

namespace selvage::shim {
namespace {

// What Fabric's Go shim writes for peers of Org1MSP and Org2MSP.
constexpr const char* kBoth = "120c120a080212020800120208011a0d120b0a074f7267314d535010031a0d120b0a074f7267324d53501003";

TEST(KeyPolicy, HasTheBytesOfFabricsShim) {
  KeyPolicy policy;
  policy.add({"Org2MSP", "Org1MSP"});
  EXPECT_EQ(to_hex(policy.encode()), kBoth);
}

TEST(KeyPolicy, IsReadChangedAndWrittenAgain) {
  auto policy = KeyPolicy::parse(*from_hex(kBoth));
  ASSERT_TRUE(policy) << to_string(policy.error());
  EXPECT_EQ(policy->organisations(), (std::vector<std::string>{"Org1MSP", "Org2MSP"}));
  policy->remove({"Org2MSP", "Unknown"});
  policy->add({"Org3MSP"}, KeyPolicy::Role::kMember);
  EXPECT_EQ(KeyPolicy::parse(policy->encode())->organisations(), (std::vector<std::string>{"Org1MSP", "Org3MSP"}));
  EXPECT_NE(policy->encode(), *from_hex(kBoth));
}

TEST(KeyPolicy, WhatIsNoPolicyIsRefused) { EXPECT_FALSE(KeyPolicy::parse("no policy")); }

}  // namespace
}  // namespace selvage::shim
