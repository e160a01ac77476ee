#include "node/peer/chaincode_listener.h"

#include "base/log.h"
#include "chaincode/listener/endpoint.h"
#include "tls/context.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}

constexpr const char* kDevelopmentEndpoint = "0.0.0.0:7052";

}  // namespace

Result<chaincode::ListenerSettings> chaincode_listener_settings(const config::CoreSettings& core) {
  const std::string peer_host = chaincode::host_of(core.address);
  const bool development = core.chaincode.mode == "dev";
  LOG_INFO(logger(), "Entering computeChaincodeEndpoint with peerHostname: {}", peer_host);
  auto endpoint = chaincode::chaincode_endpoint(core.chaincode_address, core.chaincode_listen_address, peer_host);
  if (!endpoint) {
    LOG_ERROR(logger(), "Error computing chaincode endpoint: {}", to_string(endpoint.error()));
    if (!development) return fail(std::move(endpoint).error().within("Failed to create chaincode server"));
    LOG_WARN(logger(), "use {} as chaincode endpoint because of error in computeChaincodeEndpoint: {}",
             kDevelopmentEndpoint, endpoint.error().message);
    endpoint = kDevelopmentEndpoint;
  }
  LOG_INFO(logger(), "Exit with ccEndpoint: {}", *endpoint);

  chaincode::ListenerSettings settings;
  settings.endpoint = std::move(*endpoint);
  settings.listen_address = core.chaincode_listen_address;
  if (settings.listen_address.empty()) {
    settings.listen_address = peer_host + ":7052";
    // Two peers on one machine whose operator says nothing of chaincode both work.
    settings.required = development;
    LOG_WARN(logger(), "peer.chaincodeListenAddress is not set, using {}", settings.listen_address);
  }
  settings.tls = core.tls.enabled;
  settings.mspid = core.msp_id;
  settings.development_folder = core.filesystem_path + "/chaincode-development";
  settings.handshake_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(core.handshake_timeout);
  return settings;
}

void show_chaincode_listener(TlsUpkeep& upkeep, const chaincode::ChaincodeListener* listener) {
  if (listener == nullptr) return;
  if (const auto& tls = listener->tls()) {
    upkeep.registry().add_pair({.role = "chaincode TLS",
                                .store = tls->credentials(),
                                .as_server = true,
                                .as_client = false,
                                .hosts = {},
                                .trusted_by = nullptr,
                                .judge = {}});
    upkeep.registry().add_pool({.name = "ChaincodeServer", .of_clients = true, .store = tls->trust()});
  }
  upkeep.add_server(listener->server(), "certificate hash bound to the chaincode");
}

}  // namespace selvage::node
