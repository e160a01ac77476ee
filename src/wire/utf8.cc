#include "wire/utf8.h"

#include <algorithm>

#include "wire/fields.h"

namespace selvage::wire {

std::string to_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string out;
  for (BytesView rest = text; !rest.empty();) {
    size_t length = 1;
    while (length <= 4 && !is_utf8(rest.substr(0, length))) ++length;
    const bool good = length <= std::min<size_t>(rest.size(), 4);
    out += good ? rest.substr(0, length) : BytesView("\xef\xbf\xbd");
    rest.remove_prefix(good ? length : 1);
  }
  return out;
}

}  // namespace selvage::wire
