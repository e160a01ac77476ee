// Strings of proto3 messages must be UTF-8, and so must YAML.
#pragma once

#include <string>

#include "base/bytes.h"

namespace selvage {

[[nodiscard]] bool is_utf8(BytesView text);
// With U+FFFD for each byte that is none: an error that quotes an outsider's bytes would make a message that nobody can read.
[[nodiscard]] std::string to_utf8(std::string text);

}  // namespace selvage
