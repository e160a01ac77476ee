// Fabric's block-file record, and its conversion from and to common.Block. Pure: bytes in, bytes out.
//
// One file holds records one after the other; a record is uvarint(length of body) and the body:
//   uvarint(number) bytes(data hash) bytes(previous hash) uvarint(n) n*bytes(transaction) uvarint(m) m*bytes(metadata)
// where bytes(x) is uvarint(length) and x. Nothing in it says whether it is whole but the data hash.
//
// Fabric quirk: common/ledger/blkstorage/block_serialization.go
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace common {
class Block;
}

namespace selvage::ledger {

// Borrows from the bytes it was parsed from.
struct RecordView {
  uint64_t number = 0;
  BytesView data_hash;
  BytesView previous_hash;
  std::vector<BytesView> transactions;
  std::vector<BytesView> metadata;

  // Whether the transactions have the data hash of the header. A torn write can leave a record whose length is right and
  // whose bytes are not.
  [[nodiscard]] bool data_hash_matches() const;
  // SHA-256 of the header (facts: block hash), the `previous_hash` of the next block.
  [[nodiscard]] Bytes header_hash() const;
};

// Whether a sector of the metadata, which no hash covers, is all zeros: a crash cut the power before all of the record was
// written. `offset` is where `body` lies in its file. Only to be asked about a record that may not have been synced.
[[nodiscard]] bool has_unwritten_sector(BytesView body, const RecordView& record, uint64_t offset);

// The record of a block, length included.
[[nodiscard]] Bytes encode_record(const ::common::Block& block);

// `body` is a record without its length. kDataLoss when it is not exactly one record.
[[nodiscard]] Result<RecordView> parse_record(BytesView body);

// The block as a protobuf message, and as the bytes of that message (what Deliver sends), without a message in between.
void to_block(const RecordView& record, ::common::Block& block);
[[nodiscard]] Bytes to_block_bytes(const RecordView& record);

struct RecordLength {
  uint64_t body_bytes;
  size_t length_bytes;  // how many bytes the length itself takes
};
// The length at the front of `bytes`; nullopt when it is cut off or no uvarint.
[[nodiscard]] std::optional<RecordLength> parse_record_length(BytesView bytes);

}  // namespace selvage::ledger
