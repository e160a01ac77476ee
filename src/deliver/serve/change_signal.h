// A list of subscribers to call: what implementations of Source use for subscribe().
#pragma once

#include <functional>
#include <memory>

#include "deliver/serve/source.h"

namespace selvage::deliver {

// Safe from any thread. May be destroyed before its subscriptions.
class ChangeSignal {
 public:
  ChangeSignal();
  ~ChangeSignal();
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(std::function<void()> changed);
  // Calls every subscriber, one after another, on this thread.
  void notify();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvage::deliver
