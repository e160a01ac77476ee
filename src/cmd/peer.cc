// peer: the node (`peer node start`) and the commands that talk to nodes.
#include <iostream>

#include "node/allocator.h"
#include "node/peer/peer_node.h"
#include "os/log_sink.h"
#include "tools/peer/peer.h"

extern "C" {
const char* malloc_conf = selvage::node::kAllocatorSettings;  // jemalloc looks for this name
}

int main(int argc, char** argv) {
  using selvage::tools::cobra::Call;
  if (auto ready = selvage::os::start_logging(); !ready) {
    std::cerr << "Error: " << selvage::to_string(ready.error()) << "\n";
    return 1;
  }
  selvage::tools::cobra::Command start;
  start.use = "start";
  start.summary = "Starts the node.";
  start.help = "Starts a node that interacts with the network.";
  start.flags = {{"peer-chaincodedev", 0, selvage::tools::cobra::Kind::kSwitch,
                  "start peer in chaincode development mode", "false"}};
  start.run = [](Call& call) -> selvage::Status {
    if (!call.arguments().empty()) return selvage::fail(selvage::Code::kInvalidArgument, "trailing args detected");
    call.silence_usage();
    if (selvage::node::run_peer_node(call.flag("peer-chaincodedev")) == 0) return {};
    return selvage::fail(selvage::Code::kUnknown, "");  // said already
  };
  return selvage::tools::peer::run({argv + 1, argv + argc}, {std::cout, std::cerr}, {start});
}
