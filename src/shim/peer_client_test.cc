// What a chaincode that dials its peer is told by its environment.
#include "shim/peer_client.h"

#include <gtest/gtest.h>

#include <map>

namespace selvage::shim {
namespace {

struct World {
  std::map<std::string, std::string> variables = {{"CORE_CHAINCODE_ID_NAME", "cc:1"},
                                                  {"CORE_PEER_ADDRESS", "peer0:7052"},
                                                  {"CORE_PEER_TLS_ENABLED", "true"},
                                                  {"CORE_TLS_CLIENT_KEY_PATH", "/key.b64"},
                                                  {"CORE_TLS_CLIENT_CERT_PATH", "/cert.b64"},
                                                  {"CORE_PEER_TLS_ROOTCERT_FILE", "/ca.pem"}};
  [[nodiscard]] Result<ClientSettings> read(const std::string& address = "") const {
    return client_settings_from_environment(
        [this](const std::string& name) {
          const auto found = variables.find(name);
          return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        address);
  }
};

TEST(PeerClient, ReadsTheVariablesOfFabricsShims) {
  World world;
  auto settings = world.read();
  ASSERT_TRUE(settings) << to_string(settings.error());
  EXPECT_EQ(settings->chaincode_id, "cc:1");
  EXPECT_EQ(settings->peer_address, "peer0:7052");
  EXPECT_TRUE(settings->tls);
  EXPECT_EQ(settings->key, "/key.b64");
  world.variables["CORE_TLS_CLIENT_KEY_FILE"] = "/key.pem";
  EXPECT_EQ(world.read()->key, "/key.pem");
  EXPECT_EQ(world.read("other:7052")->peer_address, "other:7052");
}

TEST(PeerClient, NamesWhatIsMissing) {
  for (const char* name : {"CORE_CHAINCODE_ID_NAME", "CORE_PEER_ADDRESS", "CORE_PEER_TLS_ROOTCERT_FILE"}) {
    World world;
    world.variables.erase(name);
    auto refused = world.read();
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().message, std::string(name) + " is not set");
  }
  World world;
  world.variables["CORE_PEER_TLS_ENABLED"] = "perhaps";
  EXPECT_EQ(world.read().error().message, "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false'");
}

TEST(PeerClient, WithoutTlsNeedsNoCertificates) {
  World world;
  world.variables = {{"CORE_CHAINCODE_ID_NAME", "cc:1"}, {"CORE_PEER_ADDRESS", "peer0:7052"}};
  auto settings = world.read();
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->tls);
}

}  // namespace
}  // namespace selvage::shim
