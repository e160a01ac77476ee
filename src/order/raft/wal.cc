#include "order/raft/wal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "order/raft/codec.h"

namespace selvage::order::raft {
namespace {

// A record is `length` (of kind and body), `checksum` (of both), kind, body; numbers are little-endian, 32 bits.
constexpr size_t kHeaderBytes = 8;
constexpr size_t kRecordBytesMax = 512u << 20;
constexpr char kHead = 'H';          // first of a segment: format, node id, segment number
constexpr char kEntry = 'E';
constexpr char kState = 'S';
constexpr char kSnapshotMark = 'M';  // term and index of a snapshot whose file is on disk
constexpr uint64_t kFormat = 1;
constexpr size_t kHeadBytes = 1 + 3 * 8;         // kind and body of a kHead
constexpr size_t kFirstWriteBytesMax = 4096;     // head, state and marks of a new segment, which are synced together

uint32_t crc32c(BytesView bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? 0x82f63b78u ^ (value >> 1) : value >> 1;
      made[i] = value;
    }
    return made;
  }();
  uint32_t crc = 0xffffffffu;
  for (unsigned char byte : bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >> 8);
  return ~crc;
}

template <class T>
void put(Bytes& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <class T>
T get(BytesView bytes, size_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i));
  }
  return value;
}

void put_record(Bytes& out, char kind, BytesView body) {
  Bytes record(1, kind);
  record.append(body);
  put<uint32_t>(out, static_cast<uint32_t>(record.size()));
  put<uint32_t>(out, crc32c(record));
  out.append(record);
}

Bytes mark_of(EntryId id) {
  Bytes body;
  put<uint64_t>(body, id.term);
  put<uint64_t>(body, id.index);
  return body;
}

std::optional<uint64_t> number_of(const std::string& name, std::string_view suffix) {
  if (name.size() != 16 + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  uint64_t number = 0;
  for (char c : name.substr(0, 16)) {
    const auto digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number << 4 | digit;
  }
  return number;
}

auto damaged(const std::string& path, const std::string& what) {
  return fail(Code::kDataLoss, fmt::format("raft log {} is damaged: {}", path, what), "",
              "restore the directory from a backup of this node, or remove the node from the channel and add it again "
              "as a new consenter; a Raft node must never restart with a log that lost entries");
}

}  // namespace

Wal::Wal(Disk& disk, WalSettings settings, NodeId id) : disk_(disk), settings_(std::move(settings)), id_(id) {}
Wal::~Wal() = default;

std::string Wal::segment_path(uint64_t number) const {
  return fmt::format("{}/{:016x}.wal", settings_.directory, number);
}
std::string Wal::snapshot_path(EntryId id) const {
  return fmt::format("{}/{:016x}-{:016x}.snap", settings_.snapshot_directory, id.term, id.index);
}

Result<std::optional<NodeId>> Wal::owner(Disk& disk, const std::string& directory) {
  if (!disk.exists(directory)) return std::nullopt;
  SELVAGE_TRY(auto names, disk.list(directory));
  std::erase_if(names, [](const std::string& name) { return !number_of(name, ".wal"); });
  if (names.empty()) return std::nullopt;
  const std::string path = directory + "/" + *std::min_element(names.begin(), names.end());
  SELVAGE_TRY(auto file, disk.open(path, Disk::Open::kRead));
  SELVAGE_TRY(const uint64_t size, file->size());
  SELVAGE_TRY(const Bytes bytes, file->read_at(0, std::min<uint64_t>(size, kHeaderBytes + kHeadBytes)));
  const BytesView record = BytesView(bytes).substr(std::min(bytes.size(), kHeaderBytes));
  if (record.size() == kHeadBytes && record[0] == kHead && crc32c(record) == get<uint32_t>(bytes, 4)) {
    return get<uint64_t>(record, 9);
  }
  // Only the first write of the last segment may have been torn.
  if (names.size() == 1 && size <= kFirstWriteBytesMax) return std::nullopt;
  return damaged(path, "its head is not where it belongs");
}

Result<std::unique_ptr<Wal>> Wal::open(Disk& disk, WalSettings settings, NodeId id) {
  std::unique_ptr<Wal> wal(new Wal(disk, std::move(settings), id));
  SELVAGE_CHECK(disk.make_directories(wal->settings_.directory));
  SELVAGE_CHECK(disk.make_directories(wal->settings_.snapshot_directory));
  SELVAGE_CHECK(wal->load());
  return wal;
}

