#include "deliver/serve/change_signal.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace selvage::deliver {

struct ChangeSignal::State {
  // Held while subscribers are called, so that an ended subscription is not running. They only post work elsewhere.
  std::mutex mutex;
  std::map<uint64_t, std::function<void()>> subscribers;
  uint64_t next = 1;
};

namespace {

class Entry final : public Subscription {
 public:
  explicit Entry(std::function<void()> end) : end_(std::move(end)) {}
  ~Entry() override { end_(); }

 private:
  std::function<void()> end_;
};

}  // namespace

ChangeSignal::ChangeSignal() : state_(std::make_shared<State>()) {}
ChangeSignal::~ChangeSignal() = default;

std::unique_ptr<Subscription> ChangeSignal::subscribe(std::function<void()> changed) {
  std::lock_guard lock(state_->mutex);
  const uint64_t id = state_->next++;
  state_->subscribers.emplace(id, std::move(changed));
  return std::make_unique<Entry>([state = state_, id] {
    std::function<void()> gone;  // destroyed outside the lock
    std::lock_guard inner(state->mutex);
    if (auto found = state->subscribers.find(id); found != state->subscribers.end()) {
      gone = std::move(found->second);
      state->subscribers.erase(found);
    }
  });
}

void ChangeSignal::notify() {
  std::lock_guard lock(state_->mutex);
  for (const auto& [id, changed] : state_->subscribers) changed();
}

}  // namespace selvage::deliver
