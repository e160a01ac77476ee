#include "ledger/private/private_store.h"

#include "base/log.h"
#include "ledger/private/private_keys.h"
#include "ledger/private/purge.h"
#include "ledger/rocks_database.h"
#include "wire/fields.h"

namespace selvage::ledger {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("pvtdatastorage");
  return logger;
}

constexpr BytesView kEligible = "1", kIneligible = "0";  // of what is missing
constexpr size_t kEntriesInBatchMax = 10000;

Bytes block_prefix(char kind, const std::string& channel, uint64_t block) {
  Bytes out(1, kind);
  out.append(channel).push_back('\0');
  append_big_endian(block, out);
  return out;
}

template <class Entry>
bool parse_entry_key(BytesView rest, Entry& entry) {
  if (rest.size() < 9) return false;
  entry.transaction = read_big_endian(rest.substr(0, 8));
  rest.remove_prefix(8);
  uint64_t size = 0;
  if (!wire::take_varint(rest, size) || size > rest.size()) return false;
  entry.ns = std::string(rest.substr(0, size));
  entry.collection = std::string(rest.substr(size));
  return true;
}

tl::unexpected<Error> fail_malformed() { return fail(Code::kDataLoss, "private data database: malformed key"); }

// What is missing and ours, newest block first: 'w' <channel> 0 <block, its bits turned round> ...
Bytes wanted_key(const std::string& channel, uint64_t block, uint64_t transaction, const std::string& ns,
                 const std::string& collection) {
  return private_entry_key('w', channel, ~block, transaction, ns, collection);
}

}  // namespace

Bytes private_entry_key(char kind, const std::string& channel, uint64_t block, uint64_t transaction,
                        const std::string& ns, const std::string& collection) {
  Bytes out = block_prefix(kind, channel, block);
  append_big_endian(transaction, out);
  wire::append_varint(out, ns.size());
  return out.append(ns).append(collection);
}

PrivateStore::PrivateStore(Database& database, std::string channel)
    : database_(database), channel_(std::move(channel)) {}

Status PrivateStore::store(uint64_t block, const std::vector<PrivateWrite>& writes,
                           const std::vector<MissingPrivateData>& missing) {
  if (writes.empty() && missing.empty()) return {};
  WriteBatch batch;
  for (const char kind : {'d', 'm'}) {  // left from a crash before this block was appended
    // Key by key, and mostly none: each range that is removed costs every later read until it is flushed.
    const Bytes prefix = block_prefix(kind, channel_, block);
    const auto left = database_.range(Family::kPrivate, prefix, after_prefix(prefix));
    while (left->next()) batch.remove(Family::kPrivate, left->key());
    SELVAGE_CHECK(left->status());
  }
  for (const auto& write : writes) {
    batch.put(Family::kPrivate, private_entry_key('d', channel_, block, write.transaction, write.ns, write.collection),
              write.rw_set);
    SELVAGE_CHECK(add_purge_notes(channel_, block, write, batch));
  }
  for (const auto& entry : missing) {
    batch.put(Family::kPrivate, private_entry_key('m', channel_, block, entry.transaction, entry.ns, entry.collection),
              entry.eligible ? kEligible : kIneligible);
    if (entry.eligible) {
      batch.put(Family::kPrivate, wanted_key(channel_, block, entry.transaction, entry.ns, entry.collection), "");
    }
  }
  return database_.write(batch, true);
}

Result<std::vector<PrivateWrite>> PrivateStore::find(uint64_t block) const {
  const Bytes prefix = block_prefix('d', channel_, block);
  std::vector<PrivateWrite> writes;
  const auto range = database_.range(Family::kPrivate, prefix, after_prefix(prefix));
  while (range->next()) {
    PrivateWrite write;
    if (!parse_entry_key(range->key().substr(prefix.size()), write)) return fail_malformed();
    write.rw_set = Bytes(range->value());
    writes.push_back(std::move(write));
  }
  SELVAGE_CHECK(range->status());
  return writes;
}