Status Wal::load() {
  SELVAGE_TRY(const auto names, disk_.list(settings_.directory));
  for (const std::string& name : names) {
    if (auto number = number_of(name, ".wal")) segments_.push_back({*number, 0});
  }
  std::sort(segments_.begin(), segments_.end(), [](auto& a, auto& b) { return a.number < b.number; });
  for (size_t i = 0; i + 1 < segments_.size(); ++i) {
    if (segments_[i].number + 1 != segments_[i + 1].number) {
      return damaged(segment_path(segments_[i].number + 1), "the file is missing");
    }
  }
  for (size_t i = 0; i < segments_.size(); ++i) {
    SELVAGE_CHECK(load_segment(segments_[i], i + 1 == segments_.size()));
  }
  // A crash may have left an empty last segment behind: its head never reached the disk, so nothing after it did.
  if (!segments_.empty() && file_bytes_ == 0) {
    SELVAGE_CHECK(disk_.remove(segment_path(segments_.back().number)));
    segments_.pop_back();
    file_.reset();
  }
  SELVAGE_CHECK(load_snapshot());
  const Index next = snapshot_.index + 1;
  if (!entries_.empty() && entries_.front().index != next) {
    return damaged(settings_.directory, fmt::format("entries start at {} where {} should follow the snapshot",
                                                    entries_.front().index, next));
  }
  // The commit index is not synced with each round; a snapshot covers committed entries only.
  hard_state_.commit = std::max(hard_state_.commit, snapshot_.index);
  if (const Index last = snapshot_.index + entries_.size(); hard_state_.commit > last) {
    return damaged(settings_.directory, fmt::format("entry {} is committed, but the log ends at {}",
                                                    hard_state_.commit, last));
  }
  return file_ ? Status{} : start_segment();
}

Status Wal::load_segment(Segment& segment, bool last) {
  const std::string path = segment_path(segment.number);
  SELVAGE_TRY(auto file, disk_.open(path, last ? Disk::Open::kAppend : Disk::Open::kRead));
  SELVAGE_TRY(const uint64_t size, file->size());
  SELVAGE_TRY(const Bytes bytes, file->read_at(0, size));
  size_t at = 0;
  std::string why;
  while (at < bytes.size()) {
    if (bytes.size() - at < kHeaderBytes) {
      why = "half a record at its end";
      break;
    }
    const size_t length = get<uint32_t>(bytes, at);
    if (length == 0 || length > kRecordBytesMax || length > bytes.size() - at - kHeaderBytes) {
      why = fmt::format("half a record at offset {}", at);
      break;
    }
    const BytesView record = BytesView(bytes).substr(at + kHeaderBytes, length);
    if (crc32c(record) != get<uint32_t>(bytes, at + 4)) {
      why = fmt::format("wrong checksum at offset {}", at);
      break;
    }
    if ((at == 0) != (record[0] == kHead)) return damaged(path, "its head is not where it belongs");
    SELVAGE_CHECK(take_record(record[0], record.substr(1), segment));
    at += kHeaderBytes + length;
  }
  if (at < bytes.size()) {
    if (!last || (at == 0 && bytes.size() > kFirstWriteBytesMax)) return damaged(path, why);
    // What a crash tore was never acknowledged. It must go: what is appended behind it would be lost with it.
    torn_bytes_ = bytes.size() - at;
    SELVAGE_CHECK(file->truncate(at));
    SELVAGE_CHECK(file->sync());
  }
  if (last) {
    file_ = std::move(file);
    file_bytes_ = at;
  }
  return {};
}

Status Wal::take_record(char kind, BytesView body, Segment& segment) {
  const std::string path = segment_path(segment.number);
  switch (kind) {
    case kHead: {
      if (body.size() != 24 || get<uint64_t>(body, 0) != kFormat) return damaged(path, "unknown format");
      if (const NodeId owner = get<uint64_t>(body, 8); owner != id_) {
        return fail(Code::kFailedPrecondition,
                    fmt::format("raft log {} belongs to node {}, but this is node {}", path, owner, id_), "",
                    "a consenter that was removed and added again needs an empty log: move the directory away");
      }
      return {};
    }
    case kEntry: {
      auto entry = decode_entry(body);
      if (!entry) return damaged(path, entry.error().message);
      if (entry->index == 0) return damaged(path, "an entry without index");
      if (!entries_.empty()) {
        const Index first = entries_.front().index;
        if (entry->index > entries_.back().index + 1) {
          // A snapshot came in between, whose file is gone by now. If it was not so, load() finds the gap.
          entries_.clear();
        } else {
          // A newer leader's entries replace what it did not know.
          entries_.resize(entry->index > first ? entry->index - first : 0);
        }
      }
      segment.last_index = std::max(segment.last_index, entry->index);
      entries_.push_back(std::move(*entry));
      return {};
    }
    case kState: {
      auto state = decode_hard_state(body);
      if (!state) return damaged(path, state.error().message);
      hard_state_ = *state;
      return {};
    }
    case kSnapshotMark: {
      if (body.size() != 16) return damaged(path, "bad snapshot mark");
      const EntryId id{get<uint64_t>(body, 0), get<uint64_t>(body, 8)};
      if (!disk_.exists(snapshot_path(id))) return {};  // an old one, removed since
      if (snapshots_.empty() || snapshots_.back().index < id.index) snapshots_.push_back(id);
      const auto covered = std::find_if(entries_.begin(), entries_.end(),
                                        [&](const Entry& entry) { return entry.index > id.index; });
      // A snapshot from a leader that knew better replaces all of a log that does not agree with it.
      const bool agrees = covered == entries_.begin() || (covered - 1)->index != id.index || (covered - 1)->term == id.term;
      entries_.erase(entries_.begin(), agrees ? covered : entries_.end());
      return {};
    }
    default:
      return damaged(path, "unknown kind of record");
  }
}

