// Keys made of several parts, so that a range over the first parts finds them all: U+0000, object type, U+0000, then each
// attribute followed by U+0000. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace selvage::shim {

struct CompositeKey {
  std::string object_type;
  std::vector<std::string> attributes;
};

// kInvalidArgument when a part is not UTF-8 or holds U+0000 or U+10FFFF, which mark the ends of parts and ranges.
[[nodiscard]] Result<std::string> make_composite_key(std::string_view object_type,
                                                     const std::vector<std::string>& attributes);
[[nodiscard]] Result<CompositeKey> split_composite_key(std::string_view key);

// [first, last) of all composite keys that begin with these parts.
[[nodiscard]] Result<std::pair<std::string, std::string>> composite_key_range(
    std::string_view object_type, const std::vector<std::string>& attributes);

// [first, last) of all composite keys there are.
[[nodiscard]] std::pair<std::string, std::string> all_composite_keys();

// A key of one's own must not look like a composite one. kInvalidArgument with the shims' words.
Status check_simple_key(std::string_view key);

}  // namespace selvage::shim
