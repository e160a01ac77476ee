// A channel that this orderer follows without being a consenter: blocks are taken from other orderers, first up to the
// block it was joined with (onboarding), then as they come, until a configuration names this orderer as a consenter.
//
// A thread of its own. Fabric quirk: orderer/common/follower
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "common/common.pb.h"
#include "ledger/blocks/block_store.h"
#include "order/block_source.h"
#include "order/own_certificate.h"

namespace selvage::order {

// Where a ledger that is not empty ends: what comes next, and the configuration in force.
[[nodiscard]] Result<BlockSource::Position> end_of(const ledger::BlockStore& store);

// Is the orderer with this TLS server certificate among the consenters that `bundle` names? Errors: kInvalidArgument.
[[nodiscard]] Result<bool> is_member(const channel::Bundle& bundle, const crypto::Certificate& own, SystemTime now);

class Follower {
 public:
  struct Parts {
    const Clock& clock;                // outlives the follower
    std::unique_ptr<BlockSource> source;
    OwnCertificate server_certificate;
    // The newest configuration; on the follower's thread.
    std::function<void(const channel::BundlePtr&)> on_bundle;
    // relation() or status() may have changed; on the follower's thread.
    std::function<void()> on_change;
    // The newest configuration names us: the follower is done. On its thread, once; must only post work.
    std::function<void()> on_member;
  };
  // `join_block`: what the channel was joined with and is not reached yet. `wary`: was a consenter a moment ago; asks others
  // for newer configurations before it believes that it is one.
  // Errors: kInvalidArgument when the ledger or the block cannot be read.
  [[nodiscard]] static Result<std::unique_ptr<Follower>> make(Parts parts, std::shared_ptr<ledger::BlockStore> store,
                                                              std::string channel, std::optional<common::Block> join_block,
                                                              bool wary);
  ~Follower();  // stop()
  void start();
  // Ends the thread. Twice is fine.
  void stop();

  // Any thread. "consenter" or "follower"; "onboarding" or "active".
  [[nodiscard]] const char* relation() const;
  [[nodiscard]] const char* status() const;
  [[nodiscard]] uint64_t height() const { return store_->height(); }
  [[nodiscard]] const std::shared_ptr<ledger::BlockStore>& store() const { return store_; }

 private:
  Follower(Parts parts, std::shared_ptr<ledger::BlockStore> store, std::string channel,
           std::optional<common::Block> join_block, bool wary);
  void run();
  bool pull_up_to_join();
  bool follow();
  Status pull(uint64_t until, const channel::BundlePtr& endpoints);
  Status take(std::shared_ptr<common::Block> block);
  bool pull_with_retry(uint64_t until, const channel::BundlePtr& endpoints);
  bool pause(std::chrono::milliseconds time);
  void set(bool active, bool member);

  Parts parts_;
  const std::shared_ptr<ledger::BlockStore> store_;
  const std::string channel_;
  const std::optional<common::Block> join_block_;
  channel::BundlePtr join_bundle_;  // with join_block_
  const bool wary_;
  log::Logger logger_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool active_ = false;
  bool member_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace selvage::order
