// What an application holds of a call that lives on a loop: brings what any thread asks for to the loop, in order and with one
// post for all that is asked meanwhile. Both sides' handles are one (serving/server_call.h, calling/outgoing_call.h).
//
//   class OutgoingHandle : public LoopHandle<OutgoingHandle, OutgoingCall, Op> {
//     bool admit(const Op& op);                        // with mutex_ held: false drops it
//     static void run(OutgoingCall& call, Op& op);     // on the loop
//   };
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "os/event_loop.h"

namespace selvage::rpc {

template <typename Handle, typename Call, typename Op>
class LoopHandle : public std::enable_shared_from_this<Handle> {
 protected:
  LoopHandle(os::EventLoop& loop, std::weak_ptr<Call> call) : loop_(loop), call_(std::move(call)) {}

  void apply(Op op) {
    {
      std::lock_guard lock(mutex_);
      if (over_ || !static_cast<Handle*>(this)->admit(op)) return;
      // On the loop itself there is nobody to wait for, unless others asked before.
      if (!loop_.in_loop_thread() || posted_) {
        waiting_.push_back(std::move(op));
        if (!std::exchange(posted_, true)) loop_.post([self = this->shared_from_this()] { self->apply_all(); });
        return;
      }
    }
    if (auto call = call_.lock()) Handle::run(*call, op);
  }

  // With mutex_ held: nothing is taken any more.
  void take_no_more() {
    over_ = true;
    waiting_.clear();
  }

  // Waits for the loop unless called on it. kCancelled when the call is over.
  Result<Bytes> ask_for_key(const std::string& label, const Bytes& context, size_t length) {
    auto ask = [&, this]() -> Result<Bytes> {
      auto call = call_.lock();
      if (!call) return fail(Code::kCancelled, "the call is over");
      return call->export_key(label, context, length);
    };
    if (loop_.in_loop_thread()) return ask();
    std::promise<Result<Bytes>> promise;
    {
      std::lock_guard lock(mutex_);
      if (over_) return fail(Code::kCancelled, "the call is over");
      loop_.post([&] { promise.set_value(ask()); });
    }
    return promise.get_future().get();
  }

  os::EventLoop& loop_;
  const std::weak_ptr<Call> call_;  // locked on the loop only, so that it dies there
  mutable std::mutex mutex_;        // guards the rest, and what the handle puts under it
  bool over_ = false;

 private:
  void apply_all() {
    std::vector<Op> ops;
    {
      std::lock_guard lock(mutex_);
      posted_ = false;
      ops.swap(waiting_);
    }
    auto call = call_.lock();
    if (!call) return;
    for (Op& op : ops) Handle::run(*call, op);
  }

  std::vector<Op> waiting_;
  bool posted_ = false;
};

}  // namespace selvage::rpc
