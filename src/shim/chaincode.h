// The face of a chaincode, and how it is served. A whole program:
//
//   class Counter : public selvage::shim::Chaincode {
//     Response invoke(Stub& stub) override { ... }
//   };
//   int main() { Counter counter; return selvage::shim::serve(counter); }
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

// Serves `chaincode` as the environment says (shim/chaincode_service.h) until SIGTERM or SIGINT. Gives main()'s exit code;
// a wrong setting is one line on stderr: setting, file, remedy.
[[nodiscard]] int serve(Chaincode& chaincode);

}  // namespace selvage::shim
