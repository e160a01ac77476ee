#include "ledger/blocks/number_index.h"

#include <algorithm>

#include "base/disk.h"
#include "ledger/rocks_database.h"

namespace selvage::ledger {
namespace {

constexpr size_t kEntryBytes = 28;
constexpr uint64_t kEntriesAtOnce = 4096;

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

namespace {

std::optional<BlockPlace> decode(BytesView entry, uint64_t number) {
  if (entry.size() != kEntryBytes) return std::nullopt;
  BlockPlace place;
  place.file = static_cast<uint32_t>(read_big_endian(Bytes(4, '\0').append(entry.substr(0, 4))));
  place.offset = read_big_endian(entry.substr(4, 8));
  place.size = read_big_endian(entry.substr(12, 8));
  if (read_big_endian(entry.substr(20)) != checksum(entry.substr(0, 20), number)) return std::nullopt;
  return place;
}

}  // namespace

Result<std::optional<BlockPlace>> NumberIndex::find(uint64_t number) const {
  SELVAGE_TRY(const Bytes entry, reader_->read_at(number * kEntryBytes, kEntryBytes));
  return decode(entry, number);
}

Result<uint64_t> NumberIndex::good() const {
  uint64_t number = 0;
  while (number < count_) {
    const uint64_t some = std::min(count_ - number, kEntriesAtOnce);
    SELVAGE_TRY(const Bytes entries, reader_->read_at(number * kEntryBytes, some * kEntryBytes));
    for (size_t at = 0; at < some * kEntryBytes; at += kEntryBytes, ++number) {
      if (at >= entries.size() || !decode(BytesView(entries).substr(at, kEntryBytes), number)) return number;
    }
  }
  return number;
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
