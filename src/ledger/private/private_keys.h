// Keys of the private store, shared by its files.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace selvage::ledger {

// 'd' (data) or 'm' (missing) <channel> 0 <block> <transaction> <length> <chaincode> <collection>
[[nodiscard]] Bytes private_entry_key(char kind, const std::string& channel, uint64_t block, uint64_t transaction,
                                      const std::string& ns, const std::string& collection);

}  // namespace selvage::ledger
