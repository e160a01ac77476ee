#include "base/log.h"

#include <unistd.h>

#include <chrono>
#include <cerrno>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>

namespace selvage::log {
namespace {

// zap's numbers, with the two that no code of ours logs at but a spec may name.
constexpr int kPayload = -2;
constexpr int kDPanic = 3;

std::optional<int> level_number(std::string_view name) {
  static constexpr std::pair<std::string_view, int> kNames[] = {
      {"payload", kPayload}, {"debug", -1}, {"info", 0}, {"notice", 0},       {"warning", 1}, {"warn", 1},
      {"error", 2},          {"critical", 2}, {"dpanic", kDPanic}, {"panic", 4}, {"fatal", 5}};
  // Fabric takes all lower or all upper case, nothing between.
  std::string lower(name);
  bool upper_case = !name.empty();
  for (char& c : lower) {
    if (c < 'A' || c > 'Z') upper_case = false;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (!upper_case && lower != name) return std::nullopt;
  for (const auto& [known, number] : kNames) {
    if (lower == known) return number;
  }
  return std::nullopt;
}

std::string level_text(int number) {
  switch (number) {
    case -1: return "debug";
    case 0: return "info";
    case 1: return "warn";
    case 2: return "error";
    case kDPanic: return "dpanic";
    case 4: return "panic";
    case 5: return "fatal";
    default: return fmt::format("Level({})", number);
  }
}

bool is_logger_name(std::string_view name) {
  bool part_empty = true;  // a dot must stand between two non-empty parts
  for (char c : name) {
    const bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                    c == '#' || c == '-';
    if (ok) {
      part_empty = false;
    } else if (c == '.' && !part_empty) {
      part_empty = true;
    } else {
      return false;
    }
  }
  return !part_empty;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

struct Spec {
  int default_level = 0;
  std::map<std::string, int, std::less<>> loggers;

  [[nodiscard]] int level_of(std::string_view name) const {
    std::string candidate = std::string(name) + ".";
    while (true) {
      if (auto found = loggers.find(candidate); found != loggers.end()) return found->second;
      const size_t dot = candidate.rfind('.');
      if (dot == std::string::npos || dot == 0) return default_level;
      candidate.resize(dot);
    }
  }
};

Result<Spec> parse_spec(std::string_view text) {
  Spec spec;
  const auto bad = [&](const std::string& why) {
    return fail(Code::kInvalidArgument, fmt::format("invalid logging specification '{}': {}", text, why));
  };
  for (std::string_view segment : split(text, ':')) {
    const auto sides = split(segment, '=');
    if (sides.size() > 2) return bad(fmt::format("bad segment '{}'", segment));
    if (sides.size() == 1) {
      const auto level = level_number(segment);
      if (!level && !segment.empty()) return bad(fmt::format("bad segment '{}'", segment));
      spec.default_level = level.value_or(0);
      continue;
    }
    if (sides[0].empty()) return bad(fmt::format("no logger specified in segment '{}'", segment));
    const auto level = level_number(sides[1]);
    if (!level) return bad(fmt::format("bad segment '{}'", segment));
    for (std::string_view name : split(sides[0], ',')) {
      const std::string_view bare = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
      if (!is_logger_name(bare)) return bad(fmt::format("bad logger name '{}'", name));
      spec.loggers[std::string(name)] = *level;
    }
  }
  return spec;
}

// Never destroyed, so that static loggers of any file may log until the very end.
struct State {
  std::mutex mutex;
  Spec spec;
  std::map<std::string, std::shared_ptr<std::atomic<int>>, std::less<>> levels;
  std::shared_ptr<Sink> sink;
  std::atomic<uint64_t> count{0};
  std::atomic<Observer> observer{nullptr};
};
State& state() {
  static auto& the = *new State;
  return the;
}

class StderrSink : public Sink {
 public:
  void write(const Record& record) override {
    const std::string line = format_default(record);
    size_t done = 0;
    while (done < line.size()) {
      const ssize_t count = ::write(STDERR_FILENO, line.data() + done, line.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;
      done += static_cast<size_t>(count);
    }
  }
};

}  // namespace

std::string_view capital_name(Level level) {
  switch (level) {
    case Level::kDebug: return "DEBUG";
    case Level::kInfo: return "INFO";
    case Level::kWarn: return "WARN";
    case Level::kError: return "ERROR";
    case Level::kPanic: return "PANIC";
    case Level::kFatal: return "FATAL";
  }
  return "INFO";
}

int color_of(Level level) {
  switch (level) {
    case Level::kDebug: return 36;
    case Level::kInfo: return 34;
    case Level::kWarn: return 33;
    case Level::kError: return 31;
    case Level::kPanic:
    case Level::kFatal: return 35;
  }
  return 0;
}

void append_fields(std::string& line, const Fields& fields) {
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    bool quotes = false;
    for (unsigned char c : value) quotes = quotes || c <= ' ' || c == '=' || c == '"';
    if (quotes) line += '"';
    for (unsigned char c : value) {
      if (c == '"' || c == '\\') {
        line += '\\';
        line += static_cast<char>(c);
      } else if (c == '\n') {
        line += "\\n";
      } else if (c == '\r') {
        line += "\\r";
      } else if (c == '\t') {
        line += "\\t";
      } else if (c < 0x20) {
        line += fmt::format("\\u{:04x}", c);
      } else {
        line += static_cast<char>(c);
      }
    }
    if (quotes) line += '"';
  }
}

std::string format_default(const Record& record) {
  const auto since_epoch = record.time.time_since_epoch();
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(since_epoch).count();
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(since_epoch).count() - seconds * 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::string_view message = record.message;
  while (message.ends_with('\n')) message.remove_suffix(1);
  const int color = color_of(record.level);
  std::string line = fmt::format(
      "\x1b[{}m{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} {} {:04x} {:.4}\x1b[0m [{}] \x1b[{};1m{}\x1b[0m -> {}", color,
      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis,
      parts.tm_zone, record.number, capital_name(record.level), record.logger, color, record.function, message);
  Fields shown;  // those of a refused handshake stand in words in its record, and are for structured formats only
  for (const auto& field : record.fields) {
    if (!field.first.starts_with("tls.")) shown.push_back(field);
  }
  append_fields(line, shown);
  line += '\n';
  return line;
}

void set_sink(std::shared_ptr<Sink> sink) {
  std::lock_guard lock(state().mutex);
  state().sink = std::move(sink);
}

Status set_spec(std::string_view text) {
  SELVAGE_TRY(Spec spec, parse_spec(text));
  std::lock_guard lock(state().mutex);
  state().spec = std::move(spec);
  for (auto& [name, level] : state().levels) level->store(state().spec.level_of(name), std::memory_order_relaxed);
  return {};
}

std::string spec() {
  std::lock_guard lock(state().mutex);
  std::map<std::string, int> sorted;  // by the whole field, as Fabric sorts
  for (const auto& [name, level] : state().spec.loggers) sorted[name + "=" + level_text(level)] = level;
  std::string out;
  for (const auto& [field, level] : sorted) out += field + ":";
  return out + level_text(state().spec.default_level);
}

void set_observer(Observer observer) { state().observer.store(observer); }

Logger::Logger(std::string name) : name_(std::make_shared<const std::string>(std::move(name))) {
  std::lock_guard lock(state().mutex);
  auto& level = state().levels[*name_];
  if (!level) level = std::make_shared<std::atomic<int>>(state().spec.level_of(*name_));
  level_ = level;
}

Logger Logger::with(const Fields& more) const {
  Logger copy = *this;
  copy.fields_.insert(copy.fields_.end(), more.begin(), more.end());
  return copy;
}

Logger Logger::with(std::string key, std::string value) const {
  Logger copy = *this;
  copy.fields_.emplace_back(std::move(key), std::move(value));
  return copy;
}

bool Logger::enabled(Level level) const {
  return static_cast<int>(level) >= level_->load(std::memory_order_relaxed);
}

void Logger::write(Level level, const char* function, std::string_view message) const {
  // A lambda's name here; Fabric's lines have what Go calls a closure.
  if (std::string_view(function) == "operator()") function = "func1";
  static auto& fallback = *new std::shared_ptr<Sink>(std::make_shared<StderrSink>());
  const Observer observer = state().observer.load(std::memory_order_relaxed);
  if (observer != nullptr) observer(level, false);
  std::shared_ptr<Sink> sink;
  {
    std::lock_guard lock(state().mutex);
    sink = state().sink ? state().sink : fallback;
  }
  sink->write(Record{std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now()),
                     state().count.fetch_add(1) + 1, level, *name_, function, message, fields_});
  if (observer != nullptr) observer(level, true);
}

}  // namespace selvage::log
