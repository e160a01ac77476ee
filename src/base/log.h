// Logging with Fabric's names, levels and line format. This is the face that all code sees; the sink (spdlog) is set by
// os/log_sink at start, until then lines go to stderr in Fabric's default format.
//
//   static log::Logger logger("orderer.common.server");
//   LOG_INFO(logger, "Beginning to serve requests");
//   log::Logger chain = logger.with("channel", id).with("node", 1);
//   LOG_INFO(chain, "Raft leader changed: {} -> {}", 0, 1);   // ... channel=<id> node=1
//   LOG_WARN(logger.with("remoteaddress", address), "...");
//
// Level = what the operator must do: error, a process or channel stops; warn, someone must act; info, rare and
// important; debug, the rest. One line an event. Never log key material; escape() what an outsider sent.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace selvage::log {

enum class Level { kDebug = -1, kInfo = 0, kWarn = 1, kError = 2, kPanic = 4, kFatal = 5 };  // zap's numbers

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Record {
  SystemTime time;
  uint64_t number;  // counts all records of the process, from 1
  Level level;
  std::string_view logger;
  std::string_view function;
  std::string_view message;
  const Fields& fields;
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Called from any thread, several at once.
  virtual void write(const Record& record) = 0;
};

// The pieces of Fabric's line formats, for sinks.
[[nodiscard]] std::string_view capital_name(Level level);  // "INFO"
[[nodiscard]] int color_of(Level level);                   // ANSI number: 34 for info
// " key=value" for each field, values quoted as logfmt does.
void append_fields(std::string& line, const Fields& fields);
// A whole line in Fabric's default format, with colours and the line end.
[[nodiscard]] std::string format_default(const Record& record);

// Lives for the process. Null: back to the default.
void set_sink(std::shared_ptr<Sink> sink);

// A FABRIC_LOGGING_SPEC: "info:orderer.consensus.etcdraft,gossip=debug:warn". Longest logger prefix wins, dots separate;
// a trailing "." on a name means that exact logger. Errors (kInvalidArgument) carry Fabric's words.
Status set_spec(std::string_view spec);
[[nodiscard]] std::string spec();

// Observers see every record that passes the level check: the logging_entries_* counters of ops/.
using Observer = void (*)(Level level, bool written);
void set_observer(Observer observer);

class Logger {
 public:
  explicit Logger(std::string name);
  // The same logger with one more field on each of its lines.
  [[nodiscard]] Logger with(std::string key, std::string value) const;
  [[nodiscard]] Logger with(std::string key, const char* value) const { return with(std::move(key), std::string(value)); }
  template <class T>
  [[nodiscard]] Logger with(std::string key, const T& value) const {
    return with(std::move(key), fmt::format("{}", value));
  }
  // The same with several more, at one copy.
  [[nodiscard]] Logger with(const Fields& more) const;
  [[nodiscard]] bool enabled(Level level) const;
  void write(Level level, const char* function, std::string_view message) const;
  [[nodiscard]] const std::string& name() const { return *name_; }

 private:
  std::shared_ptr<const std::string> name_;
  Fields fields_;
  std::shared_ptr<std::atomic<int>> level_;  // shared by all loggers of one name; set_spec changes it
};

}  // namespace selvage::log

#define SELVAGE_LOG(logger, level, ...)                                               \
  do {                                                                                \
    const auto& selvage_logger = (logger);                                            \
    if (selvage_logger.enabled(level)) selvage_logger.write(level, __func__, fmt::format(__VA_ARGS__)); \
  } while (false)
#define LOG_DEBUG(logger, ...) SELVAGE_LOG(logger, ::selvage::log::Level::kDebug, __VA_ARGS__)
#define LOG_INFO(logger, ...) SELVAGE_LOG(logger, ::selvage::log::Level::kInfo, __VA_ARGS__)
#define LOG_WARN(logger, ...) SELVAGE_LOG(logger, ::selvage::log::Level::kWarn, __VA_ARGS__)
#define LOG_ERROR(logger, ...) SELVAGE_LOG(logger, ::selvage::log::Level::kError, __VA_ARGS__)
