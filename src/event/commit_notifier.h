// Who waits for which transaction of which channel, and tells them when it is committed.
//
// node/peer feeds it from the commit threads; event_service waits on it. Safe from any thread. No I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace selvage::event {

struct TransactionStatus {
  uint64_t block = 0;
  uint8_t code = 254;  // peer.TxValidationCode
};

class CommitNotifier {
 public:
  // Runs once at most, on the committing (or stopping) thread: quick, no blocking. nullopt: the notifier was stopped.
  using Told = std::function<void(const std::optional<TransactionStatus>& status)>;

  // Stops waiting when destroyed; a call that has begun may still be running then.
  class Watch {
   public:
    virtual ~Watch() = default;
  };

  CommitNotifier();
  ~CommitNotifier();  // stop()

  // Only of commits from now on: whoever watches looks into the ledger afterwards. `told` has run already when stop() came
  // before. Never null.
  [[nodiscard]] std::unique_ptr<Watch> watch(const std::string& channel_id, const std::string& transaction_id, Told told);

  // A block is in the ledger. Transactions without id are left out.
  using Committed = std::vector<std::pair<std::string_view, uint8_t>>;  // id, validation code
  void committed(const std::string& channel_id, uint64_t block, const Committed& transactions);
  // All who wait are told that nothing more comes; so is everybody who comes later.
  void stop();

  [[nodiscard]] size_t waiting() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvage::event
