#include "crypto/der.h"

#include <algorithm>
#include <charconv>

namespace selvage::crypto::der {

bool Reader::read(Element& element) {
  if (rest_.size() < 2) return false;
  auto byte = [this](size_t i) { return static_cast<uint8_t>(rest_[i]); };
  if ((byte(0) & 0x1f) == 0x1f) return false;  // tags of several bytes do not occur in what we read
  size_t length = byte(1);
  size_t header = 2;
  if (length & 0x80) {
    size_t count = length & 0x7f;
    if (count == 0 || count > 4 || rest_.size() < 2 + count) return false;
    length = 0;
    for (size_t i = 0; i < count; ++i) length = (length << 8) | byte(2 + i);
    if (length < 0x80 || byte(2) == 0) return false;  // not the shortest form
    header += count;
  }
  if (rest_.size() - header < length) return false;
  element = {byte(0), rest_.substr(header, length), rest_.substr(0, header + length)};
  rest_.remove_prefix(header + length);
  return true;
}

bool Reader::read(uint8_t tag, BytesView& content) {
  Element element;
  if (!next_is(tag) || !read(element)) return false;
  content = element.content;
  return true;
}

bool Reader::read_optional(uint8_t tag, std::optional<BytesView>& content) {
  content.reset();
  if (!next_is(tag)) return true;
  BytesView found;
  if (!read(tag, found)) return false;
  content = found;
  return true;
}

bool Reader::read_integer(BytesView& content) {
  if (!read(kInteger, content) || content.empty()) return false;
  if (content.size() == 1) return true;
  uint8_t first = static_cast<uint8_t>(content[0]), second = static_cast<uint8_t>(content[1]);
  return !(first == 0 && second < 0x80) && !(first == 0xff && second >= 0x80);
}

bool Reader::read_boolean(bool& value) {
  BytesView content;
  if (!read(kBoolean, content) || content.size() != 1) return false;
  uint8_t byte = static_cast<uint8_t>(content[0]);
  if (byte != 0 && byte != 0xff) return false;
  value = byte != 0;
  return true;
}

bool Reader::read_oid(std::string& dotted) {
  BytesView content;
  if (!read(kOid, content)) return false;
  auto text = oid_to_string(content);
  if (!text) return false;
  dotted = std::move(*text);
  return true;
}

bool Reader::read_bits(BytesView& bytes) {
  if (!read(kBitString, bytes) || bytes.empty() || bytes[0] != 0) return false;
  bytes.remove_prefix(1);
  return true;
}

std::optional<std::string> oid_to_string(BytesView content) {
  if (content.empty()) return std::nullopt;
  std::string out;
  uint64_t value = 0;
  int digits = 0;
  bool first = true;
  for (char c : content) {
    uint8_t byte = static_cast<uint8_t>(c);
    if (digits == 0 && byte == 0x80) return std::nullopt;  // leading zero
    if (++digits > 9) return std::nullopt;                 // 63 bits
    value = (value << 7) | (byte & 0x7f);
    if (byte & 0x80) continue;
    if (first) {
      uint64_t top = std::min<uint64_t>(value / 40, 2);
      out = std::to_string(top) + "." + std::to_string(value - top * 40);
      first = false;
    } else {
      out += "." + std::to_string(value);
    }
    value = 0;
    digits = 0;
  }
  if (digits != 0) return std::nullopt;
  return out;
}

std::optional<Bytes> oid_from_string(std::string_view dotted) {
  std::vector<uint64_t> arcs;
  while (true) {
    size_t dot = dotted.find('.');
    std::string_view arc = dotted.substr(0, dot);
    uint64_t value = 0;
    auto [end, error] = std::from_chars(arc.data(), arc.data() + arc.size(), value);
    if (error != std::errc() || end != arc.data() + arc.size()) return std::nullopt;
    arcs.push_back(value);
    if (dot == std::string_view::npos) break;
    dotted.remove_prefix(dot + 1);
  }
  if (arcs.size() < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] >= 40)) return std::nullopt;
  arcs[1] += arcs[0] * 40;
  Bytes out;
  for (size_t i = 1; i < arcs.size(); ++i) {
    Bytes reversed(1, static_cast<char>(arcs[i] & 0x7f));
    for (uint64_t rest = arcs[i] >> 7; rest != 0; rest >>= 7) reversed += static_cast<char>(0x80 | (rest & 0x7f));
    out.append(reversed.rbegin(), reversed.rend());
  }
  return out;
}

Bytes wrap(uint8_t tag, BytesView content) {
  Bytes out(1, static_cast<char>(tag));
  size_t length = content.size();
  if (length < 0x80) {
    out += static_cast<char>(length);
  } else {
    Bytes digits;
    for (size_t rest = length; rest != 0; rest >>= 8) digits += static_cast<char>(rest & 0xff);
    out += static_cast<char>(0x80 | digits.size());
    out.append(digits.rbegin(), digits.rend());
  }
  out += content;
  return out;
}

Bytes oid(std::string_view dotted) { return wrap(kOid, oid_from_string(dotted).value_or(Bytes())); }

Bytes unsigned_integer(BytesView big_endian) {
  while (!big_endian.empty() && big_endian[0] == 0) big_endian.remove_prefix(1);
  Bytes content;
  if (big_endian.empty() || (static_cast<uint8_t>(big_endian[0]) & 0x80)) content.push_back('\0');
  content += big_endian;
  return wrap(kInteger, content);
}

Bytes bit_string(BytesView bytes) {
  Bytes content(1, '\0');
  content += bytes;
  return wrap(kBitString, content);
}

Bytes boolean(bool value) { return wrap(kBoolean, value ? BytesView("\xff", 1) : BytesView("\0", 1)); }

std::string to_decimal(BytesView big_endian) {
  Bytes number(big_endian);
  std::string digits;
  size_t start = 0;
  while (true) {
    while (start < number.size() && number[start] == 0) ++start;
    if (start == number.size()) break;
    unsigned remainder = 0;
    for (size_t i = start; i < number.size(); ++i) {
      unsigned current = remainder * 256 + static_cast<uint8_t>(number[i]);
      number[i] = static_cast<char>(current / 10);
      remainder = current % 10;
    }
    digits += static_cast<char>('0' + remainder);
  }
  if (digits.empty()) return "0";
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace selvage::crypto::der