Status Wal::load_snapshot() {
  if (snapshots_.empty()) return {};
  const std::string path = snapshot_path(snapshots_.back());
  SELVAGE_TRY(const Bytes bytes, disk_.read(path));
  if (bytes.size() < 4 || crc32c(BytesView(bytes).substr(4)) != get<uint32_t>(bytes, 0)) {
    return damaged(path, "wrong checksum");
  }
  auto snapshot = decode_snapshot(BytesView(bytes).substr(4));
  if (!snapshot) return damaged(path, snapshot.error().message);
  snapshot_ = std::move(*snapshot);
  return {};
}

Restart Wal::take_restart() {
  Restart restart;
  restart.hard_state = hard_state_;
  restart.snapshot = std::exchange(snapshot_, {});
  restart.entries = std::exchange(entries_, {});
  return restart;
}

Status Wal::failed(Error error) {
  if (!failure_) failure_ = error;
  return fail(std::move(error));
}

Status Wal::start_segment() {
  const uint64_t number = segments_.empty() ? 0 : segments_.back().number + 1;
  auto file = disk_.open(segment_path(number), Disk::Open::kAppend);
  if (!file) return failed(file.error());
  file_ = std::move(*file);
  file_bytes_ = 0;
  segments_.push_back({number, 0});
  Bytes head;
  put<uint64_t>(head, kFormat);
  put<uint64_t>(head, id_);
  put<uint64_t>(head, number);
  Bytes records;
  put_record(records, kHead, head);
  if (!hard_state_.empty()) put_record(records, kState, encode(hard_state_));
  for (EntryId id : snapshots_) put_record(records, kSnapshotMark, mark_of(id));
  SELVAGE_CHECK(append(records, true));
  if (auto synced = disk_.sync_directory(settings_.directory); !synced) return failed(synced.error());
  return {};
}

Status Wal::append(const Bytes& records, bool sync) {
  if (failure_) return fail(*failure_);
  if (!records.empty()) {
    if (auto written = file_->append(records); !written) return failed(written.error());
    file_bytes_ += records.size();
  }
  if (sync) {
    if (auto synced = file_->sync(); !synced) return failed(synced.error());
  }
  return {};
}

Status Wal::save(const std::vector<Entry>& entries, const std::optional<HardState>& hard_state, bool sync) {
  if (failure_) return fail(*failure_);
  // A full segment is left behind only when it is synced: damage in it is never a torn write.
  if (file_bytes_ >= settings_.segment_bytes_max) {
    SELVAGE_CHECK(append({}, true));
    SELVAGE_CHECK(start_segment());
  }
  Bytes records;
  for (const Entry& entry : entries) {
    put_record(records, kEntry, encode(entry));
    segments_.back().last_index = std::max(segments_.back().last_index, entry.index);
  }
  if (hard_state) {
    put_record(records, kState, encode(*hard_state));
    hard_state_ = *hard_state;
  }
  return append(records, sync);
}

Status Wal::sync() { return append({}, true); }

Status Wal::save_snapshot(const Snapshot& snapshot) {
  if (failure_) return fail(*failure_);
  const EntryId id{snapshot.term, snapshot.index};
  const Bytes encoded = encode(snapshot);
  Bytes bytes;
  put<uint32_t>(bytes, crc32c(encoded));
  bytes.append(encoded);
  if (auto written = disk_.write_atomically(snapshot_path(id), bytes); !written) return failed(written.error());
  Bytes records;
  put_record(records, kSnapshotMark, mark_of(id));
  SELVAGE_CHECK(append(records, true));
  snapshots_.push_back(id);
  return remove_old();
}

Status Wal::remove_old() {
  while (snapshots_.size() > settings_.snapshots_kept) {
    if (auto removed = disk_.remove(snapshot_path(snapshots_.front())); !removed) return failed(removed.error());
    snapshots_.erase(snapshots_.begin());
  }
  // From the oldest kept snapshot on, everything stays. Oldest first, so that a crash leaves no gap.
  const Index needed = snapshots_.front().index + 1;
  while (segments_.size() > 1 && segments_.front().last_index < needed) {
    if (auto removed = disk_.remove(segment_path(segments_.front().number)); !removed) return failed(removed.error());
    segments_.erase(segments_.begin());
  }
  return {};
}

}  // namespace selvage::order::raft
