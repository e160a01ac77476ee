#include "os/log_sink.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <vector>

namespace selvage::os {
namespace {

constexpr char kDefaultFormat[] =
    "%{color}%{time:2006-01-02 15:04:05.000 MST} %{id:04x} %{level:.4s}%{color:reset} [%{module}] "
    "%{color:bold}%{shortfunc}%{color:reset} -> %{message}";
constexpr char kGoTime[] = "2006-01-02T15:04:05.999Z07:00";

std::tm parts_of(SystemTime time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

// A time in the layout that Go's reference time shows, to the second; of its elements those that log formats use.
std::string format_time(SystemTime time, std::string_view layout) {
  const std::tm parts = parts_of(time);
  static constexpr const char* kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                            "July",    "August",   "September", "October", "November", "December"};
  static constexpr const char* kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  const auto zone = [&](bool colon, bool z) {
    if (z && parts.tm_gmtoff == 0) return std::string("Z");
    const long minutes = std::labs(parts.tm_gmtoff) / 60;
    return fmt::format("{}{:02}{}{:02}", parts.tm_gmtoff < 0 ? '-' : '+', minutes / 60, colon ? ":" : "", minutes % 60);
  };
  std::string out;
  const int hour12 = parts.tm_hour % 12 == 0 ? 12 : parts.tm_hour % 12;
  while (!layout.empty()) {
    const auto take = [&](std::string_view element) {
      if (!layout.starts_with(element)) return false;
      layout.remove_prefix(element.size());
      return true;
    };
    const auto two = [&](int value) {
      out += static_cast<char>('0' + value / 10 % 10);
      out += static_cast<char>('0' + value % 10);
    };
    if (take("2006")) out += fmt::format("{:04}", parts.tm_year + 1900);
    else if (take("January")) out += kMonths[parts.tm_mon];
    else if (take("Jan")) out += std::string_view(kMonths[parts.tm_mon]).substr(0, 3);
    else if (take("Monday")) out += kDays[parts.tm_wday];
    else if (take("Mon")) out += std::string_view(kDays[parts.tm_wday]).substr(0, 3);
    else if (take("MST")) out += parts.tm_zone;
    else if (take("01")) two(parts.tm_mon + 1);
    else if (take("02")) two(parts.tm_mday);
    else if (take("_2")) out += fmt::format("{:2}", parts.tm_mday);
    else if (take("15")) two(parts.tm_hour);
    else if (take("03")) two(hour12);
    else if (take("04")) two(parts.tm_min);
    else if (take("05")) two(parts.tm_sec);
    else if (take("06")) two(parts.tm_year % 100);
    else if (take("PM")) out += parts.tm_hour < 12 ? "AM" : "PM";
    else if (take("Z07:00")) out += zone(true, true);
    else if (take("Z0700")) out += zone(false, true);
    else if (take("-07:00")) out += zone(true, false);
    else if (take("-0700")) out += zone(false, false);
    else {
      out += layout[0];
      layout.remove_prefix(1);
    }
  }
  return out;
}

// The fraction of a second in a layout, ".000" or ",999": the one element that differs between lines of one second.
struct Fraction {
  size_t begin = std::string::npos;
  size_t length = 0;
};
Fraction find_fraction(std::string_view layout) {
  for (size_t i = 0; i + 1 < layout.size(); ++i) {
    if ((layout[i] != '.' && layout[i] != ',') || (layout[i + 1] != '0' && layout[i + 1] != '9')) continue;
    const size_t end = std::min(layout.find_first_not_of(layout[i + 1], i + 1), layout.size());
    // "2006.01.02" holds none: its zeros go on with another digit.
    if (end == layout.size() || layout[end] < '0' || layout[end] > '9') return {i, end - i};
  }
  return {};
}

void append_fraction(SystemTime time, std::string_view fraction, std::string* out) {
  uint64_t nanos = static_cast<uint64_t>((time.time_since_epoch() % std::chrono::seconds(1)).count());
  char digits[9];
  for (int i = 8; i >= 0; --i, nanos /= 10) digits[i] = static_cast<char>('0' + nanos % 10);
  std::string_view shown(digits, std::min<size_t>(fraction.size() - 1, 9));
  if (fraction[1] == '9') shown = shown.substr(0, shown.find_last_not_of('0') + 1);
  if (shown.empty()) return;
  *out += fraction[0];
  *out += shown;
}

// A layout cut at its fraction, with what the rest came to in the last second.
class TimeText {
 public:
  explicit TimeText(std::string layout) : layout_(std::move(layout)), fraction_(find_fraction(layout_)), id_(next_id()) {}
  void append(SystemTime time, std::string* out) const {
    const int64_t second = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
    thread_local struct {
      uint64_t id = 0;
      int64_t second = 0;
      std::string before;
      std::string after;
    } last;
    const std::string_view layout = layout_;
    if (last.id != id_ || last.second != second) {
      last.before = format_time(time, layout.substr(0, fraction_.begin));
      last.after = fraction_.length == 0 ? "" : format_time(time, layout.substr(fraction_.begin + fraction_.length));
      last.second = second;
      last.id = id_;
    }
    *out += last.before;
    if (fraction_.length > 0) append_fraction(time, layout.substr(fraction_.begin, fraction_.length), out);
    *out += last.after;
  }

