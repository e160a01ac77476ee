// Which peers get private data before its endorsement is given out: one of each eligible organisation first, then others,
// up to the collection's maximum; the first `required` of them must acknowledge it.
//
// Pure. Fabric quirk: gossip/privdata/distributor.go disseminationPlanForMsg.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "gossip/peer_view.h"

namespace selvage::gossip {

struct Recipient {
  Bytes pki_id;
  std::string endpoint;
  bool must_acknowledge = false;
};

// `eligible`: peers of the channel that the collection's policy admits. kUnavailable "required to disseminate to at least 2
// peers, but know of only 1 eligible peers".
[[nodiscard]] Result<std::vector<Recipient>> plan_dissemination(const std::vector<PeerInfo>& eligible, int required, int maximum,
                                                                Random& random);

}  // namespace selvage::gossip
