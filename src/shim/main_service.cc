// main() of a chaincode: as a service, or dialling its peer, whichever its environment asks for.
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "os/signals.h"
#include "shim/chaincode.h"
#include "shim/chaincode_service.h"
#include "shim/peer_client.h"
#include "wire/protobuf_log.h"

namespace selvage::shim {
namespace {

const log::Logger logger("shim");

std::optional<std::string> variable(const std::string& name) {
  const char* found = std::getenv(name.c_str());
  return found == nullptr ? std::nullopt : std::optional<std::string>(found);
}

int complain(const Error& error) {
  std::cerr << "Error: " << to_string(error) << "\n";
  return 1;
}

// "-peer.address X", "--peer.address=X" and so on: what Fabric's shims take.
std::string address_of(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    while (word.starts_with('-')) word.remove_prefix(1);
    if (word == "peer.address" && i + 1 < argc) return argv[i + 1];
    if (word.starts_with("peer.address=")) return std::string(word.substr(13));
  }
  return "";
}

int run_service(Chaincode& chaincode, os::Signals& signals) {
  auto settings = settings_from_environment(variable);
  if (!settings) return complain(settings.error());
  auto service = ChaincodeService::make(chaincode, *settings);
  if (!service) return complain(service.error());
  if (Status started = (*service)->start(); !started) return complain(started.error());
  LOG_INFO(logger, "Serving chaincode {} on {}", settings->chaincode_id, (*service)->address());
  signals.wait();
  (*service)->stop(std::chrono::seconds(2));
  return 0;
}

int run_client(Chaincode& chaincode, os::Signals& signals, const std::string& peer_address) {
  auto settings = client_settings_from_environment(variable, peer_address);
  if (!settings) return complain(settings.error());
  auto client = PeerClient::make(chaincode, *settings);
  if (!client) return complain(client.error());
  Status ended;
  std::thread conversation([&] {
    ended = (*client)->run();
    signals.stop();
  });
  signals.wait();
  (*client)->stop();
  conversation.join();
  return ended ? 0 : complain(ended.error());
}

}  // namespace

int serve(Chaincode& chaincode, int argc, char** argv) {
  wire::route_protobuf_log();
  os::Signals signals(logger);
  const std::string peer_address = address_of(argc, argv);
  const bool is_service = peer_address.empty() && variable("CHAINCODE_SERVER_ADDRESS").value_or("") != "";
  const bool is_client = !peer_address.empty() || variable("CORE_PEER_ADDRESS").value_or("") != "";
  if (is_service || !is_client) return run_service(chaincode, signals);
  return run_client(chaincode, signals, peer_address);
}

}  // namespace selvage::shim
