// Executes chaincode of any kind: system chaincodes in this process, the others through the shim protocol in a process
// that is launched or dialled when it is first needed.
//
// Called by the endorser (through node/peer) and, for chaincode that calls chaincode, by shim sessions. Decides whether
// the channel knows the chaincode, whether this organisation approved it, whether its package is installed, and enforces
// "init exactly once". Safe from any thread. What runs chaincode ends later, on a thread of the sessions' pool, or within the
// call when there is nothing to wait for (system chaincode, refusals); it blocks only while a process is being launched.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "chaincode/session/shim_session.h"
#include "chaincode/transaction.h"

namespace protos {
class ChaincodeInput;
}

namespace selvage::chaincode {

class Channels;
class DefinitionCache;
class Launcher;
class SystemChaincode;

struct ExecuteSettings {
  std::chrono::nanoseconds execute_timeout = std::chrono::seconds(30);  // chaincode.executetimeout
  std::chrono::nanoseconds install_timeout = std::chrono::seconds(300);  // chaincode.installTimeout
  bool development = false;  // chaincode.mode dev: what is not installed runs as <name>:<version>, started by hand
};

// What an endorsement needs to know of the definition in force.
struct DefinitionInfo {
  std::string version;
  std::string endorsement_plugin;
  bool init_required = false;
  std::string package_id;  // how to find its process
};

class Chaincodes {
 public:
  struct Parts {  // all outlive this object
    Channels& channels;
    DefinitionCache& definitions;
    Launcher& launcher;
    AccessCheck access;  // peer/ChaincodeToChaincode
  };
  Chaincodes(ExecuteSettings settings, Parts parts);
  ~Chaincodes();

  // Before the first call of execute().
  void add_system(std::unique_ptr<SystemChaincode> chaincode);
  [[nodiscard]] bool is_system(const std::string& name) const;

  // Reads `_lifecycle` through the transaction's simulator, as Go does, so that the read enters the read set. Errors:
  // Fabric's texts ("chaincode definition for 'x' exists, but chaincode is not installed", ...).
  [[nodiscard]] Result<DefinitionInfo> definition(const Transaction& transaction, const std::string& chaincode);

  // Errors: Fabric's texts from "failed to execute transaction <txid>: " on; a chaincode that answers with an error
  // status is an Outcome, not an Error. `transaction` and all that it borrows must live until `done` has run.
  void execute(const Transaction& transaction, const std::string& chaincode, const protos::ChaincodeInput& input,
               std::function<void(Result<Outcome>)> done);

  // The same, but the message with which the chaincode ended; for calls from chaincode to chaincode.
  void invoke(const Transaction& transaction, const std::string& chaincode, const protos::ChaincodeInput& input, Ended done);
  // A call from chaincode to `target` ("name", "name:version", "name/channel"): ACL first, then invoke(). Another
  // channel's ledger is only read: what is written there is dropped, as in Go.
  void invoke_from_chaincode(const Transaction& caller, const std::string& target, const protos::ChaincodeInput& input,
                             Ended done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::chaincode
