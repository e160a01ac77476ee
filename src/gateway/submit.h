// Submit: hands a signed transaction to the ordering service, one orderer after another or, for BFT, all at once.
//
// No thread waits; `done` runs once. A call that is cancelled cancels what orderers were asked.
// Fabric quirk: internal/pkg/gateway/submit.go; codes and texts are Fabric's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "gateway/answers.h"
#include "gateway/endorse.h"
#include "gateway/gateway.pb.h"
#include "gateway/network.h"

namespace selvage::gateway {

struct OrdererAnswer {
  bool failed = false;  // no answer: `error` says why
  std::string error;
  int status = 0;       // common.Status
  std::string info;
};

// One orderer that takes envelopes. Safe from any thread.
class Orderer {
 public:
  virtual ~Orderer() = default;
  [[nodiscard]] virtual const OrdererEndpoint& endpoint() const = 0;
  using Done = std::function<void(OrdererAnswer answer)>;
  // `done` runs once, on any thread, not within the call. The answer ends what is under way, with a failure; may be empty.
  virtual std::function<void()> broadcast(std::shared_ptr<const Bytes> envelope, std::chrono::milliseconds timeout,
                                          Done done) = 0;
};

class Orderers {
 public:
  virtual ~Orderers() = default;
  // A connection to each, kept for the next time; those of the channel that are not named any more are closed.
  [[nodiscard]] virtual std::vector<std::shared_ptr<Orderer>> use(const std::string& channel,
                                                                  const std::vector<OrdererEndpoint>& endpoints) = 0;
};

// Another address, with its own roots, in place of one of the configuration (peer.deliveryclient.addressOverrides).
struct OrdererOverride {
  std::string from;
  std::string to;
  std::vector<tls::Root> roots;
};

// Every organisation's endpoints with its TLS roots and intermediates; where none names any, the channel's global addresses.
[[nodiscard]] std::vector<OrdererEndpoint> orderer_endpoints(const channel::Bundle& bundle,
                                                             const std::vector<OrdererOverride>& overrides);

// How many of n orderers must accept: any two such sets share an honest one. Fabric quirk: not n - f.
[[nodiscard]] size_t bft_quorum(size_t n);

struct SubmitParts {  // all outlive all calls
  Network& network;
  Orderers& orderers;
  Random& random;
  std::vector<OrdererOverride> overrides;
  std::chrono::milliseconds broadcast_timeout;  // of each orderer
};

void submit(const SubmitParts& parts, ::gateway::SubmitRequest request, Cancelled cancelled,
            Answered<::gateway::SubmitResponse> done);

}  // namespace selvage::gateway
