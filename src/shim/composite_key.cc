#include "shim/composite_key.h"

#include "base/bytes.h"

namespace selvage::shim {
namespace {

constexpr char kSeparator = '\0';
constexpr std::string_view kLastCodePoint = "\xf4\x8f\xbf\xbf";  // U+10FFFF

// The length of the UTF-8 sequence at the start of `text`; 0 when there is none (overlong and surrogates included).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0u) == 0x80u && i < text.size(); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) >= 0xa0) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

Status check_part(std::string_view part) {
  for (std::string_view rest = part; !rest.empty();) {
    const size_t length = utf8_length(rest);
    if (length == 0) {
      return fail(Code::kInvalidArgument, "not a valid utf8 string: [" + to_hex(part) + "]");
    }
    const std::string_view rune = rest.substr(0, length);
    if (rune[0] == kSeparator || rune == kLastCodePoint) {
      return fail(Code::kInvalidArgument,
                  "input contains unicode U+" + std::string(rune[0] == kSeparator ? "0000" : "10FFFF") +
                      " starting at position [" + std::to_string(part.size() - rest.size()) +
                      "]. U+0000 and U+10FFFF are not allowed in the input attribute of a composite key");
    }
    rest.remove_prefix(length);
  }
  return {};
}

}  // namespace

Result<std::string> make_composite_key(std::string_view object_type, const std::vector<std::string>& attributes) {
  SELVAGE_CHECK(check_part(object_type));
  std::string key(1, kSeparator);
  key.append(object_type).push_back(kSeparator);
  for (const std::string& attribute : attributes) {
    SELVAGE_CHECK(check_part(attribute));
    key.append(attribute).push_back(kSeparator);
  }
  return key;
}

Result<CompositeKey> split_composite_key(std::string_view key) {
  if (key.size() < 2 || key.front() != kSeparator || key.back() != kSeparator) {
    return fail(Code::kInvalidArgument, "not a composite key: [" + to_hex(key) + "]");
  }
  CompositeKey parts;
  bool first = true;
  for (std::string_view rest = key.substr(1); !rest.empty(); first = false) {
    const size_t end = rest.find(kSeparator);
    const std::string part(rest.substr(0, end));
    if (first) {
      parts.object_type = part;
    } else {
      parts.attributes.push_back(part);
    }
    rest.remove_prefix(end + 1);
  }
  return parts;
}

Result<std::pair<std::string, std::string>> composite_key_range(std::string_view object_type,
                                                                const std::vector<std::string>& attributes) {
  SELVAGE_TRY(std::string first, make_composite_key(object_type, attributes));
  std::string last = first + std::string(kLastCodePoint);
  return std::make_pair(std::move(first), std::move(last));
}

std::pair<std::string, std::string> all_composite_keys() {
  const std::string first(1, kSeparator);
  return {first, first + std::string(kLastCodePoint)};
}

Status check_simple_key(std::string_view key) {
  if (!key.empty() && key.front() == kSeparator) {
    return fail(Code::kInvalidArgument, "first character of the key [" + to_hex(key) +
                                            "] contains a null character which is not allowed");
  }
  return {};
}

}  // namespace selvage::shim
