// Forms as they are posted to the admin listener: any bytes are refused or parsed, and what was parsed can be sent again.
//
// The first line is the Content-Type, the rest the body.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line_end = std::min(input.find('\n'), input.size());
  const auto parts = selvage::http::parse_multipart(input.substr(0, line_end), input.substr(std::min(line_end + 1, input.size())));
  if (!parts) return 0;
  for (const auto& part : *parts) {
    if (part.body.size() > size) std::abort();
  }
  (void)selvage::http::percent_decode(input);
  return 0;
}
