// Where a value was written: the block and the transaction in it. A key that does not exist has no Version.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace selvage::ledger {

struct Version {
  uint64_t block = 0;
  uint64_t transaction = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// Fabric's order-preserving bytes: for block, then transaction, one byte that counts and the number's big-endian bytes
// without leading zeros. They are part of the commit hash.
[[nodiscard]] Bytes encode_version(const Version& version);
// Reads one version from the front of `bytes` and moves `bytes` behind it; nullopt when malformed.
[[nodiscard]] std::optional<Version> parse_version(BytesView* bytes);

// "{BlockNum: 3, TxNum: 0}", and "<nil>" for none, as Fabric prints them.
[[nodiscard]] std::string to_string(const std::optional<Version>& version);

}  // namespace selvage::ledger
