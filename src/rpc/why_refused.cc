#include "rpc/why_refused.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "tls/binding.h"

namespace selvage::rpc {

std::string why_refused(ClientStream& stream, std::chrono::milliseconds within) {
  std::mutex mutex;
  std::condition_variable wake;
  bool ended = false;
  std::thread watch([&] {
    std::unique_lock lock(mutex);
    if (!wake.wait_for(lock, within, [&] { return ended; })) stream.cancel();
  });
  const Status status = stream.finish();
  {
    std::lock_guard lock(mutex);
    ended = true;
    wake.notify_all();
  }
  watch.join();
  if (!status.ok()) return "";
  const Metadata trailers = stream.trailers();
  const auto why = trailers.first(tls::kWhyTrailer);
  return why ? escape(percent_decode(*why), 1000) : "";
}

}  // namespace selvage::rpc
