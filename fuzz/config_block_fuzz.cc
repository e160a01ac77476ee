// Config blocks: what `osnadmin channel join` and `peer channel join` are given.
#include "channel/bundle.h"
#include "common/common.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  ::common::Block block;
  if (!block.ParseFromArray(bytes, static_cast<int>(size))) return 0;
  if (auto bundle = channel::Bundle::from_block(block)) {
    (void)(*bundle)->check_capabilities().has_value();
    (void)(*bundle)->check_successor(**bundle).has_value();
  }
  return 0;
}
