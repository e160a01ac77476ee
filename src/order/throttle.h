// General.Throttling: how many messages a second one client, or one organisation, may send. Pure; the caller waits.
//
// The rate is that of all together and is divided by those who were heard of lately. What is more than a second's share is
// put off to the seconds that follow, in order. Fabric quirk: orderer/common/throttle
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
    SteadyTime second{};  // that the messages are counted for; may lie ahead
    int used = 0;
    SteadyTime seen{};
  };
  const Settings settings_;
  mutable std::mutex mutex_;
  std::map<Bytes, Client> clients_;
  SteadyTime pruned_{};
};

}  // namespace selvage::order