Result<std::vector<MissingPrivateData>> PrivateStore::missing(uint64_t block) const {
  const Bytes prefix = block_prefix('m', channel_, block);
  std::vector<MissingPrivateData> missing;
  const auto range = database_.range(Family::kPrivate, prefix, after_prefix(prefix));
  while (range->next()) {
    MissingPrivateData entry;
    if (!parse_entry_key(range->key().substr(prefix.size()), entry)) return fail_malformed();
    entry.eligible = range->value() == kEligible;
    missing.push_back(std::move(entry));
  }
  SELVAGE_CHECK(range->status());
  return missing;
}

Result<std::vector<PrivateStore::Wanted>> PrivateStore::wanted(uint64_t below, size_t blocks_max) const {
  Bytes all = "w" + channel_;
  all.push_back('\0');
  const auto range = database_.range(Family::kPrivate, block_prefix('w', channel_, ~below + 1), after_prefix(all));
  std::vector<Wanted> found;
  size_t blocks = 0;
  while (below > 0 && range->next()) {
    const BytesView rest = range->key().substr(all.size());
    Wanted one;
    if (rest.size() < 8 || !parse_entry_key(rest.substr(8), one.missing)) return fail_malformed();
    one.block = ~read_big_endian(rest.substr(0, 8));
    one.missing.eligible = true;
    if (found.empty() || found.back().block != one.block) {
      if (blocks == blocks_max) break;
      ++blocks;
    }
    // It may have expired, or come in the meantime.
    SELVAGE_TRY(const auto still, database_.get(Family::kPrivate, private_entry_key('m', channel_, one.block, one.missing.transaction,
                                                                                  one.missing.ns, one.missing.collection)));
    if (still) found.push_back(std::move(one));
  }
  SELVAGE_CHECK(range->status());
  return found;
}

// Looks at all that is missing: a collection gets a member rarely, and entries are short.
Status PrivateStore::become_eligible(uint64_t block, const std::string& ns, const std::string& collection) {
  LOG_INFO(logger(), "Converting missing data entries from ineligible to eligible for [ns={}, coll={}]", ns, collection);
  const Bytes prefix = "m" + channel_ + '\0';
  const auto range = database_.range(Family::kPrivate, prefix, block_prefix('m', channel_, block + 1));
  auto batch = std::make_unique<WriteBatch>();
  size_t changed = 0;
  while (range->next()) {
    if (range->value() != kIneligible) continue;
    const BytesView rest = range->key().substr(prefix.size());
    MissingPrivateData entry;
    if (rest.size() < 8 || !parse_entry_key(rest.substr(8), entry)) return fail_malformed();
    if (entry.ns != ns || entry.collection != collection) continue;
    batch->put(Family::kPrivate, range->key(), kEligible);
    batch->put(Family::kPrivate, wanted_key(channel_, read_big_endian(rest), entry.transaction, ns, collection), "");
    if (++changed % kEntriesInBatchMax != 0) continue;
    SELVAGE_CHECK(database_.write(*batch, false));
    batch = std::make_unique<WriteBatch>();
  }
  SELVAGE_CHECK(range->status());
  if (!batch->empty()) SELVAGE_CHECK(database_.write(*batch, false));
  LOG_INFO(logger(), "Converted all [{}] entries for [ns={}, coll={}]", changed, ns, collection);
  return {};
}

Status add_private_removal(const Database& database, const std::string& channel, uint64_t block, const std::string& ns,
                           const std::string& collection, WriteBatch& batch) {
  for (const char kind : {'d', 'm'}) {
    const Bytes prefix = block_prefix(kind, channel, block);
    const auto range = database.range(Family::kPrivate, prefix, after_prefix(prefix));
    while (range->next()) {
      PrivateWrite entry;
      if (!parse_entry_key(range->key().substr(prefix.size()), entry)) return fail_malformed();
      if (entry.ns == ns && entry.collection == collection) batch.remove(Family::kPrivate, range->key());
    }
    SELVAGE_CHECK(range->status());
  }
  return {};
}

}  // namespace selvage::ledger
