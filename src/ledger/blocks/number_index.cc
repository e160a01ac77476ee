#include "ledger/blocks/number_index.h"

#include "base/disk.h"
#include "ledger/rocks_database.h"

namespace selvage::ledger {
namespace {

constexpr size_t kEntryBytes = 28;

// FNV-1a over the entry and its number, so that an entry in the wrong place does not hold either.
uint64_t checksum(BytesView entry, uint64_t number) {
  uint64_t hash = 0xcbf29ce484222325u ^ number;
  for (char byte : entry) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  return hash;
}

Bytes encode(const BlockPlace& place, uint64_t number) {
  Bytes entry;
  append_big_endian(place.file, entry);
  entry.erase(0, 4);
  append_big_endian(place.offset, entry);
  append_big_endian(place.size, entry);
  append_big_endian(checksum(entry, number), entry);
  return entry;
}

}  // namespace

NumberIndex::NumberIndex(std::unique_ptr<File> writer, std::unique_ptr<File> reader, uint64_t count)
    : writer_(std::move(writer)), reader_(std::move(reader)), count_(count) {}

NumberIndex::~NumberIndex() = default;

Result<std::unique_ptr<NumberIndex>> NumberIndex::open(Disk& disk, const std::string& path) {
  SELVAGE_TRY(auto writer, disk.open(path, Disk::Open::kAppend));
  SELVAGE_TRY(const uint64_t size, writer->size());
  if (size % kEntryBytes != 0) SELVAGE_CHECK(writer->truncate(size - size % kEntryBytes));
  SELVAGE_TRY(auto reader, disk.open(path, Disk::Open::kRead));
  return std::unique_ptr<NumberIndex>(
      new NumberIndex(std::move(writer), std::move(reader), size / kEntryBytes));
}

Result<std::optional<BlockPlace>> NumberIndex::find(uint64_t number) const {
  SELVAGE_TRY(const Bytes entry, reader_->read_at(number * kEntryBytes, kEntryBytes));
  if (entry.size() != kEntryBytes) return std::optional<BlockPlace>();
  BlockPlace place;
  place.file = static_cast<uint32_t>(read_big_endian(Bytes(4, '\0') + entry.substr(0, 4)));
  place.offset = read_big_endian(BytesView(entry).substr(4, 8));
  place.size = read_big_endian(BytesView(entry).substr(12, 8));
  if (entry != encode(place, number)) return std::optional<BlockPlace>();
  return std::optional<BlockPlace>(place);
}

Status NumberIndex::append(const BlockPlace& place) {
  SELVAGE_CHECK(writer_->append(encode(place, count_)));
  ++count_;
  return {};
}

Status NumberIndex::cut(uint64_t count) {
  if (count >= count_) return {};
  SELVAGE_CHECK(writer_->truncate(count * kEntryBytes));
  count_ = count;
  return {};
}

}  // namespace selvage::ledger
