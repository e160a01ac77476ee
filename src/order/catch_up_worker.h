// What a consenter asks of other orderers beside Raft: blocks that its log does not have any more, and whether it is a
// consenter still. A thread of its own, since both wait for the network.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "order/block_source.h"
#include "order/own_certificate.h"
#include "order/raft/message.h"

namespace selvage::order {

class CatchUp {
 public:
  // Called from the thread of CatchUp.
  class Host {
   public:
    virtual ~Host() = default;
    [[nodiscard]] virtual BlockSource::Position position() = 0;
    // Returns once the block is in the ledger.
    virtual Status take_block(std::shared_ptr<common::Block> block) = 0;
    // Others agree that we are no consenter.
    virtual void evicted_by_others() = 0;
    // We are one, and others are at this block.
    virtual void behind(uint64_t number) = 0;
  };

  // `host` outlives it. `source` may be null: then nothing is ever found.
  CatchUp(std::string channel, std::unique_ptr<BlockSource> source, OwnCertificate own, raft::NodeId id, Host& host);
  ~CatchUp();  // stop()

  // Any thread; return at once.
  void pull_until(uint64_t number);
  void check_eviction(std::chrono::nanoseconds leaderless_for);
  // Ends the thread. Twice is fine.
  void stop();

 private:
  void run();
  void pull(uint64_t until);
  void look(std::chrono::nanoseconds leaderless_for);
  bool pause(std::chrono::milliseconds time);

  const std::string channel_;
  const std::unique_ptr<BlockSource> source_;
  const OwnCertificate own_;
  const raft::NodeId id_;
  Host& host_;
  log::Logger logger_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<uint64_t> target_;
  std::optional<std::chrono::nanoseconds> suspicion_;
  bool stopping_ = false;
  std::thread thread_;  // from the first order on
};

}  // namespace selvage::order
