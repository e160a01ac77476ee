#include "ledger/private/collection_history.h"

#include "ledger/rocks_database.h"

namespace selvage::ledger {
namespace {

// In kIndex: 'c' <channel> 0 <chaincode> 0 <block, its bits turned round, so that the newest comes first> -> the package.
Bytes entries_of(const std::string& channel, const std::string& chaincode) {
  Bytes out = "c" + channel;
  out.push_back('\0');
  out.append(chaincode).push_back('\0');
  return out;
}

}  // namespace

void add_collection_history(const std::string& channel, uint64_t block, const DefinitionChange& change, WriteBatch& batch) {
  if (change.collections.empty()) return;
  Bytes key = entries_of(channel, change.chaincode);
  append_big_endian(~block, key);
  batch.put(Family::kIndex, key, change.collections);
}

Result<std::optional<Bytes>> find_collections_below(const Database& database, const std::string& channel, uint64_t block,
                                                    const std::string& chaincode) {
  if (block == 0) return std::optional<Bytes>();
  const Bytes prefix = entries_of(channel, chaincode);
  Bytes newest = prefix;
  append_big_endian(~(block - 1), newest);
  const auto entries = database.range(Family::kIndex, newest, after_prefix(prefix));
  if (entries->next()) return std::optional<Bytes>(Bytes(entries->value()));
  SELVAGE_CHECK(entries->status());
  return std::optional<Bytes>();
}

}  // namespace selvage::ledger
