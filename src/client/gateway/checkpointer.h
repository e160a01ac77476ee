// Where an application has got to in a stream of events, so that it goes on there after a restart.
//
// One thread at a time. Give one to Network::chaincode_events(), and note each event once it was dealt with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/disk.h"
#include "base/result.h"

namespace selvage::client {

struct Checkpoint {
  uint64_t block = 0;          // the block to go on with
  std::string transaction_id;  // behind this transaction; empty: from the block's start
  bool set = false;            // false: nothing was noted yet
};

class Checkpointer {
 public:
  virtual ~Checkpointer() = default;
  [[nodiscard]] virtual Checkpoint position() const = 0;
  // All of the block was dealt with.
  Status note_block(uint64_t block) { return note({block + 1, "", true}); }
  // So was this transaction of it.
  Status note_transaction(uint64_t block, std::string transaction_id) { return note({block, std::move(transaction_id), true}); }

 protected:
  virtual Status note(Checkpoint position) = 0;
};

class MemoryCheckpointer final : public Checkpointer {
 public:
  [[nodiscard]] Checkpoint position() const override { return position_; }

 protected:
  Status note(Checkpoint position) override;

 private:
  Checkpoint position_;
};

// In a file, durable on return. The file's form is that of Fabric's other clients, whose checkpoints it can go on from.
class FileCheckpointer final : public Checkpointer {
 public:
  // `disk` outlives it. kInvalidArgument when the file is none of ours.
  [[nodiscard]] static Result<std::unique_ptr<FileCheckpointer>> open(Disk& disk, std::string path);
  [[nodiscard]] Checkpoint position() const override { return position_; }

 protected:
  Status note(Checkpoint position) override;

 private:
  FileCheckpointer(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  Disk& disk_;
  const std::string path_;
  Checkpoint position_;
};

}  // namespace selvage::client
