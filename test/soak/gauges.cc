#include "gauges.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace selvage::soak {
namespace {

size_t count_of(const char* folder) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) count += entry.path().empty() ? 0 : 1;
  return count;
}

}  // namespace

size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  size_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t open_descriptors() { return count_of("/proc/self/fd") - 1; }  // less the one that lists them
size_t threads() { return count_of("/proc/self/task"); }

void Worker::wrong(const std::string& what) {
  ++failures_;
  std::lock_guard lock(mutex_);
  if (first_.empty()) first_ = what;
}

std::string Worker::first_failure() const {
  std::lock_guard lock(mutex_);
  return first_;
}

Watchdog::Watchdog(std::vector<std::shared_ptr<Worker>> workers, std::chrono::seconds limit)
    : thread_([this, workers = std::move(workers), limit] {
        using Clock = std::chrono::steady_clock;
        std::vector<std::pair<uint64_t, Clock::time_point>> seen(workers.size(), {0, Clock::now()});
        while (!stop_) {
          std::this_thread::sleep_for(std::chrono::milliseconds(100));
          for (size_t i = 0; i < workers.size(); ++i) {
            if (workers[i]->steps() != seen[i].first) seen[i] = {workers[i]->steps(), Clock::now()};
            if (Clock::now() - seen[i].second < limit) continue;
            std::fprintf(stderr, "STALL %s: nothing for %lld s after %llu steps\n", workers[i]->name().c_str(),
                         static_cast<long long>(limit.count()), static_cast<unsigned long long>(seen[i].first));
            std::abort();  // a core shows where everybody stands
          }
        }
      }) {}

Watchdog::~Watchdog() {
  stop_ = true;
  thread_.join();
}

double Growth::ratio() const {
  if (samples_.size() < 6) return 1;
  auto third = static_cast<std::ptrdiff_t>(samples_.size() / 3);
  size_t before = *std::max_element(samples_.begin() + third, samples_.begin() + 2 * third);
  size_t after = *std::min_element(samples_.begin() + 2 * third, samples_.end());
  return static_cast<double>(after) / static_cast<double>(before);
}

}  // namespace selvage::soak
