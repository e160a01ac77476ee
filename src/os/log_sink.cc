#include "os/log_sink.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

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

// A time in the layout that Go's reference time shows; of its elements those that log formats use.
std::string format_time(SystemTime time, std::string_view layout) {
  const std::tm parts = parts_of(time);
  const auto nanos = (time.time_since_epoch() % std::chrono::seconds(1)).count();
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
    if (take("2006")) out += fmt::format("{:04}", parts.tm_year + 1900);
    else if (take("January")) out += kMonths[parts.tm_mon];
    else if (take("Jan")) out += std::string_view(kMonths[parts.tm_mon]).substr(0, 3);
    else if (take("Monday")) out += kDays[parts.tm_wday];
    else if (take("Mon")) out += std::string_view(kDays[parts.tm_wday]).substr(0, 3);
    else if (take("MST")) out += parts.tm_zone;
    else if (take("01")) out += fmt::format("{:02}", parts.tm_mon + 1);
    else if (take("02")) out += fmt::format("{:02}", parts.tm_mday);
    else if (take("_2")) out += fmt::format("{:2}", parts.tm_mday);
    else if (take("15")) out += fmt::format("{:02}", parts.tm_hour);
    else if (take("03")) out += fmt::format("{:02}", hour12);
    else if (take("04")) out += fmt::format("{:02}", parts.tm_min);
    else if (take("05")) out += fmt::format("{:02}", parts.tm_sec);
    else if (take("06")) out += fmt::format("{:02}", (parts.tm_year + 1900) % 100);
    else if (take("PM")) out += parts.tm_hour < 12 ? "AM" : "PM";
    else if (take("Z07:00")) out += zone(true, true);
    else if (take("Z0700")) out += zone(false, true);
    else if (take("-07:00")) out += zone(true, false);
    else if (take("-0700")) out += zone(false, false);
    else if (layout.size() > 1 && (layout[0] == '.' || layout[0] == ',') && (layout[1] == '0' || layout[1] == '9')) {
      const char digit = layout[1];
      size_t count = 1;
      while (count < layout.size() && layout[count] == digit) ++count;
      std::string fraction = fmt::format("{:09}", nanos).substr(0, std::min<size_t>(count - 1, 9));
      if (digit == '9') fraction.resize(fraction.find_last_not_of('0') + 1);
      if (!fraction.empty()) out += layout[0] + fraction;
      layout.remove_prefix(count);
    } else {
      out += layout[0];
      layout.remove_prefix(1);
    }
  }
  return out;
}

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

}  // namespace

struct LogFormat::Parts {
  enum class Verb { kText, kColor, kBold, kReset, kTime, kId, kLevel, kModule, kFunction, kMessage };
  enum class Shape { kLine, kJson, kLogfmt } shape = Shape::kLine;
  struct Part {
    Verb verb;
    std::string format;  // kText: the text; kTime: the layout; others: a printf verb
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
    if (parts->parts.empty() || parts->parts.back().verb != Verb::kText) parts->parts.push_back({Verb::kText, ""});
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
      format = option.empty() ? kGoTime : option;
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
    parts->parts.push_back({*verb, std::move(format)});
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
  for (const Parts::Part& part : parts_->parts) {
    switch (part.verb) {
      case Verb::kText: line += part.format; break;
      case Verb::kColor: line += fmt::format("\x1b[{}m", color); break;
      case Verb::kBold: line += fmt::format("\x1b[{};1m", color); break;
      case Verb::kReset: line += "\x1b[0m"; break;
      case Verb::kTime: line += format_time(record.time, part.format); break;
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
  log::append_fields(line, record.fields);
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
