#include "validate/pool_worker.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "os/worker_pool.h"

namespace selvage::validate {
namespace {

// One call's work, shared by all threads that take part in it. A thread of the pool that comes when all is taken leaves.
struct Shared {
  size_t count;
  const std::function<void(size_t)>* work;
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::condition_variable all_done;
  size_t done = 0;

  void run() {
    size_t finished = 0;
    for (size_t index; (index = next.fetch_add(1)) < count; finished++) (*work)(index);
    if (finished == 0) return;
    std::lock_guard lock(mutex);
    done += finished;
    if (done == count) all_done.notify_all();
  }
};

}  // namespace

Parallel on_pool(os::WorkerPool& pool, size_t width) {
  return [&pool, width](size_t count, const std::function<void(size_t)>& work) {
    if (count <= 1 || width == 0) {
      for (size_t i = 0; i < count; i++) work(i);
      return;
    }
    auto shared = std::make_shared<Shared>();
    shared->count = count;
    shared->work = &work;  // used only while an index is taken, and this call waits for all of those
    for (size_t i = 0; i < std::min(width, count - 1); i++) pool.post([shared] { shared->run(); });
    shared->run();
    std::unique_lock lock(shared->mutex);
    shared->all_done.wait(lock, [&] { return shared->done == shared->count; });
  };
}

}  // namespace selvage::validate
