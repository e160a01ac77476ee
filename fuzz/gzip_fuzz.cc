// Compressed messages: what inflates stays within its bound, and deflates and inflates to the same again. The first bytes:
// how the rest is cut.
#include <cstdlib>

#include "rpc/http2/gzip.h"
#include "rpc/http2/message_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  constexpr size_t kMax = 1 << 16;
  if (size < 2) return 0;
  const size_t step = 1 + bytes[0];
  const bool framed = (bytes[1] & 1) != 0;
  const BytesView input(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  if (!framed) {
    bool too_large = false;
    auto plain = rpc::gunzip(input, kMax, &too_large);
    if (!plain) return 0;
    if (too_large || plain->size() > kMax) std::abort();
    if (rpc::gunzip(rpc::gzip(*plain), kMax, &too_large) != plain) std::abort();
    return 0;
  }
  rpc::MessageReader reader(kMax);
  reader.set_encoding("gzip");
  std::deque<rpc::InMessage> messages;
  for (size_t at = 0; at < input.size(); at += step) {
    if (!reader.feed(input.substr(at, step), &messages).ok()) break;
  }
  for (rpc::InMessage& message : messages) {
    if (reader.open(&message).ok() && message.bytes.size() > kMax) std::abort();
  }
  return 0;
}
