// Whether the client of a call still waits, and what is to be ended when it does not. Safe from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace selvage::gateway {

class Cancellation {
 public:
  [[nodiscard]] bool cancelled() const {
    std::lock_guard lock(mutex_);
    return cancelled_;
  }
  // Ends what is under way. Later calls have no effect.
  void cancel() {
    std::vector<std::function<void()>> stops;
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
      stops.swap(stops_);
    }
    for (const auto& stop : stops) stop();
  }
  // `stop` ends something that is under way; it runs on cancel(), at once if that was before. Empty ones are fine, and so
  // are those of what is over. Kept until then, so it must hold nothing that holds this.
  void add(std::function<void()> stop) {
    if (!stop) return;
    {
      std::lock_guard lock(mutex_);
      if (!cancelled_) {
        stops_.push_back(std::move(stop));
        return;
      }
    }
    stop();
  }

 private:
  mutable std::mutex mutex_;
  bool cancelled_ = false;
  std::vector<std::function<void()>> stops_;
};

}  // namespace selvage::gateway
