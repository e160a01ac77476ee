// The endorsing half of a peer, joined from its parts: packages, definitions, chaincode processes, system chaincode and
// the endorser itself.
//
// node/peer makes one, gives it the peer's channels (chaincode/channels.h), adds the gRPC service of endorser(), and
// tells it when a block changed `_lifecycle`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/metrics.h"
#include "base/result.h"
#include "chaincode/chaincodes.h"
#include "chaincode/channels.h"
#include "chaincode/launcher.h"
#include "chaincode/listener/listener_service.h"
#include "chaincode/package_runner.h"
#include "endorse/endorser.h"
#include "identity/posix_msp_directory.h"
#include "lifecycle/definition.h"

namespace selvage::node {

struct EndorsementSettings {
  std::string chaincode_directory;  // <peer.fileSystemPath>/lifecycle/chaincodes
  endorse::Settings endorser;
  chaincode::ExecuteSettings execute;
  chaincode::LaunchSettings launch;
  chaincode::PackageRunnerSettings run;
  std::optional<chaincode::ListenerSettings> listener;  // unset: no chaincode can dial this peer
  bool development = false;                             // chaincode.mode dev: chaincode is started by hand
  std::set<std::string> system;                         // chaincode.system: those that are enabled; empty: all
  std::shared_ptr<const plugin::Plugins> plugins;       // peer.handlers; null: the built-in ones
};

class Endorsement {
 public:
  struct Parts {  // all outlive it
    chaincode::Channels& channels;
    const identity::LocalMsp& local;
    Disk& disk;
    const Clock& clock;
    metrics::Provider& metrics;
    identity::SignatureMemory* signatures = nullptr;  // shared with validation; may be null
    endorse::Disseminate disseminate;                 // of private data; may be empty
    std::function<Status()> admits;                   // endorse::Endorser::Parts; may be empty
  };
  [[nodiscard]] static Result<std::unique_ptr<Endorsement>> make(EndorsementSettings settings, Parts parts);
  ~Endorsement();

  [[nodiscard]] endorse::Endorser& endorser();
  // ACLs of channel configurations and Fabric's defaults; for other services of the peer too.
  [[nodiscard]] const chaincode::AccessCheck& access() const;
  // After a block was committed that wrote to `_lifecycle`, after a join, and for each channel at start: from then on
  // definitions are read anew, and chaincode that became runnable is connected and kept so. Any thread but loops.
  void lifecycle_changed(const std::string& channel_id);
  // What this peer can run on a channel (name, sequence), each time it was looked at. Before the first lifecycle_changed().
  void on_runnable(
      std::function<void(const std::string& channel_id, std::vector<std::pair<std::string, int64_t>> runnable)> told);
  // The newest committed definition, as it is remembered between calls of lifecycle_changed(). kNotFound: there is none.
  [[nodiscard]] Result<std::shared_ptr<const lifecycle::Definition>> definition(const std::string& channel_id,
                                                                                const std::string& chaincode);
  [[nodiscard]] bool is_system(const std::string& chaincode) const;
  // Null when chaincode cannot dial this peer. For the operations endpoint.
  [[nodiscard]] const chaincode::ChaincodeListener* listener() const;
  // Serves the chaincode listener. kUnavailable when its address is taken.
  Status start();
  // Where chaincode dials this peer, after start(); empty without listener.
  [[nodiscard]] std::string chaincode_address() const;
  // Ends conversations with chaincode; what runs fails.
  void stop();

 private:
  struct State;
  explicit Endorsement(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace selvage::node
