#include <cstdint>

#include "ledger/rocks_database.h"

namespace selvage::ledger {

void append_big_endian(uint64_t number, Bytes& to) {
  for (int shift = 56; shift >= 0; shift -= 8) to.push_back(static_cast<char>(number >> shift));
}

uint64_t read_big_endian(BytesView eight_bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8 && i < eight_bytes.size(); ++i) number = number << 8 | static_cast<uint8_t>(eight_bytes[i]);
  return number;
}

Bytes after_prefix(BytesView prefix) {
  Bytes end(prefix);
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

}  // namespace selvage::ledger
