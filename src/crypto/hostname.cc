#include <algorithm>
#include <charconv>

#include "crypto/chain.h"

namespace selvage::crypto {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// A name that wildcards and a last dot may be applied to.
bool is_plain_name(std::string_view name, bool is_pattern) {
  if (!is_pattern && name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name == "*") return false;
  bool first = true;
  for (std::string_view label : split(name, '.')) {
    if (label.empty()) return false;
    bool wildcard = first && is_pattern && label == "*";
    first = false;
    if (wildcard) continue;
    for (size_t i = 0; i < label.size(); ++i) {
      char c = label[i];
      bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  (c == '-' && i != 0);
      if (!good) return false;
    }
  }
  return true;
}

bool pattern_matches(std::string_view pattern, std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  auto wanted = split(pattern, '.'), given = split(name, '.');
  if (wanted.size() != given.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i == 0 && wanted[i] == "*") continue;
    if (wanted[i] != given[i]) return false;
  }
  return true;
}

std::optional<Bytes> parse_ipv4(std::string_view text) {
  Bytes out;
  auto parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  for (std::string_view part : parts) {
    unsigned value = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value > 255 || part.size() > 3 ||
        (part.size() > 1 && part[0] == '0')) {
      return std::nullopt;
    }
    out += static_cast<char>(value);
  }
  return out;
}

// Groups between colons; the last may be an IPv4 address.
std::optional<Bytes> parse_groups(std::string_view text) {
  Bytes out;
  if (text.empty()) return out;
  auto parts = split(text, ':');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i + 1 == parts.size() && parts[i].find('.') != std::string_view::npos) {
      auto v4 = parse_ipv4(parts[i]);
      if (!v4) return std::nullopt;
      return out + *v4;
    }
    unsigned value = 0;
    auto [end, error] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), value, 16);
    if (parts[i].empty() || parts[i].size() > 4 || error != std::errc() || end != parts[i].data() + parts[i].size()) {
      return std::nullopt;
    }
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xff);
  }
  return out;
}

Bytes as_sixteen(const Bytes& address) {
  return address.size() == 4 ? Bytes(10, '\0') + "\xff\xff" + address : address;
}

std::string hostname_error(const Certificate& leaf, const std::string& host, bool is_address) {
  constexpr size_t kShown = 100;
  if (!leaf.has_san() && !leaf.common_name().empty() &&
      pattern_matches(lower(leaf.common_name()), lower(host))) {
    return "x509: certificate relies on legacy Common Name field, use SANs instead";
  }
  std::string valid;
  auto append = [&](const std::string& name) { valid += (valid.empty() ? "" : ", ") + name; };
  if (is_address) {
    const auto& addresses = leaf.ip_addresses();
    if (addresses.empty()) {
      return "x509: cannot validate certificate for " + host + " because it doesn't contain any IP SANs";
    }
    if (addresses.size() >= kShown) {
      return "x509: certificate is valid for " + std::to_string(addresses.size()) + " IP SANs, but none matched " + host;
    }
    for (const Bytes& address : addresses) append(ip_to_string(address));
  } else {
    const auto& names = leaf.dns_names();
    if (names.size() >= kShown) {
      return "x509: certificate is valid for " + std::to_string(names.size()) + " names, but none matched " + host;
    }
    for (const std::string& name : names) append(name);
  }
  if (valid.empty()) return "x509: certificate is not valid for any names, but wanted to match " + host;
  return "x509: certificate is valid for " + valid + ", not " + host;
}

}  // namespace

std::optional<Bytes> ip_from_string(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return parse_ipv4(text);
  size_t gap = text.find("::");
  std::optional<Bytes> address;
  if (gap == std::string_view::npos) {
    address = parse_groups(text);
    if (address && address->size() != 16) return std::nullopt;
  } else {
    auto head = parse_groups(text.substr(0, gap)), tail = parse_groups(text.substr(gap + 2));
    if (!head || !tail || head->size() + tail->size() > 14) return std::nullopt;
    address = *head + Bytes(16 - head->size() - tail->size(), '\0') + *tail;
  }
  static const Bytes kMapped = Bytes(10, '\0') + "\xff\xff";
  if (address && address->starts_with(kMapped)) return address->substr(12);
  return address;
}

std::optional<std::string> check_host(const Certificate& leaf, std::string_view host) {
  std::string_view bare = host;
  if (bare.size() >= 3 && bare.front() == '[' && bare.back() == ']') bare = bare.substr(1, bare.size() - 2);
  if (auto address = ip_from_string(bare)) {
    for (const Bytes& candidate : leaf.ip_addresses()) {
      if (as_sixteen(candidate) == as_sixteen(*address)) return std::nullopt;
    }
    return hostname_error(leaf, std::string(bare), true);
  }
  std::string name = lower(host);
  bool plain = is_plain_name(name, false);
  for (const std::string& candidate : leaf.dns_names()) {
    std::string pattern = lower(candidate);
    if (plain && is_plain_name(pattern, true)) {
      if (pattern_matches(pattern, name)) return std::nullopt;
    } else if (!pattern.empty() && pattern != "." && pattern == name) {
      return std::nullopt;
    }
  }
  return hostname_error(leaf, std::string(host), false);
}

}  // namespace selvage::crypto
