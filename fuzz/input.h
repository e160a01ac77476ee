// What targets have in common: the input as bytes and as a run of messages, and the end of the program where it breaks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"
#include "base/log.h"
#include "base/result.h"

namespace selvage::fuzz {

inline BytesView view_of(const uint8_t* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

// Takes what a length of two bytes at the front of `rest` says; the last part may be cut short. False at the end.
inline bool take_part(BytesView& rest, BytesView& part) {
  if (rest.size() < 2) return false;
  const size_t length = static_cast<unsigned char>(rest[0]) << 8 | static_cast<unsigned char>(rest[1]);
  part = rest.substr(2, length);
  rest.remove_prefix(2 + part.size());
  return true;
}

// Nothing is logged from here on.
inline void be_quiet() {
  static const bool quiet = log::set_spec("fatal").has_value();
  (void)quiet;
}

// What a target says must hold; where it does not, the line that says so is told.
inline void expect(bool holds, int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: line %d of the target\n", line);
  std::abort();
}

template <class T>
T must(Result<T> result, int line = __builtin_LINE()) {
  expect(result.has_value(), line);
  return std::move(*result);
}

}  // namespace selvage::fuzz
