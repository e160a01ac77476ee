// A consenter's log and snapshots as it finds them at start. The input is a run of records: a byte says where each goes
// and what kind it is; its frame is made here, so that the checksum holds. The last bytes of a file may be anything.
#include <cstdlib>

#include "input.h"
#include "kit/faulty_disk.h"
#include "order/raft/core.h"
#include "order/raft/wal.h"

namespace {

using namespace selvage;

void append_u32(Bytes& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint32_t crc32c(BytesView bytes) {
  uint32_t crc = 0xffffffffu;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? 0x82f63b78u ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

Bytes framed(char kind, BytesView body) {
  const Bytes record = kind + Bytes(body);
  Bytes out;
  append_u32(out, static_cast<uint32_t>(record.size()));
  append_u32(out, crc32c(record));
  return out + record;
}

Bytes head(char segment) {
  Bytes body(24, '\0');
  body[0] = 1;  // format
  body[8] = 1;  // the node
  body[16] = segment;
  return framed('H', body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace order::raft;
  fuzz::be_quiet();
  Bytes segments[2] = {head(1), head(2)};
  Bytes snapshot;
  bool two = false;
  BytesView rest = fuzz::view_of(bytes, size), part;
  while (!rest.empty()) {
    const uint8_t what = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    if (!fuzz::take_part(rest, part)) break;
    Bytes& segment = segments[what >> 7];
    two = two || what >= 0x80;
    switch (what & 7) {
      case 0:
        segment += framed('E', part);
        break;
      case 1:
        segment += framed('S', part);
        break;
      case 2:
        segment += framed('M', part);
        break;
      case 3:
        segment += framed(static_cast<char>(what), part);
        break;
      case 4:
        snapshot = part;
        break;
      default:
        segment += part;
    }
  }
  test::FaultyDisk disk;
  const auto write = [&disk](const std::string& path, const Bytes& content) {
    auto file = disk.open(path, Disk::Open::kAppend);
    if (!file || !(*file)->append(content) || !(*file)->sync()) std::abort();
  };
  if (!disk.make_directories("wal") || !disk.make_directories("snap")) std::abort();
  write("wal/0000000000000001.wal", segments[0]);
  if (two) write("wal/0000000000000002.wal", segments[1]);
  if (!snapshot.empty()) write("snap/0000000000000002-0000000000000005.snap", snapshot);
  WalSettings settings;
  settings.directory = "wal";
  settings.snapshot_directory = "snap";
  auto wal = Wal::open(disk, settings, 1);
  if (!wal) return 0;
  Config config;
  config.id = 1;
  Core core(config, (*wal)->take_restart());  // what is no damage can be started from
  for (int i = 0; i < 3 && core.has_ready(); ++i) {
    (void)core.ready();
    core.advance();
  }
  return 0;
}
