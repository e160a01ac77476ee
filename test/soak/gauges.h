// What a soak watches: whether everybody gets on, and whether the process grows.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace selvage::soak {

[[nodiscard]] size_t resident_bytes();
[[nodiscard]] size_t open_descriptors();
[[nodiscard]] size_t threads();

// One line of work: how often it got on, and with what it was not content.
class Worker {
 public:
  explicit Worker(std::string name) : name_(std::move(name)) {}
  void step() { ++steps_; }
  // An outcome that must not be; the first few are kept.
  void wrong(const std::string& what);
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] uint64_t steps() const { return steps_; }
  [[nodiscard]] uint64_t failures() const { return failures_; }
  [[nodiscard]] std::string first_failure() const;

 private:
  std::string name_;
  std::atomic<uint64_t> steps_{0}, failures_{0};
  mutable std::mutex mutex_;
  std::string first_;
};

// Ends the process, with the names of those that stand still, when one of the workers has not moved for `limit`.
class Watchdog {
 public:
  Watchdog(std::vector<std::shared_ptr<Worker>> workers, std::chrono::seconds limit);
  ~Watchdog();

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Memory as a series: flat, or not. The first third is for warming up.
class Growth {
 public:
  void add(size_t bytes) { samples_.push_back(bytes); }
  // Least of the last third over most of the middle third: what is never given back.
  [[nodiscard]] double ratio() const;
  [[nodiscard]] size_t last() const { return samples_.empty() ? 0 : samples_.back(); }

 private:
  std::vector<size_t> samples_;
};

}  // namespace selvage::soak
