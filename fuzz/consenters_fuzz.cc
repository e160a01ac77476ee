// The consensus part of a configuration that somebody proposes, and of the blocks after it. Input: ConfigMetadata and
// BlockMetadata, each after two bytes of length.
#include "input.h"
#include "kit/channels.h"
#include "order/cluster/members.h"
#include "order/consensus_metadata.h"
#include "wire/block.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static test::Channel& channel = *new test::Channel;
  static const channel::BundlePtr bundle = channel.bundle();
  static const auto current = *order::config_metadata_of(*bundle);
  BytesView rest = fuzz::view_of(bytes, size), config_bytes, ids_bytes;
  if (!fuzz::take_part(rest, config_bytes)) return 0;
  (void)fuzz::take_part(rest, ids_bytes);
  ::etcdraft::ConfigMetadata next;
  ::etcdraft::BlockMetadata ids;
  if (!wire::parse_into(config_bytes, next) || !wire::parse_into(ids_bytes, ids)) return 0;
  const bool good = order::verify_config_metadata(next, *bundle, SystemTime()).has_value();
  auto self = order::find_self(next, channel.consenter_tls().certificate);
  if (good && !self) __builtin_trap();  // the certificates were read
  if (ids.consenter_ids_size() == current.consenters_size()) {
    auto changes = order::membership_changes(ids, current, next);
    if (changes) (void)changes->loses_quorum({1});
  }
  (void)order::cluster::members_of(ids, next, 1).has_value();
  ::common::Block block;
  wire::init_metadata(block);
  (void)order::block_metadata_of(block, next).has_value();
  return 0;
}