 private:
  static uint64_t next_id() {
    static std::atomic<uint64_t> count{0};
    return ++count;
  }
  std::string layout_;
  Fraction fraction_;
  uint64_t id_;
};

// C's printf of one value with a verb of the operator's: only flags, width, precision and the one letter that fits.
std::optional<std::string> checked_verb(std::string_view verb, std::string_view letters) {
  if (verb.empty() || letters.find(verb.back()) == std::string_view::npos || verb.size() > 8) return std::nullopt;
  for (char c : verb.substr(0, verb.size() - 1)) {
    if (std::string_view("0123456789.-+ ").find(c) == std::string_view::npos) return std::nullopt;
  }
  return "%" + std::string(verb.substr(0, verb.size() - 1));
}

std::string print_text(const std::string& verb, std::string_view text) {
  if (verb == "%s") return std::string(text);
  char buffer[4096];
  const int count = std::snprintf(buffer, sizeof buffer, verb.c_str(), std::string(text).c_str());
  return std::string(buffer, std::min<size_t>(count < 0 ? 0 : static_cast<size_t>(count), sizeof buffer - 1));
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') out += {'\\', static_cast<char>(c)};
    else if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else if (c == '\t') out += "\\t";
    else if (c < 0x20) out += fmt::format("\\u{:04x}", c);
    else out += static_cast<char>(c);
  }
  return out + "\"";
}

std::string_view lower_name(log::Level level) {
  switch (level) {
    case log::Level::kDebug: return "debug";
    case log::Level::kInfo: return "info";
    case log::Level::kWarn: return "warn";
    case log::Level::kError: return "error";
    case log::Level::kPanic: return "panic";
    case log::Level::kFatal: return "fatal";
  }
  return "info";
}

std::string_view trimmed(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  return message;
}

// Seconds since 1970 as zap prints floats: shortest that reads back.
std::string unix_seconds(SystemTime time) {
  return fmt::format("{}", static_cast<double>(time.time_since_epoch().count()) / 1e9);
}

std::string json_line(const log::Record& record) {
  std::string line = fmt::format("{{\"level\":\"{}\",\"ts\":{},\"name\":{},\"caller\":{},\"msg\":{}", lower_name(record.level),
                                 unix_seconds(record.time), json_text(record.logger), json_text(record.function),
                                 json_text(trimmed(record.message)));
  for (const auto& [key, value] : record.fields) line += "," + json_text(key) + ":" + json_text(value);
  return line + "}\n";
}

std::string logfmt_line(const log::Record& record) {
  std::string line;
  log::append_fields(line, {{"ts", unix_seconds(record.time)},
                            {"level", std::string(lower_name(record.level))},
                            {"name", std::string(record.logger)},
                            {"caller", std::string(record.function)},
                            {"msg", std::string(trimmed(record.message))}});
  log::append_fields(line, record.fields);
  return line.substr(1) + "\n";
}

class SpdlogSink : public log::Sink {
 public:
  explicit SpdlogSink(LogFormat format) : format_(std::move(format)) {
    // Our lines are whole; spdlog adds nothing.
    sink_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::local, ""));
  }
  void write(const log::Record& record) override {
    const std::string line = format_.line(record);
    sink_.log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info, line));
  }

 private:
  LogFormat format_;
  spdlog::sinks::stderr_sink_mt sink_;
};

// Fields for people: those of a refused handshake ("tls.code", ...) stand in words in its record, and are for structured
// formats only.
log::Fields for_people(const log::Fields& fields) {
  log::Fields shown;
  for (const auto& field : fields) {
    if (!field.first.starts_with("tls.")) shown.push_back(field);
  }
  return shown;
}

}  // namespace

struct LogFormat::Parts {
  enum class Verb { kText, kColor, kBold, kReset, kTime, kId, kLevel, kModule, kFunction, kMessage };
  enum class Shape { kLine, kJson, kLogfmt } shape = Shape::kLine;
  struct Part {
    Verb verb;
    std::string format;  // kText: the text; others but kTime: a printf verb
    std::shared_ptr<const TimeText> time;
  };
  std::vector<Part> parts;
};

