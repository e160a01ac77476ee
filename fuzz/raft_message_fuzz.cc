// A Raft message from another orderer: what decodes encodes to something that decodes to the same, and a node survives it.
#include <cstdlib>

#include "order/raft/codec.h"
#include "order/raft/core.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace selvage::order::raft;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto message = decode_message(bytes);
  if (!message) return 0;
  const auto again = decode_message(encode(*message));
  if (!again || encode(*again) != encode(*message)) std::abort();
  Config config;
  config.id = 1;
  Restart restart;
  restart.snapshot.membership.voters = {1, 2, 3};
  restart.snapshot.index = 5;
  restart.snapshot.term = 1;
  restart.hard_state = {1, 0, 5};
  Core core(config, std::move(restart));
  (void)core.step(std::move(*message));
  while (core.has_ready()) {
    (void)core.ready();
    core.advance();
  }
  return 0;
}
