// Block files as a node finds them at start, after a crash or a bad disk: refused in words, or blocks that can be read
// and are written again as they stand. The first part of the input is the index beside the files, each other one a
// file.
#include <cstdio>
#include <cstdlib>

#include "common/common.pb.h"
#include "input.h"
#include "kit/faulty_disk.h"
#include "ledger/blocks/block_file.h"
#include "ledger/blocks/block_store.h"
#include "wire/marshal.h"

namespace {

using namespace selvage;

void read_record(BytesView input) {
  const auto record = ledger::parse_record(input);
  if (!record) return;
  (void)ledger::has_unwritten_sector(input, *record, 13);
  ::common::Block block;
  ledger::to_block(*record, block);
  if (wire::marshal(block) != ledger::to_block_bytes(*record)) std::abort();
  const Bytes again = ledger::encode_record(block);
  const auto length = ledger::parse_record_length(again);
  if (!length || !ledger::parse_record(BytesView(again).substr(length->length_bytes))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::be_quiet();
  BytesView rest = fuzz::view_of(bytes, size);
  read_record(rest);
  test::FaultyDisk disk;
  if (!disk.make_directories("chain")) std::abort();
  const auto write = [&disk](const std::string& name, BytesView content) {
    auto file = disk.open("chain/" + name, Disk::Open::kAppend);
    if (!file || !(*file)->append(content) || !(*file)->sync()) std::abort();
  };
  BytesView part;
  if (!fuzz::take_part(rest, part)) return 0;
  if (!part.empty()) write("numbers", part);
  for (int i = 0; i < 3 && fuzz::take_part(rest, part); ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "blockfile_%06d", i);
    write(name, part);
  }
  auto store = ledger::BlockStore::open(disk, {.directory = "chain", .channel = "ch"});
  if (!store) return 0;
  for (uint64_t number = 0; number < (*store)->height(); ++number) {
    const auto block = (*store)->block(number);
    const auto sent = (*store)->block_bytes(number);
    if (block && sent && wire::marshal(**block) != **sent) std::abort();
  }
  return 0;
}
