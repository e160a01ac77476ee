#include <cstdio>

#include <atomic>

#include "base/log.h"
#include "node/peer/peer_node.h"
#include "os/file_limit.h"
#include "os/signals.h"
#include "wire/protobuf_log.h"

namespace selvage::node {
namespace {

int refuse(const Error& error) {
  std::fprintf(stderr, "Error: %s\n", to_string(error).c_str());
  return 1;
}

}  // namespace

int run_peer_node(bool development) {
  wire::route_protobuf_log();
  os::raise_file_limit();
  static const log::Logger logger("nodeCmd");
  os::Signals signals(logger);
  LOG_INFO(logger, "Starting peer:\n Version: v3.1.5");
  auto settings = config::load_core_settings(config::process_environment());
  if (!settings) return refuse(settings.error());
  if (development) settings->chaincode.mode = "dev";
  if (settings->chaincode.mode == "dev") {
    LOG_INFO(logger, "Running in chaincode development mode");
    LOG_INFO(logger, "Disable loading validity system chaincode");
  }
  LOG_INFO(logger, "Peer config with combined core.yaml settings and environment variable overrides:\n{}", settings->effective);
  std::atomic<bool> failed = false;
  auto node = PeerNode::make(std::move(*settings), [&] {
    failed = true;
    signals.stop();
  });
  if (!node) return refuse(node.error());
  if (auto started = (*node)->start(); !started) return refuse(started.error());
  signals.wait([&] { (*node)->reload(); });
  (*node)->stop();
  return failed ? 1 : 0;
}

}  // namespace selvage::node
