// Blocks: hashes, the five metadata slots, signed bytes, and what can be asked of a block without its channel.
//
// Fabric quirk: protoutil/blockutils.go.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "common/common.pb.h"

namespace selvage::wire {

// DER: SEQUENCE {INTEGER number, OCTET STRING previous_hash, OCTET STRING data_hash}.
[[nodiscard]] Bytes header_bytes(const ::common::BlockHeader& header);
[[nodiscard]] Bytes header_hash(const ::common::BlockHeader& header);
// SHA-256 of all transactions, one after the other.
[[nodiscard]] Bytes data_hash(const ::common::BlockData& data);

// No data yet, five empty metadata slots.
[[nodiscard]] ::common::Block make_block(uint64_t number, BytesView previous_hash);
// Adds the missing ones of the five slots.
void init_metadata(::common::Block& block);

// Every transaction is exactly what Go would write for it, with a payload and a signature; the block of one config
// transaction is exempt. Without this two nodes could hash one block and read two.
// Errors: kInvalidArgument, "empty block", "transaction 0 has no payload", ... as Fabric says them.
[[nodiscard]] Status check_well_formed(const ::common::BlockData& data);
// The same question for one transaction; `index` is for the text.
[[nodiscard]] Status check_canonical_envelope(BytesView envelope, size_t index);

[[nodiscard]] bool is_config_block(const ::common::Block& block);
// The same of the data alone.
[[nodiscard]] bool has_config_transaction(const ::common::BlockData& data);

// Channel named by the first transaction. Errors: kInvalidArgument, Fabric's words.
[[nodiscard]] Result<std::string> channel_id_of(const ::common::Block& block);

// A slot of block metadata, parsed. Errors: kInvalidArgument, "no metadata in block", "no metadata at index
// [SIGNATURES]".
[[nodiscard]] Result<::common::Metadata> metadata_of(const ::common::Block& block, ::common::BlockMetadataIndex index);
// Number of the latest config block at or before this one; blocks from before Fabric 1.4.1 say it in slot LAST_CONFIG.
[[nodiscard]] Result<uint64_t> last_config_index(const ::common::Block& block);
// What consensus wrote about itself: for raft the bytes of etcdraft.BlockMetadata, unwrapped.
[[nodiscard]] Result<Bytes> consenter_metadata(const ::common::Block& block);

// Value of slot SIGNATURES: OrdererBlockMetadata{last config, Metadata{value = consenter metadata}}.
[[nodiscard]] Bytes orderer_metadata_value(uint64_t last_config, BytesView consenter_metadata);
// What an orderer signs: value, then SignatureHeader (BFT: IdentifierHeader), then the header's DER.
[[nodiscard]] Bytes orderer_signed_bytes(BytesView value, BytesView header_of_signature,
                                         const ::common::BlockHeader& header);

}  // namespace selvage::wire
