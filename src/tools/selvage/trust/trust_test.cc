#include "tools/selvage/trust/trust.h"

#include <gtest/gtest.h>

namespace selvage::tools::trust {
namespace {

const std::string kGood = R"({"pools":[{"name":"PeerServer","judges":"clients","version":3,"roots":[
  {"sha256":"aa11","subject":"CN=tlsca.org1","not_after":"2034-01-01T00:00:00Z","from":{"text":"channel ch1, Org1MSP"}}]}]})";

TEST(Trust, ShowsRootsWithWhereTheyCameFrom) {
  auto pools = parse_pools(kGood);
  ASSERT_TRUE(pools.has_value());
  const std::string text = to_text("localhost:9443", *pools);
  EXPECT_NE(text.find("CN=tlsca.org1  until 2034-01-01"), std::string::npos) << text;
  EXPECT_NE(text.find("from channel ch1, Org1MSP"), std::string::npos);
}

TEST(Trust, TellsWhatOneNodeBelievesAndTheOtherDoesNot) {
  auto one = *parse_pools(kGood);
  auto other = one;
  EXPECT_EQ(differences("a", one, "b", other), "");
  other[0].roots.push_back({"bb22", "CN=tlsca.org2", "2034-01-01", "channel ch1, Org2MSP"});
  EXPECT_NE(differences("a", one, "b", other).find("only b: CN=tlsca.org2"), std::string::npos);
}

TEST(Trust, RefusesWhatIsNoListOfPools) {
  for (const char* text :
       {"", "404 page not found", "[]", R"({"pools":7})", R"({"pools":[7]})", R"({"pools":[{"roots":[7]}]})"}) {
    EXPECT_FALSE(parse_pools(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace selvage::tools::trust
