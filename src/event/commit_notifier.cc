#include "event/commit_notifier.h"

#include <mutex>
#include <unordered_map>

namespace selvage::event {
namespace {

// Channel names hold no control characters, so that this is one of a kind.
std::string key_of(std::string_view channel_id, std::string_view transaction_id) {
  std::string key(channel_id);
  key.push_back('\0');
  key.append(transaction_id);
  return key;
}

}  // namespace

struct CommitNotifier::State {
  mutable std::mutex mutex;
  bool stopped = false;
  uint64_t last_id = 0;
  struct Waiting {
    uint64_t id;
    Told told;
  };
  std::unordered_multimap<std::string, Waiting> waiting;

  void remove(const std::string& key, uint64_t id) {
    std::lock_guard lock(mutex);
    const auto [begin, end] = waiting.equal_range(key);
    for (auto at = begin; at != end; ++at) {
      if (at->second.id != id) continue;
      waiting.erase(at);
      return;
    }
  }
};

namespace {

class Registered final : public CommitNotifier::Watch {
 public:
  explicit Registered(std::function<void()> remove) : remove_(std::move(remove)) {}
  ~Registered() override { remove_(); }

 private:
  std::function<void()> remove_;
};

}  // namespace

CommitNotifier::CommitNotifier() : state_(std::make_shared<State>()) {}
CommitNotifier::~CommitNotifier() { stop(); }

std::unique_ptr<CommitNotifier::Watch> CommitNotifier::watch(const std::string& channel_id,
                                                             const std::string& transaction_id, Told told) {
  const std::string key = key_of(channel_id, transaction_id);
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->stopped) {
      const uint64_t id = ++state_->last_id;
      state_->waiting.emplace(key, State::Waiting{id, std::move(told)});
      return std::make_unique<Registered>([weak = std::weak_ptr(state_), key, id] {
        if (auto state = weak.lock()) state->remove(key, id);
      });
    }
  }
  told(std::nullopt);
  return std::make_unique<Registered>([] {});
}

void CommitNotifier::committed(const std::string& channel_id, uint64_t block, const Committed& transactions) {
  std::vector<std::pair<Told, TransactionStatus>> due;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->waiting.empty()) return;
    for (const auto& [id, code] : transactions) {
      if (id.empty()) continue;
      const auto [begin, end] = state_->waiting.equal_range(key_of(channel_id, id));
      for (auto at = begin; at != end; ++at) due.emplace_back(std::move(at->second.told), TransactionStatus{block, code});
      state_->waiting.erase(begin, end);
    }
  }
  for (const auto& [told, status] : due) told(status);
}

void CommitNotifier::stop() {
  std::vector<Told> due;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    for (auto& [key, waiting] : state_->waiting) due.push_back(std::move(waiting.told));
    state_->waiting.clear();
  }
  for (const auto& told : due) told(std::nullopt);
}

size_t CommitNotifier::waiting() const {
  std::lock_guard lock(state_->mutex);
  return state_->waiting.size();
}

}  // namespace selvage::event
