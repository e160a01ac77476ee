#include "ledger/blocks/block_file.h"

#include <algorithm>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "wire/block.h"
#include "wire/fields.h"

namespace selvage::ledger {
namespace {

void append_bytes(Bytes& out, BytesView bytes) {
  wire::append_varint(out, bytes.size());
  out.append(bytes);
}

bool take_bytes(BytesView& from, BytesView& bytes) {
  uint64_t size = 0;
  if (!wire::take_varint(from, size) || size > from.size()) return false;
  bytes = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

bool take_list(BytesView& from, std::vector<BytesView>& list) {
  uint64_t count = 0;
  if (!wire::take_varint(from, count) || count > from.size()) return false;  // each takes a byte at least
  list.resize(count);
  for (BytesView& item : list) {
    if (!take_bytes(from, item)) return false;
  }
  return true;
}

size_t varint_bytes(uint64_t value) {
  size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

constexpr char kField1Bytes = 0x0a;
constexpr char kField2Bytes = 0x12;
constexpr char kField3Bytes = 0x1a;

// A message whose only field is `repeated bytes x = 1`.
void append_list_message(Bytes& out, char tag, const std::vector<BytesView>& list) {
  size_t size = 0;
  for (BytesView item : list) size += 1 + varint_bytes(item.size()) + item.size();
  out.push_back(tag);
  wire::append_varint(out, size);
  for (BytesView item : list) {
    out.push_back(kField1Bytes);
    append_bytes(out, item);
  }
}

}  // namespace

bool RecordView::data_hash_matches() const {
  crypto::Sha256 hash;
  for (BytesView transaction : transactions) hash.update(transaction);
  return hash.finish() == data_hash;
}

Bytes RecordView::header_hash() const {
  ::common::BlockHeader header;
  header.set_number(number);
  header.set_data_hash(Bytes(data_hash));
  header.set_previous_hash(Bytes(previous_hash));
  return wire::header_hash(header);
}

bool has_unwritten_sector(BytesView body, const RecordView& record, uint64_t offset) {
  constexpr uint64_t kSector = 512;
  constexpr size_t kTooShort = 8;  // a few zeros are lengths of empty slots
  if (record.metadata.empty()) return false;
  const auto place_of = [&](BytesView part) { return static_cast<size_t>(part.data() - body.data()); };
  // Zeros are all that the filter has when every transaction is valid.
  size_t filter = 0, filter_end = 0;
  if (record.metadata.size() > ::common::TRANSACTIONS_FILTER) {
    const BytesView codes = record.metadata[::common::TRANSACTIONS_FILTER];
    filter = place_of(codes);
    filter_end = filter + codes.size();
  }
  for (size_t at = place_of(record.metadata.front()); at < body.size();) {
    const size_t end = std::min<size_t>(body.size(), at + kSector - (offset + at) % kSector);
    size_t counted = 0;
    bool zeros = true;
    for (; at < end; ++at) {
      zeros = zeros && body[at] == '\0';
      if (at < filter || at >= filter_end) ++counted;
    }
    if (zeros && counted >= kTooShort) return true;
  }
  return false;
}

Bytes encode_record(const ::common::Block& block) {
  const auto& header = block.header();
  size_t size = 64 + header.data_hash().size() + header.previous_hash().size();
  for (const auto& transaction : block.data().data()) size += 10 + transaction.size();
  for (const auto& metadata : block.metadata().metadata()) size += 10 + metadata.size();
  Bytes body;
  body.reserve(size);
  wire::append_varint(body, header.number());
  append_bytes(body, header.data_hash());
  append_bytes(body, header.previous_hash());
  wire::append_varint(body, static_cast<uint64_t>(block.data().data_size()));
  for (const auto& transaction : block.data().data()) append_bytes(body, transaction);
  wire::append_varint(body, static_cast<uint64_t>(block.metadata().metadata_size()));
  for (const auto& metadata : block.metadata().metadata()) append_bytes(body, metadata);
  Bytes record;
  record.reserve(body.size() + 10);
  append_bytes(record, body);
  return record;
}

Result<RecordView> parse_record(BytesView body) {
  RecordView record;
  if (!wire::take_varint(body, record.number) || !take_bytes(body, record.data_hash) ||
      !take_bytes(body, record.previous_hash) || !take_list(body, record.transactions) ||
      !take_list(body, record.metadata) || !body.empty()) {
    return fail(Code::kDataLoss, "block file: malformed record");
  }
  return record;
}

void to_block(const RecordView& record, ::common::Block& block) {
  block.Clear();
  auto* header = block.mutable_header();
  header->set_number(record.number);
  header->set_data_hash(Bytes(record.data_hash));
  header->set_previous_hash(Bytes(record.previous_hash));
  auto* data = block.mutable_data();
  for (BytesView transaction : record.transactions) data->add_data(transaction.data(), transaction.size());
  auto* metadata = block.mutable_metadata();
  for (BytesView item : record.metadata) metadata->add_metadata(item.data(), item.size());
}

Bytes to_block_bytes(const RecordView& record) {
  Bytes header;
  wire::append_varint_field(header, 1, record.number);
  wire::append_bytes_field(header, 2, record.previous_hash);
  wire::append_bytes_field(header, 3, record.data_hash);
  size_t size = header.size() + 64;
  for (BytesView transaction : record.transactions) size += 11 + transaction.size();
  for (BytesView item : record.metadata) size += 11 + item.size();
  Bytes block;
  block.reserve(size);
  block.push_back(kField1Bytes);
  append_bytes(block, header);
  append_list_message(block, kField2Bytes, record.transactions);
  append_list_message(block, kField3Bytes, record.metadata);
  return block;
}

std::optional<RecordLength> parse_record_length(BytesView bytes) {
  BytesView rest = bytes;
  uint64_t length = 0;
  if (!wire::take_varint(rest, length)) return std::nullopt;
  return RecordLength{length, bytes.size() - rest.size()};
}

}  // namespace selvage::ledger
