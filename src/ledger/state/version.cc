#include "ledger/state/version.h"

#include <fmt/format.h>

namespace selvage::ledger {
namespace {

void append_ordered(Bytes& out, uint64_t number) {
  char big_endian[8];
  int count = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const char byte = static_cast<char>(number >> shift);
    if (count > 0 || byte != 0) big_endian[count++] = byte;
  }
  out.push_back(static_cast<char>(count));
  out.append(big_endian, static_cast<size_t>(count));
}

bool take_ordered(BytesView* bytes, uint64_t* number) {
  if (bytes->empty()) return false;
  const size_t count = static_cast<uint8_t>(bytes->front());
  if (count > 8 || bytes->size() < 1 + count) return false;
  *number = 0;
  for (size_t i = 1; i <= count; ++i) *number = *number << 8 | static_cast<uint8_t>((*bytes)[i]);
  bytes->remove_prefix(1 + count);
  return true;
}

}  // namespace

Bytes encode_version(const Version& version) {
  Bytes out;
  append_ordered(out, version.block);
  append_ordered(out, version.transaction);
  return out;
}

std::optional<Version> parse_version(BytesView* bytes) {
  Version version;
  if (!take_ordered(bytes, &version.block) || !take_ordered(bytes, &version.transaction)) return std::nullopt;
  return version;
}

std::string to_string(const std::optional<Version>& version) {
  if (!version) return "<nil>";
  return fmt::format("{{BlockNum: {}, TxNum: {}}}", version->block, version->transaction);
}

}  // namespace selvage::ledger
