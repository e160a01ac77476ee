#include "base/log_quota.h"

#include <algorithm>

namespace selvage::log {

bool Quota::admit(std::string_view source, SteadyTime now, uint64_t* left_out) {
  const size_t colon = source.rfind(':');
  std::string host(source.substr(0, colon));
  std::lock_guard lock(mutex_);
  auto found = sources_.find(host);
  if (found == sources_.end() && sources_.size() >= kSourcesMax) {
    // Whoever has been quiet long enough to have all of its lines again needs no remembering.
    if (now - swept_ > std::chrono::seconds(1)) {
      swept_ = now;
      std::erase_if(sources_, [&](const auto& one) {
        return one.second.left_out == 0 && now - one.second.last > std::chrono::duration<double>(kBurst / kASecond);
      });
    }
    if (sources_.size() >= kSourcesMax) host.clear();
    found = sources_.find(host);
  }
  if (found == sources_.end()) found = sources_.emplace(host, Source{kBurst, now, 0}).first;
  Source& one = found->second;
  one.lines = std::min(kBurst, one.lines + kASecond * std::chrono::duration<double>(now - one.last).count());
  one.last = now;
  if (one.lines < 1) {
    ++one.left_out;
    return false;
  }
  one.lines -= 1;
  *left_out = std::exchange(one.left_out, 0);
  return true;
}

std::string left_out_words(uint64_t left_out) {
  return left_out == 0 ? std::string() : fmt::format(" ({} more were left out)", left_out);
}

}  // namespace selvage::log
