#include "chaincode/listener/endpoint.h"

#include <gtest/gtest.h>

namespace selvage::chaincode {
namespace {

std::string endpoint(const std::string& address, const std::string& listen, const std::string& peer_host) {
  auto out = chaincode_endpoint(address, listen, peer_host);
  return out ? *out : "refused: " + out.error().message;
}

TEST(ChaincodeEndpoint, TheChaincodeAddressIsUsedWhenItIsSet) {
  EXPECT_EQ(endpoint("peer0.example.com:7152", "0.0.0.0:7052", "peer0"), "peer0.example.com:7152");
}

TEST(ChaincodeEndpoint, ElseTheListenAddressIsWithThePeersHostForAnUnspecifiedOne) {
  EXPECT_EQ(endpoint("", "127.0.0.1:7052", "peer0"), "127.0.0.1:7052");
  EXPECT_EQ(endpoint("", "0.0.0.0:7152", "peer0"), "peer0:7152");
  EXPECT_EQ(endpoint("", "[::]:7152", "peer0"), "peer0:7152");
  EXPECT_EQ(endpoint("", "[::]:7152", "fd00::1"), "[fd00::1]:7152");
}

TEST(ChaincodeEndpoint, WithoutBothItIsThePeersHostAndTheDefaultPort) {
  EXPECT_EQ(endpoint("", "", "peer0"), "peer0:7052");
}

TEST(ChaincodeEndpoint, AnAddressThatChaincodeCannotDialIsRefusedInFabricsWords) {
  for (const auto& [address, listen, host] : {std::tuple{"0.0.0.0:7052", "", "peer0"}, std::tuple{"", "0.0.0.0:7052", "0.0.0.0"},
                                              std::tuple{"", "", "::"}}) {
    EXPECT_EQ(endpoint(address, listen, host), "refused: invalid endpoint for chaincode to connect");
  }
  EXPECT_EQ(endpoint("peer0", "", "peer0"), "refused: address peer0: missing port in address");
}

}  // namespace
}  // namespace selvage::chaincode
