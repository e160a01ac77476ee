#include "channel/duration.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

namespace selvage::channel {

Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  const auto invalid = [&] {
    return fail(Code::kInvalidArgument, fmt::format("time: invalid duration \"{}\"", text));
  };
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return invalid();
  constexpr long double kMax = 9.2233720368547758e18L;
  long double total = 0;
  while (!rest.empty()) {
    long double value = 0, scale = 1;
    bool digits = false, fraction = false;
    while (!rest.empty() && ((rest[0] >= '0' && rest[0] <= '9') || (rest[0] == '.' && !fraction))) {
      if (rest[0] == '.') {
        fraction = true;
      } else {
        digits = true;
        value = value * 10 + (rest[0] - '0');
        if (fraction) scale *= 10;
        if (value > kMax * 1e9L) return invalid();
      }
      rest.remove_prefix(1);
    }
    if (!digits) return invalid();
    size_t unit_end = 0;
    while (unit_end < rest.size() && rest[unit_end] != '.' && (rest[unit_end] < '0' || rest[unit_end] > '9')) unit_end++;
    const std::string_view unit = rest.substr(0, unit_end);
    if (unit.empty()) return fail(Code::kInvalidArgument, fmt::format("time: missing unit in duration \"{}\"", text));
    static constexpr std::pair<std::string_view, int64_t> kUnits[] = {
        {"ns", 1}, {"us", 1000}, {"\xC2\xB5s", 1000}, {"\xCE\xBCs", 1000}, {"ms", 1000000},
        {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};
    int64_t nanoseconds = 0;
    for (const auto& [name, size] : kUnits) {
      if (unit == name) nanoseconds = size;
    }
    if (nanoseconds == 0) {
      return fail(Code::kInvalidArgument, fmt::format("time: unknown unit \"{}\" in duration \"{}\"", unit, text));
    }
    total += std::trunc(value / scale * static_cast<long double>(nanoseconds));
    if (total > kMax) return invalid();
    rest.remove_prefix(unit_end);
  }
  const auto count = static_cast<int64_t>(total);
  return std::chrono::nanoseconds(negative ? -count : count);
}

}  // namespace selvage::channel
