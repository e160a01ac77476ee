// Strings of proto3 messages must be UTF-8.
#pragma once

#include <string>

namespace selvage::wire {

// With U+FFFD for each byte that is none: an error that quotes an outsider's bytes would make a message that nobody can
// read.
[[nodiscard]] std::string to_utf8(std::string text);

}  // namespace selvage::wire
