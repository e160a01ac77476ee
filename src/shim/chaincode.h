// The face of a chaincode, and how it is served. A whole program:
//
//   class Counter : public selvage::shim::Chaincode {
//     Response invoke(Stub& stub) override { ... }
//   };
//   int main(int argc, char** argv) { Counter counter; return selvage::shim::serve(counter, argc, argv); }
#pragma once

#include "shim/response.h"
#include "shim/stub.h"

namespace selvage::shim {

// invoke() and init() run on several threads at once, one transaction each: keep no state but the ledger's.
class Chaincode {
 public:
  virtual ~Chaincode() = default;
  // Only for definitions with --init-required, once, before the first invoke.
  [[nodiscard]] virtual Response init(Stub& stub) { return success(); }
  [[nodiscard]] virtual Response invoke(Stub& stub) = 0;
};

// Runs `chaincode` until SIGTERM, SIGINT or, where it dialled its peer, until the peer ends the conversation:
// - as a service that peers dial, when CHAINCODE_SERVER_ADDRESS is set (shim/chaincode_service.h says what else);
// - dialling the peer, when the command line has -peer.address or the environment CORE_PEER_ADDRESS
//   (shim/peer_client.h): started by an external builder, or by hand for a peer in development mode.
// Gives main()'s exit code; a wrong setting is one line on stderr: setting, file, remedy.
[[nodiscard]] int serve(Chaincode& chaincode, int argc = 0, char** argv = nullptr);

}  // namespace selvage::shim
