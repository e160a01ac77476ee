// Channels that change hands: a follower that was made a consenter, a consenter that was removed.
#include <utility>

#include "base/log.h"
#include "order/cluster/transport_client.h"
#include "order/registrar.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.multichannel");
  return instance;
}

}  // namespace

// The thread of those changes, since chains and followers cannot end their own threads.
void Registrar::post(std::function<void()> task) {
  std::lock_guard lock(tasks_mutex_);
  if (tasks_end_) return;
  tasks_.push_back(std::move(task));
  tasks_wake_.notify_all();
}

void Registrar::run_tasks() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(tasks_mutex_);
      tasks_wake_.wait(lock, [&] { return tasks_end_ || !tasks_.empty(); });
      if (tasks_end_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

Result<std::shared_ptr<Follower>> Registrar::make_follower(const std::string& channel,
                                                           std::shared_ptr<ledger::BlockStore> store,
                                                           std::optional<common::Block> join_block, bool wary) {
  if (!parts_.make_source) return fail(Code::kInvalidArgument, "there is nothing to pull blocks with");
  // The log stays: whether we come back as the node that it belongs to, the configuration will say. It has what that node
  // voted for and what it acknowledged.
  SELVAGE_TRY(const auto log_of, raft::Wal::owner(parts_.disk, settings_.wal_directory + "/" + channel));
  SELVAGE_CHECK(joins_.save_following(channel, log_of));
  Follower::Parts parts{parts_.clock,
                        parts_.make_source(channel),
                        parts_.server_certificate,
                        parts_.on_bundle,
                        [this, channel] {
                          if (const auto now = info(channel)) report(*now);
                        },
                        [this, channel] { post([this, channel] { switch_to_chain(channel); }); }};
  SELVAGE_TRY(auto made, Follower::make(std::move(parts), std::move(store), channel, std::move(join_block), wary));
  return std::shared_ptr<Follower>(std::move(made));
}

void Registrar::switch_to_chain(const std::string& channel) {
  std::lock_guard changing(changing_);
  std::shared_ptr<Follower> follower;
  {
    std::lock_guard lock(mutex_);
    const auto found = followers_.find(channel);
    if (found == followers_.end()) return;  // removed meanwhile
    follower = found->second;
  }
  follower->stop();
  const auto made = [&]() -> Result<std::shared_ptr<ChainWorker>> {
    auto store = follower->store();
    SELVAGE_TRY(const auto end, end_of(*store));
    SELVAGE_TRY(auto chain, make_chain(channel, end.bundle, store));
    SELVAGE_CHECK(joins_.join_done(channel));
    SELVAGE_CHECK(joins_.following_done(channel));
    return chain;
  }();
  if (!made) {
    LOG_ERROR(logger(), "Channel {} cannot be switched from follower to consenter; restart this orderer once the reason is "
                        "mended: {}",
              channel, to_string(made.error()));
    return;
  }
  {
    std::lock_guard lock(mutex_);
    followers_.erase(channel);
    chains_[channel] = *made;
  }
  (*made)->start();
  report(describe(channel, **made));
  LOG_INFO(logger(), "Created and started channel {}", channel);
}

void Registrar::switch_to_follower(const std::string& channel) {
  std::lock_guard changing(changing_);
  const auto chain = this->chain(channel);
  if (!chain || !chain->evicted()) {
    LOG_INFO(logger(), "Channel {} consenter was removed", channel);
    return;
  }
  chain->stop();
  auto made = make_follower(channel, chain->store(), std::nullopt, true);
  if (!made) {
    LOG_ERROR(logger(), "Failed to create follower.Chain for channel '{}', error: {}", channel, to_string(made.error()));
    return;
  }
  {
    std::lock_guard lock(mutex_);
    chains_.erase(channel);
    followers_[channel] = *made;
  }
  (*made)->start();
  LOG_INFO(logger(), "Created and started a follower.Chain for channel {}", channel);
}

void Registrar::heard_of(const std::string& channel, raft::NodeId id) {
  if (parts_.transport != nullptr) parts_.transport->heard_of(channel, id);
}

}  // namespace selvage::order
