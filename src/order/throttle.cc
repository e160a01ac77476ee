#include "order/throttle.h"

#include <algorithm>

namespace selvage::order {

SteadyTime Throttle::admit(const Bytes& who, SteadyTime now) {
  if (settings_.rate <= 0) return now;
  std::lock_guard lock(mutex_);
  if (started_ == SteadyTime{}) started_ = now;
  const int64_t second = std::chrono::floor<std::chrono::seconds>(now - started_).count();
  if (pruned_ < second) {
    pruned_ = second;
    std::erase_if(clients_, [&](const auto& entry) {
      return std::max(entry.second.seen, begin_of(entry.second.second)) + settings_.inactivity < now;
    });
  }
  const auto [place, is_new] = clients_.try_emplace(who);
  Client& client = place->second;
  client.seen = now;
  if (is_new) client.second = second;
  if (++client.used > settings_.rate / static_cast<int>(clients_.size())) {
    client.second = client.second < second ? second : client.second + 1;
    client.used = 0;
  }
  return std::max(begin_of(client.second), now);
}

size_t Throttle::clients() const {
  std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace selvage::order
