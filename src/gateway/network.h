// What the gateway must know of the network: who is in a channel, which combinations of peers satisfy a policy, and how to
// reach each of them. Declared here, plugged in by node/peer. All safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "tls/trust.h"

namespace selvage::channel {
class Bundle;
}

namespace selvage::gateway {

// A peer of a channel, as it is known now.
struct Member {
  Bytes pki_id;
  std::string endpoint;  // "host:port" to dial; may be empty
  std::string mspid;
  uint64_t height = 0;   // blocks in its ledger
  std::vector<std::string> chaincodes;  // names of those it runs
};

// Combinations of peers that satisfy an endorsement policy: so many of each group.
struct Descriptor {
  std::vector<std::map<std::string, uint32_t>> layouts;
  std::map<std::string, std::vector<Member>> groups;
};

class Network {
 public:
  virtual ~Network() = default;
  // Ourselves included; empty for a channel that we have not joined.
  [[nodiscard]] virtual std::vector<Member> members(const std::string& channel) = 0;
  // Who can endorse what touches this. The error's text is what discovery says.
  [[nodiscard]] virtual Result<Descriptor> endorsers(const std::string& channel,
                                                     const ::protos::ChaincodeInterest& interest) = 0;
  // The configuration in force; null: not joined.
  [[nodiscard]] virtual std::shared_ptr<const channel::Bundle> bundle(const std::string& channel) = 0;
};

// What came of one proposal at one endorser.
struct EndorserAnswer {
  bool failed = false;            // no response: `error` says why
  Code code = Code::kOk;          // failed: the gRPC code
  std::string error;              // failed: as Go prints the error
  bool refused = false;           // failed: the peer's own checks refused the proposal; another peer would as well
  ::protos::ProposalResponse response;
};

// One peer that can be asked to endorse.
class Endorser {
 public:
  virtual ~Endorser() = default;
  [[nodiscard]] virtual const Member& member() const = 0;  // its height and chaincodes are not kept up to date
  [[nodiscard]] virtual bool is_local() const { return false; }
  using Done = std::function<void(EndorserAnswer answer)>;
  // `done` runs once, on any thread, not within the call. The answer, which may be empty, ends what is under way, with a
  // failure; without effect later on.
  virtual std::function<void()> process(std::shared_ptr<const ::protos::SignedProposal> proposal,
                                        std::chrono::milliseconds timeout, Done done) = 0;
};
using EndorserPtr = std::shared_ptr<Endorser>;

// An orderer of a channel's configuration.
struct OrdererEndpoint {
  std::string address;      // as the configuration names it
  std::string dial;         // where to: differs when it is overridden
  std::string log_address;  // for messages: "to (mapped from address)"
  std::string mspid;
  std::vector<tls::Root> roots;  // empty: no TLS. Fabric quirk: internal/pkg/gateway/endpoint.go
  [[nodiscard]] bool operator==(const OrdererEndpoint& other) const;
};

}  // namespace selvage::gateway
