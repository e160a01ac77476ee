// Blocks as a peer takes them from an orderer that may be anybody.
#include "common/common.pb.h"
#include "wire/block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  ::common::Block block;
  if (!block.ParseFromArray(bytes, static_cast<int>(size))) return 0;
  (void)wire::header_hash(block.header());
  (void)wire::data_hash(block.data());
  (void)wire::check_well_formed(block.data()).has_value();
  (void)wire::channel_id_of(block).has_value();
  (void)wire::last_config_index(block).has_value();
  (void)wire::consenter_metadata(block).has_value();
  wire::init_metadata(block);
  return 0;
}
