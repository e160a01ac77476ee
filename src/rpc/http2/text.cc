#include "rpc/http2/text.h"

#include <fmt/format.h>

#include <array>

namespace selvage::rpc {
namespace {

struct Unit {
  char letter;
  int64_t nanoseconds;
};
constexpr std::array<Unit, 6> kUnits{{{'n', 1},
                                      {'u', 1000},
                                      {'m', 1000 * 1000},
                                      {'S', 1000 * 1000 * 1000},
                                      {'M', 60ll * 1000 * 1000 * 1000},
                                      {'H', 3600ll * 1000 * 1000 * 1000}}};

// Decimal fraction without trailing zeros: 1800000 of 1e6 -> "1.8".
std::string fraction(int64_t value, int64_t unit) {
  std::string out = std::to_string(value / unit);
  std::string rest = std::to_string(unit + value % unit).substr(1);
  while (!rest.empty() && rest.back() == '0') rest.pop_back();
  return rest.empty() ? out : out + "." + rest;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  int64_t value = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  for (const Unit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    // 99999999 hours are more than nanoseconds can count; such a deadline is none to speak of.
    constexpr int64_t kMax = 100ll * 365 * 24 * 3600 * 1000 * 1000 * 1000 / 2;
    return std::chrono::nanoseconds(value > kMax / unit.nanoseconds ? kMax : value * unit.nanoseconds);
  }
  return std::nullopt;
}

std::string format_timeout(std::chrono::nanoseconds timeout) {
  if (timeout.count() <= 0) return "0n";
  for (const Unit& unit : kUnits) {
    int64_t value = timeout.count() / unit.nanoseconds + (timeout.count() % unit.nanoseconds != 0);
    if (value <= 99999999) return std::to_string(value) + unit.letter;
  }
  return "99999999H";
}

std::string go_duration(std::chrono::nanoseconds duration) {
  int64_t value = duration.count();
  std::string sign = value < 0 ? "-" : "";
  if (value < 0) value = -value;
  if (value == 0) return "0s";
  if (value < 1000) return fmt::format("{}{}ns", sign, value);
  if (value < 1000 * 1000) return sign + fraction(value, 1000) + "\xc2\xb5s";
  if (value < 1000 * 1000 * 1000) return sign + fraction(value, 1000 * 1000) + "ms";
  int64_t minutes = value / kUnits[4].nanoseconds;
  std::string out = sign;
  if (minutes >= 60) out += fmt::format("{}h", minutes / 60);
  if (minutes > 0) out += fmt::format("{}m", minutes % 60);
  return out + fraction(value % kUnits[4].nanoseconds, kUnits[3].nanoseconds) + "s";
}

Code code_of_http(int status) {
  switch (status) {
    case 400:
      return Code::kInternal;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code::kUnavailable;
    default:
      return Code::kUnknown;
  }
}

Code code_of_http2(uint32_t error) {
  switch (error) {
    case 7:  // REFUSED_STREAM
      return Code::kUnavailable;
    case 8:  // CANCEL
      return Code::kCancelled;
    case 11:  // ENHANCE_YOUR_CALM
      return Code::kResourceExhausted;
    case 12:  // INADEQUATE_SECURITY
      return Code::kPermissionDenied;
    default:
      return Code::kInternal;
  }
}

std::string name_of_http2(uint32_t error) {
  static constexpr std::array<const char*, 14> kNames{
      "NO_ERROR",     "PROTOCOL_ERROR",   "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
      "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL",             "COMPRESSION_ERROR",
      "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"};
  return error < kNames.size() ? kNames[error] : fmt::format("unknown error code {:#x}", error);
}

}  // namespace selvage::rpc
