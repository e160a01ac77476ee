// Where a channel's ordering service can be reached, and whom to believe there. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/origin.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "tls/trust.h"

namespace selvage::deliver {

// peer.deliveryclient.addressOverrides: another address, with its own roots, in place of one of the configuration.
struct AddressOverride {
  std::string from;
  std::string to;
  std::vector<tls::Root> roots;
};

struct Endpoint {
  std::string address;  // "host:port", overridden if so configured
  std::vector<tls::Root> roots;
  [[nodiscard]] bool operator==(const Endpoint& other) const;
};

// Endpoints of the orderer organisations, each with its organisation's TLS roots and intermediates; when no organisation
// names any, the channel's global addresses with the roots of all. Sorted by address, so that equal means unchanged.
// Fabric quirk: common/deliverclient/orderers/connection.go.
[[nodiscard]] std::vector<Endpoint> orderer_endpoints(const channel::Bundle& bundle,
                                                      const std::vector<AddressOverride>& overrides);

// Which endpoint is next: random, but none again before all others were tried, so that one dead orderer costs one attempt.
// One thread.
class EndpointChoice {
 public:
  explicit EndpointChoice(Random& random) : random_(random) {}
  // True when they differ from those before.
  bool set(std::vector<Endpoint> endpoints);
  // Null when there are none. Lives until the next set().
  [[nodiscard]] const Endpoint* next();

 private:
  Random& random_;
  std::vector<Endpoint> endpoints_;
  std::vector<size_t> untried_;
};

}  // namespace selvage::deliver
