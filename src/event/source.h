// What event/ must know of the peer's channels; node/peer plugs them in. Safe from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "policy/policy.h"

namespace selvage::ledger {
class Ledger;
}

namespace selvage::event {

// Ends a subscription when destroyed; afterwards the function does not run any more. Not to be destroyed within it.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Channel {
 public:
  virtual ~Channel() = default;
  [[nodiscard]] virtual ledger::Ledger& ledger() = 0;
  // Calls `changed` after each block that was committed, on the commit thread: it must only post work elsewhere.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(std::function<void()> changed) = 0;
};

class Channels {
 public:
  virtual ~Channels() = default;
  // Null when this peer has not joined the channel.
  [[nodiscard]] virtual std::shared_ptr<Channel> find(const std::string& channel_id) = 0;
};

// May the signer of this request use the resource on the channel? Errors are what clients are told (kPermissionDenied).
using AccessCheck = std::function<Status(std::string_view resource, const std::string& channel_id,
                                         const policy::SignedData& signed_data)>;

}  // namespace selvage::event
