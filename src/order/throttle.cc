#include "order/throttle.h"

#include <algorithm>

namespace selvage::order {
namespace {
constexpr auto kSecond = std::chrono::seconds(1);
}

SteadyTime Throttle::admit(const Bytes& who, SteadyTime now) {
  if (settings_.rate <= 0) return now;
  std::lock_guard lock(mutex_);
  Client& client = clients_[who];
  client.seen = now;
  if (now - pruned_ >= kSecond) {
    pruned_ = now;
    std::erase_if(clients_, [&](const auto& entry) {
      return std::max(entry.second.seen, entry.second.second) + settings_.inactivity < now;
    });
  }
  const int share = std::max(settings_.rate / static_cast<int>(clients_.size()), 1);
  if (now - client.second >= kSecond) {
    client.second = now;
    client.used = 0;
  }
  if (client.used >= share) {
    client.second += kSecond;
    client.used = 0;
  }
  ++client.used;
  return std::max(client.second, now);
}

size_t Throttle::clients() const {
  std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace selvage::order
