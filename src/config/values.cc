// Texts of settings -> values.
#include <charconv>
#include <cmath>

#include "config/reader.h"

namespace selvage::config {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  int64_t whole = 0;
  if (auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
      error == std::errc() && end == text.data() + text.size()) {
    return std::chrono::nanoseconds(negative ? -whole : whole);
  }
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1},   {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3}, {"ms", 1e6},
      {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};  // "ms" before "m"
  long double total = 0;
  while (!text.empty()) {
    double amount = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount, std::chars_format::fixed);
    if (error != std::errc() || !(amount >= 0)) return std::nullopt;  // "nan" is a number too
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    bool known = false;
    for (const auto& [unit, nanos] : kUnits) {
      if (!text.starts_with(unit)) continue;
      total += static_cast<long double>(amount) * nanos;
      text.remove_prefix(unit.size());
      known = true;
      break;
    }
    if (!known || total > 9.2e18L) return std::nullopt;
  }
  const auto nanos = static_cast<int64_t>(total);
  return std::chrono::nanoseconds(negative ? -nanos : nanos);
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  text = trim(text);
  uint64_t amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  std::string unit = lower(trim(text));
  if (unit.size() == 2 && unit[1] == 'b') unit.pop_back();
  int shift = 0;
  if (unit == "k") shift = 10;
  else if (unit == "m") shift = 20;
  else if (unit == "g") shift = 30;
  else if (!unit.empty() && unit != "b") return std::nullopt;
  if (amount > (UINT64_MAX >> shift)) return std::nullopt;
  return amount << shift;
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::vector<std::string> parse_list(std::string_view text) {
  text = trim(text);
  const bool bracketed = text.size() > 1 && text.front() == '[' && text.back() == ']';
  if (bracketed) text = text.substr(1, text.size() - 2);
  const bool commas = bracketed || text.find(',') != std::string_view::npos;
  std::vector<std::string> out;
  size_t at = 0;
  while (at <= text.size()) {
    size_t end = at;
    while (end < text.size() && !(commas ? text[end] == ',' : is_space(text[end]))) ++end;
    std::string_view item = trim(text.substr(at, end - at));
    if (item.size() > 1 && (item.front() == '"' || item.front() == '\'') && item.back() == item.front()) {
      item = item.substr(1, item.size() - 2);
    }
    if (!item.empty()) out.emplace_back(item);
    at = end + 1;
  }
  return out;
}

}  // namespace selvage::config
