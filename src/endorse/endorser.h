// Endorsement of one proposal: check it, run the chaincode against a snapshot of the ledger, sign what it would write.
//
// Called by endorse/endorser_service (network) and by the gateway (in process). The other stages are plugged in by
// node/peer through the interfaces below; nothing here knows sockets. A proposal is parsed once and its signature is
// verified once: who comes later in the pipeline (ACLs, collections) is handed the verified identity.
//
// Texts and their order are Fabric's. Fabric quirk: core/endorser/endorser.go answers some failures with a gRPC error and
// some with a response of status 500; process() keeps the difference.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "identity/msp.h"
#include "identity/signature_memory.h"
#include "identity/signer.h"
#include "peer/chaincode_event.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "plugin/plugins.h"

namespace selvage::channel {
class Bundle;
}
namespace selvage::ledger {
class Ledger;
class TxSimulator;
}  // namespace selvage::ledger
namespace transientstore {
class TxPvtReadWriteSetWithConfigInfo;
}

namespace selvage::endorse {

struct UnpackedProposal;

// One joined channel as endorsement needs it. Safe from any thread.
class Channel {
 public:
  virtual ~Channel() = default;
  [[nodiscard]] virtual std::shared_ptr<const channel::Bundle> bundle() const = 0;
  [[nodiscard]] virtual ledger::Ledger& ledger() = 0;
  // Of the newest committed state, with the check of collection names (chaincode/collections.h makes it).
  [[nodiscard]] virtual std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) = 0;
};

class Channels {
 public:
  virtual ~Channels() = default;
  // Null when this peer has not joined the channel.
  [[nodiscard]] virtual std::shared_ptr<Channel> find(const std::string& channel_id) = 0;
};

// What a chaincode is run with. Borrowed until it has ended.
struct Invocation {
  const UnpackedProposal& proposal;
  const std::shared_ptr<const identity::Identity>& creator;  // its signature over the proposal has been verified
  std::shared_ptr<Channel> channel;     // null for a proposal without channel
  ledger::TxSimulator* simulator = nullptr;  // null for such a proposal, for cscc and for qscc
};

// What the channel's committed definition (or a system chaincode) says about endorsing.
struct EndorsementInfo {
  std::string version;
  std::string plugin;  // by name of core.yaml's peer.handlers.endorsers: "escc"
};

struct ChaincodeOutcome {
  protos::Response response;
  std::optional<protos::ChaincodeEvent> event;
};

// Runs chaincode; implemented over chaincode/ by node/peer. Safe from any thread.
class ChaincodeRunner {
 public:
  virtual ~ChaincodeRunner() = default;
  [[nodiscard]] virtual bool is_system(const std::string& chaincode) const = 0;
  // Reads the definition through the invocation's simulator, so that the read is part of the read set.
  [[nodiscard]] virtual Result<EndorsementInfo> endorsement_info(const Invocation& invocation) = 0;
  // `done` runs once, within the call or later on a thread that may wait; the invocation must live until then. Takes up to
  // the execute timeout.
  virtual void execute(const Invocation& invocation, std::function<void(Result<ChaincodeOutcome>)> done) = 0;
};

// Hands the private write sets of an endorsed transaction to other members of their collections, before the endorsement
// is given out; they are in our own transient store already. An error fails the endorsement.
using Disseminate = std::function<Status(const std::string& channel_id, const std::string& txid,
                                         const transientstore::TxPvtReadWriteSetWithConfigInfo& writes, uint64_t height)>;

// "May this caller use this resource on this channel": ACLs of the channel configuration or Fabric's defaults.
using AccessCheck = std::function<Status(const std::string& resource, const std::string& channel_id,
                                         const std::shared_ptr<const identity::Identity>& caller)>;

struct Settings {
  // peer.authentication.timewindow (CORE_PEER_AUTHENTICATION_TIMEWINDOW): how far a proposal's timestamp may be off.
  std::chrono::nanoseconds time_window = std::chrono::minutes(15);
};

class Endorser {
 public:
  struct Parts {  // all outlive the Endorser
    Channels& channels;
    ChaincodeRunner& chaincodes;
    AccessCheck access;
    std::shared_ptr<const identity::Msp> local_msp;  // judges proposals without channel
    identity::SigningIdentity signer;
    Disseminate disseminate;  // empty: no peer is asked, and a collection that requires one refuses the write
    const Clock& clock;
    metrics::Provider& metrics;
    // Asked before anything is executed; an error is answered as a gRPC error. May be empty.
    std::function<Status()> admits;
    // Our own endorsements come back in blocks; what is in here need not be verified again. May be null.
    identity::SignatureMemory* signatures = nullptr;
    // peer.handlers; null: the built-in ones.
    std::shared_ptr<const plugin::Plugins> plugins = nullptr;
  };
  Endorser(Settings settings, Parts parts);
  ~Endorser();

  // An Error is what Fabric answers as a gRPC error (code kUnknown, Fabric's text); every other failure is a response
  // with status 500. `done` runs once, within the call or later on a thread that may wait, as this call may. Safe from any
  // thread; the Endorser outlives what is on the way.
  using Done = std::function<void(Result<protos::ProposalResponse> answer)>;
  void process(const protos::SignedProposal& signed_proposal, Done done);
  // The same, waiting for the end.
  [[nodiscard]] Result<protos::ProposalResponse> process(const protos::SignedProposal& signed_proposal);

 private:
  struct State;
  class Endorsing;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::endorse
