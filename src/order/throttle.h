// General.Throttling: how many messages a second one client, or one organisation, may send. Pure; the caller waits.
//
// The rate is that of all together and is divided by those who were heard of lately. Every second each of them gets its
// share again; whoever used up its share waits for the next one, and the message that waited does not count against it.
// A share that nobody waited for is kept for later, but only one. Fabric quirk: orderer/common/throttle
#pragma once

#include <chrono>
#include <map>
#include <mutex>

#include "base/bytes.h"
#include "base/clock.h"

namespace selvage::order {

// Any thread.
class Throttle {
 public:
  struct Settings {
    int rate = 0;                                         // messages a second; 0: no limit
    std::chrono::nanoseconds inactivity = std::chrono::seconds(5);  // after this a client counts no more
  };
  explicit Throttle(Settings settings) : settings_(settings) {}

  // A message of `who` came: when it may go on, `now` or later.
  [[nodiscard]] SteadyTime admit(const Bytes& who, SteadyTime now);
  [[nodiscard]] size_t clients() const;

 private:
  struct Client {
    int64_t second = 0;  // that the newest share is of; may lie ahead
    int used = 0;        // of it
    SteadyTime seen{};
  };
  [[nodiscard]] SteadyTime begin_of(int64_t second) const { return started_ + std::chrono::seconds(second); }
  const Settings settings_;
  mutable std::mutex mutex_;
  std::map<Bytes, Client> clients_;
  SteadyTime started_{};  // seconds are counted from the first message
  int64_t pruned_ = 0;    // the second in which that was done last
};

}  // namespace selvage::order
