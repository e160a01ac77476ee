#include "ledger/state/commit_hash.h"

#include <map>

#include "crypto/hash.h"
#include "wire/fields.h"

namespace selvage::ledger {
namespace {

// txmgr.KVWrite{namespace 1, collection 2, key 3, isDelete 4, value 5, version_bytes 6} in txmgr.Updates{kvwrites 1}.
// The namespace stands in the first write of its group only, and so does the collection.
void append(std::string_view ns, std::string_view collection, const UpdateBatch::Keys& keys, Bytes& out) {
  Bytes write;
  for (const auto& [key, update] : keys) {
    write.clear();
    wire::append_bytes_field(write, 1, ns);
    wire::append_bytes_field(write, 2, collection);
    wire::append_bytes_field(write, 3, key);
    wire::append_varint_field(write, 4, update.value ? 0 : 1);
    if (update.value) wire::append_bytes_field(write, 5, *update.value);
    wire::append_bytes_field(write, 6, encode_version(update.version));
    wire::append_bytes_field(out, 1, write);
    ns = {};
    collection = {};
  }
}

}  // namespace

Bytes encode_updates(const UpdateBatch& updates) {
  // Both maps ascend; a namespace's collections come after its public keys.
  std::map<std::string_view, std::pair<const UpdateBatch::Keys*, std::map<std::string_view, const UpdateBatch::Keys*>>>
      namespaces;
  for (const auto& [ns, keys] : updates.public_updates) {
    if (!keys.empty()) namespaces[ns].first = &keys;
  }
  for (const auto& [where, keys] : updates.hashed_updates) {
    if (!keys.empty()) namespaces[where.first].second[where.second] = &keys;
  }
  Bytes out;
  for (const auto& [ns, parts] : namespaces) {
    if (ns.empty()) continue;  // the channel configuration, whose bytes are not deterministic
    std::string_view name = ns;
    if (parts.first) {
      append(name, {}, *parts.first, out);
      name = {};
    }
    for (const auto& [collection, keys] : parts.second) {
      append(name, collection, *keys, out);
      name = {};
    }
  }
  return out;
}

Bytes make_commit_hash(BytesView codes, const UpdateBatch& updates, BytesView previous) {
  Bytes length;
  wire::append_varint(length, codes.size());
  return crypto::sha256({length, codes, encode_updates(updates), previous});
}

}  // namespace selvage::ledger
