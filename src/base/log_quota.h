// Lines that a stranger can cause: as many as an operator reads, and then a few, that say how many were left out. What is
// left out goes to the debug level.
//
//   LOG_STRANGER(logger(), Warn, address, "[channel: {}] Client {} is not authorized: {}", ...);
//
// Each such place has a quota of its own, shared fairly between sources: one that floods does not silence another.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/log.h"

namespace selvage::log {

// Safe from any thread.
class Quota {
 public:
  static constexpr double kBurst = 20;        // lines of one source before any is left out
  static constexpr double kASecond = 0.2;     // and then: one in five seconds
  static constexpr size_t kSourcesMax = 256;  // more at once share what is over

  // True: write the line. `left_out`: lines of this source that were not written since its last.
  // `source`: "host:port" counts as its host; empty: nobody knows.
  [[nodiscard]] bool admit(std::string_view source, SteadyTime now, uint64_t* left_out);

 private:
  struct Source {
    double lines = kBurst;
    SteadyTime last{};
    uint64_t left_out = 0;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Source> sources_;
  SteadyTime swept_{};
};

// "" or " (3 more were left out)".
[[nodiscard]] std::string left_out_words(uint64_t left_out);

}  // namespace selvage::log

#define LOG_STRANGER(logger, level_name, source, ...)                                                                  \
  do {                                                                                                                 \
    static ::selvage::log::Quota selvage_quota;                                                                        \
    const auto& stranger_logger = (logger);                                                                            \
    ::selvage::log::Level stranger_level = ::selvage::log::Level::k##level_name;                                       \
    uint64_t stranger_left_out = 0;                                                                                    \
    if (!selvage_quota.admit(source, ::std::chrono::steady_clock::now(), &stranger_left_out)) {                        \
      stranger_level = ::selvage::log::Level::kDebug;                                                                  \
    }                                                                                                                  \
    if (stranger_logger.enabled(stranger_level)) {                                                                     \
      stranger_logger.write(stranger_level, __func__,                                                                  \
                            fmt::format(__VA_ARGS__) + ::selvage::log::left_out_words(stranger_left_out));             \
    }                                                                                                                  \
  } while (false)
