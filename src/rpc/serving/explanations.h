// How many refused clients are told why at once, and how often one source is: explain mode is a courtesy, not a service.
// Who is over it gets the alert. Any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace selvage::rpc {

class Explanations {
 public:
  // Asked before the handshake. False: 64 are being told now, or this source was told 30 times in the last minute (a daemon
  // that tries again and again, for which the alert does).
  bool may_explain(const std::string& source, SteadyTime now);
  // Held while one is told; null: there are too many by now.
  [[nodiscard]] std::shared_ptr<void> begin(const std::string& source, SteadyTime now);

 private:
  static constexpr int kAtOnceMax = 64;
  static constexpr int kPerSourceMax = 30;
  static constexpr auto kWindow = std::chrono::seconds(60);
  static constexpr size_t kSourcesMax = 4096;
  struct Told {
    SteadyTime since{};
    int count = 0;
  };
  std::shared_ptr<std::atomic<int>> at_once_ = std::make_shared<std::atomic<int>>(0);
  std::mutex mutex_;
  std::unordered_map<std::string, Told> told_;
};

}  // namespace selvage::rpc
