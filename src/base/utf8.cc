#include "base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace selvage {
namespace {

// Length of the sequence at the front of `text`; 0 when there is none. Overlong forms and surrogates are none.
size_t sequence_length(BytesView text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || size > text.size()) return 0;
  for (size_t k = 1; k < size; ++k)
    if ((static_cast<uint8_t>(text[k]) & 0xc0) != 0x80) return 0;
  const auto second = static_cast<uint8_t>(text[1]);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
      (lead == 0xf4 && second > 0x8f))
    return 0;
  return size;
}

}  // namespace

bool is_utf8(BytesView text) {
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string to_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string out;
  for (BytesView rest = text; !rest.empty();) {
    const size_t length = sequence_length(rest);
    out += length == 0 ? BytesView("\xef\xbf\xbd") : rest.substr(0, length);
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace selvage
