// A node's durable Raft state: entries, hard state and snapshots of one channel, over base/disk.h.
//
// Layout: `<directory>/<16 hex digits of a counter>.wal` segments of checksummed records and
// `<snapshot directory>/<term>-<index>.snap`. A record that a crash tore at the end of the last segment is cut off when
// the log is opened; damage anywhere else is an error. After any error the log must not be used again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "order/raft/core.h"
#include "order/raft/message.h"

namespace selvage::order::raft {

struct WalSettings {
  std::string directory;           // <WALDir>/<channel>
  std::string snapshot_directory;  // <SnapDir>/<channel>
  uint64_t segment_bytes_max = 16u << 20;
  size_t snapshots_kept = 2;
};

// One owner at a time.
class Wal {
 public:
  // The node whose log is in this directory; nullopt when there is none, or one whose first write never reached the disk.
  // Errors: kDataLoss when its head is damaged, the disk's own.
  [[nodiscard]] static Result<std::optional<NodeId>> owner(Disk& disk, const std::string& directory);
  // Opens the log, or makes an empty one that belongs to `id`. `disk` must outlive it.
  // Errors: kFailedPrecondition when the log belongs to another id, kDataLoss when it is damaged, the disk's own.
  [[nodiscard]] static Result<std::unique_ptr<Wal>> open(Disk& disk, WalSettings settings, NodeId id);
  ~Wal();

  // What was on disk; moved out, so call it once.
  [[nodiscard]] Restart take_restart();
  // Bytes that were cut off at open.
  [[nodiscard]] uint64_t torn_bytes() const { return torn_bytes_; }

  // One round: with `sync`, returns when it is on stable storage. One fsync a call.
  Status save(const std::vector<Entry>& entries, const std::optional<HardState>& hard_state, bool sync);
  // A snapshot file and a mark of it in the log; returns when both are on stable storage. Segments and snapshot files
  // that are not needed to restart from the oldest kept snapshot are removed.
  Status save_snapshot(const Snapshot& snapshot);
  Status sync();

 private:
  struct Segment {
    uint64_t number = 0;
    Index last_index = 0;  // the highest entry that it has
  };
  Wal(Disk& disk, WalSettings settings, NodeId id);
  Status load();
  Status load_segment(Segment& segment, bool last);
  Status take_record(char kind, BytesView body, Segment& segment);
  Status load_snapshot();
  Status start_segment();
  Status append(const Bytes& records, bool sync);
  Status remove_old();
  [[nodiscard]] Status failed(Error error);
  [[nodiscard]] std::string segment_path(uint64_t number) const;
  [[nodiscard]] std::string snapshot_path(EntryId id) const;

  Disk& disk_;
  WalSettings settings_;
  NodeId id_;
  std::vector<Segment> segments_;  // oldest first; the last one is open
  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  HardState hard_state_;
  std::vector<EntryId> snapshots_;  // marks whose files are kept, oldest first
  Snapshot snapshot_;               // only until take_restart()
  std::vector<Entry> entries_;      // only until take_restart()
  uint64_t torn_bytes_ = 0;
  std::optional<Error> failure_;
};

}  // namespace selvage::order::raft
