// This peer's own endorser as one of the gateway's.
#pragma once

#include <functional>
#include <memory>

#include "gateway/network.h"

namespace selvage::gateway {

struct LocalEndorserParts {
  Member member;  // ourselves
  // Executes and signs; may work in the calling thread. Errors as endorse::Endorser's.
  std::function<void(const ::protos::SignedProposal& proposal, Endorser::Done done)> process;
  // Soon, on a thread of a pool; never within the call.
  std::function<void(std::function<void()>)> post;
};
[[nodiscard]] EndorserPtr make_local_endorser(LocalEndorserParts parts);

}  // namespace selvage::gateway
