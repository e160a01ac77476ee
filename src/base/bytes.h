// Byte strings. A Bytes is a std::string because protobuf's `bytes` fields are: nothing is copied between the two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace selvage {

using Bytes = std::string;           // owns
using BytesView = std::string_view;  // borrows; the owner must outlive it

// Lower-case hex, two digits a byte.
[[nodiscard]] std::string to_hex(BytesView bytes);
// nullopt unless `hex` is an even number of hex digits (either case).
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view hex);

// Standard base64 with padding.
[[nodiscard]] std::string to_base64(BytesView bytes);
// Accepts with or without padding; nullopt on any other character or a wrong length.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

// Text of an outsider made safe for one log line: control characters, quotes, backslashes and bytes outside printable
// ASCII become \xNN, and what is longer than `max_chars` is cut and marked with "...".
[[nodiscard]] std::string escape(std::string_view text, size_t max_chars = 256);

}  // namespace selvage
