// What Deliver reads from: one channel's chain of blocks with its current configuration. The orderer's chains and the
// peer's channels implement it; serve/deliver_service.h is the caller.
//
// All functions are safe from any thread and do not wait for anything but the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace common {
class Block;
}
namespace selvage::channel {
class Bundle;
}

namespace selvage::deliver {

// Ends a subscription when destroyed. Once the destructor has returned the callback is not running and never runs again,
// so it must not be destroyed from within that callback.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Source {
 public:
  virtual ~Source() = default;

  // Number of the newest block + 1; 0 for a channel that has none yet.
  [[nodiscard]] virtual uint64_t height() const = 0;
  // What "newest" means: height() - 1, but height() for a peer that joined by snapshot and has committed nothing since.
  // Only called when height() > 0.
  [[nodiscard]] virtual uint64_t newest() const { return height() - 1; }
  // kNotFound when the block is not here (height not reached, or older than the snapshot the peer joined by); any other
  // error is a fault of the disk. The block is shared and never changed.
  [[nodiscard]] virtual Result<std::shared_ptr<const common::Block>> block(uint64_t number) const = 0;
  // The configuration in force; never null.
  [[nodiscard]] virtual std::shared_ptr<const channel::Bundle> bundle() const = 0;
  // True while consensus is at fault (no leader, halted, removed): readers that did not ask for best effort are turned
  // away with SERVICE_UNAVAILABLE. Peers answer false.
  [[nodiscard]] virtual bool failing() const = 0;
  // Calls `changed` after every change of height(), bundle() or failing(). It runs on the thread that made the change,
  // sometimes under that thread's locks: it must only post work elsewhere. Changes may be merged into one call.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(std::function<void()> changed) = 0;
};

// The channels of a node.
class Sources {
 public:
  virtual ~Sources() = default;
  // Null when there is no such channel here. What it returns stays readable after the channel was removed.
  [[nodiscard]] virtual std::shared_ptr<Source> find(const std::string& channel) const = 0;
};

}  // namespace selvage::deliver
