// Plans out of what is known of a channel's peers: which of them to ask, the best first.
//
// Best: the highest ledger; this peer itself where several are as high. Safe from any thread.
// Fabric quirk: internal/pkg/gateway/registry.go; texts are Fabric's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "gateway/network.h"
#include "gateway/plan.h"

namespace selvage::gateway {

// Endorsers by who they are: this peer itself, or a connection to another one.
class Endorsers {
 public:
  virtual ~Endorsers() = default;
  [[nodiscard]] virtual EndorserPtr local() = 0;
  // Null when there is no way to reach it.
  [[nodiscard]] virtual EndorserPtr find(const std::string& channel, const Member& member) = 0;
  // The connection failed: the next find() makes a new one.
  virtual void drop(const Endorser& endorser) = 0;
};

class Planner {
 public:
  struct Parts {  // all outlive it
    Network& network;
    Endorsers& endorsers;
    Random& random;
    std::function<bool(const std::string& chaincode)> is_system;
  };
  explicit Planner(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] const std::string& local_mspid() const { return parts_.endorsers.local()->member().mspid; }
  [[nodiscard]] Endorsers& endorsers() const { return parts_.endorsers; }
  [[nodiscard]] Network& network() const { return parts_.network; }

  // One peer of each of these organisations. "failed to find any endorsing peers for org(s): Org2MSP"
  [[nodiscard]] Result<Plan> for_orgs(const std::string& channel, const std::string& chaincode,
                                      const std::vector<std::string>& mspids) const;
  // Who can answer a query, in the order in which to ask: our own organisation's peers, then all others. `mspids` empty:
  // whoever has the chaincode. "no peers available to evaluate chaincode x in channel y"
  [[nodiscard]] Result<std::vector<EndorserPtr>> for_query(const std::string& channel, const std::string& chaincode,
                                                           const std::vector<std::string>& mspids) const;
  // What discovery says, layouts with the preferred endorser's group first. `preferred` may be null.
  [[nodiscard]] Result<Plan> for_interest(const std::string& channel, const ::protos::ChaincodeInterest& interest,
                                          const Endorser* preferred) const;

 private:
  struct Candidate {
    EndorserPtr endorser;
    uint64_t height;
  };
  using Candidates = std::map<std::string, std::vector<Candidate>>;  // by organisation
  [[nodiscard]] Candidates candidates(const std::string& channel, const std::string& chaincode) const;
  void best_first(std::vector<Candidate>& candidates) const;
  void shuffle(std::vector<Plan::Layout>& layouts) const;

  const Parts parts_;
};

}  // namespace selvage::gateway