Result<LogFormat> LogFormat::parse(std::string_view text) {
  using Verb = Parts::Verb;
  auto parts = std::make_shared<Parts>();
  LogFormat made;
  made.parts_ = parts;
  if (text == "json") parts->shape = Parts::Shape::kJson;
  if (text == "logfmt") parts->shape = Parts::Shape::kLogfmt;
  if (parts->shape != Parts::Shape::kLine) return made;
  if (text.empty()) text = kDefaultFormat;
  const auto add_text = [&](std::string_view more) {
    if (parts->parts.empty() || parts->parts.back().verb != Verb::kText) parts->parts.push_back({Verb::kText, "", nullptr});
    parts->parts.back().format += more;
  };
  while (!text.empty()) {
    const size_t begin = text.find("%{");
    if (begin != 0) {
      add_text(text.substr(0, begin));
      if (begin == std::string_view::npos) break;
      text.remove_prefix(begin);
    }
    const size_t end = text.find('}');
    const std::string_view inside = text.substr(2, end == std::string_view::npos ? end : end - 2);
    const size_t colon = inside.find(':');
    const std::string_view name = inside.substr(0, colon);
    const std::string_view option = colon == std::string_view::npos ? "" : inside.substr(colon + 1);
    static constexpr std::pair<std::string_view, Verb> kVerbs[] = {
        {"color", Verb::kColor}, {"time", Verb::kTime},     {"id", Verb::kId},           {"level", Verb::kLevel},
        {"module", Verb::kModule}, {"shortfunc", Verb::kFunction}, {"message", Verb::kMessage}};
    std::optional<Verb> verb;
    for (const auto& [known, value] : kVerbs) {
      if (name == known) verb = value;
    }
    if (!verb || end == std::string_view::npos) {  // not a verb: plain text
      add_text(text.substr(0, 2));
      text.remove_prefix(2);
      continue;
    }
    std::string format;
    if (*verb == Verb::kColor) {
      if (option == "bold") verb = Verb::kBold;
      else if (option == "reset") verb = Verb::kReset;
      else if (!option.empty()) return fail(Code::kInvalidArgument, fmt::format("invalid color option: {}", option));
    } else if (*verb == Verb::kTime) {
      parts->parts.push_back({*verb, "", std::make_shared<TimeText>(std::string(option.empty() ? kGoTime : option))});
      text.remove_prefix(end + 1);
      continue;
    } else if (*verb == Verb::kId) {
      const auto printf_verb = checked_verb(option.empty() ? "d" : option, "dxXo");
      if (!printf_verb) return fail(Code::kInvalidArgument, fmt::format("invalid format of id: {}", option));
      const char letter = option.empty() || option.back() == 'd' ? 'u' : option.back();
      format = *printf_verb + "ll" + letter;
    } else {
      const auto printf_verb = checked_verb(option.empty() ? "s" : option, "s");
      if (!printf_verb) return fail(Code::kInvalidArgument, fmt::format("invalid format of {}: {}", name, option));
      format = *printf_verb + "s";
    }
    parts->parts.push_back({*verb, std::move(format), nullptr});
    text.remove_prefix(end + 1);
  }
  return made;
}

std::string LogFormat::line(const log::Record& record) const {
  using Verb = Parts::Verb;
  if (parts_->shape == Parts::Shape::kJson) return json_line(record);
  if (parts_->shape == Parts::Shape::kLogfmt) return logfmt_line(record);
  const int color = log::color_of(record.level);
  std::string line;
  line.reserve(256);
  for (const Parts::Part& part : parts_->parts) {
    switch (part.verb) {
      case Verb::kText: line += part.format; break;
      case Verb::kColor: fmt::format_to(std::back_inserter(line), "\x1b[{}m", color); break;
      case Verb::kBold: fmt::format_to(std::back_inserter(line), "\x1b[{};1m", color); break;
      case Verb::kReset: line += "\x1b[0m"; break;
      case Verb::kTime: part.time->append(record.time, &line); break;
      case Verb::kId: {
        char buffer[256];
        std::snprintf(buffer, sizeof buffer, part.format.c_str(), static_cast<unsigned long long>(record.number));
        line += buffer;
        break;
      }
      case Verb::kLevel: line += print_text(part.format, log::capital_name(record.level)); break;
      case Verb::kModule: line += print_text(part.format, record.logger); break;
      case Verb::kFunction: line += print_text(part.format, record.function); break;
      case Verb::kMessage: line += print_text(part.format, trimmed(record.message)); break;
    }
  }
  log::append_fields(line, for_people(record.fields));
  line += '\n';
  return line;
}

Status start_logging(std::string_view format, std::string_view spec) {
  SELVAGE_TRY(LogFormat parsed, LogFormat::parse(format));
  SELVAGE_CHECK(log::set_spec(spec));
  log::set_sink(std::make_shared<SpdlogSink>(std::move(parsed)));
  return {};
}

Status start_logging(std::string_view default_spec) {
  const char* format = std::getenv("FABRIC_LOGGING_FORMAT");
  const char* spec = std::getenv("FABRIC_LOGGING_SPEC");
  return start_logging(format != nullptr ? format : "", spec != nullptr && *spec != '\0' ? spec : default_spec);
}

}  // namespace selvage::os
