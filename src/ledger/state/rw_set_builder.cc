#include "ledger/state/rw_set_builder.h"

#include <set>
#include <tuple>

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

template <class Read>
void set_version(const std::optional<Version>& version, Read& read) {
  if (!version) return;
  read.mutable_version()->set_block_num(version->block);
  read.mutable_version()->set_tx_num(version->transaction);
}

template <class MetadataWrite>
void set_entries(const Metadata& metadata, MetadataWrite& write) {
  for (const auto& [name, value] : metadata) {
    auto* entry = write.add_entries();
    entry->set_name(name);
    entry->set_value(value);
  }
}

}  // namespace

struct RwSetBuilder::Collection {
  std::map<std::string, ::kvrwset::KVReadHash> reads;
  std::map<std::string, ::kvrwset::KVWriteHash> writes;
  std::map<std::string, ::kvrwset::KVMetadataWriteHash> metadata_writes;
  std::map<std::string, ::kvrwset::KVWrite> private_writes;
  std::set<std::string> private_metadata_writes;  // keys only: the metadata is public, with the hash
};

struct RwSetBuilder::Namespace {
  std::map<std::string, ::kvrwset::KVRead> reads;
  std::map<std::string, ::kvrwset::KVWrite> writes;
  std::map<std::string, ::kvrwset::KVMetadataWrite> metadata_writes;
  std::vector<::kvrwset::RangeQueryInfo> range_queries;
  std::set<std::tuple<std::string, std::string, bool>> range_queries_seen;
  std::map<std::string, Collection> collections;
};

RwSetBuilder::RwSetBuilder() = default;
RwSetBuilder::~RwSetBuilder() = default;

RwSetBuilder::Collection& RwSetBuilder::collection(const std::string& ns, const std::string& name) {
  return namespaces_[ns].collections[name];
}

void RwSetBuilder::add_read(const std::string& ns, const std::string& key, std::optional<Version> version) {
  ::kvrwset::KVRead read;
  read.set_key(key);
  set_version(version, read);
  namespaces_[ns].reads[key] = std::move(read);
}

void RwSetBuilder::add_write(const std::string& ns, const std::string& key, std::optional<Bytes> value) {
  ::kvrwset::KVWrite write;
  write.set_key(key);
  write.set_is_delete(!value);
  if (value) write.set_value(std::move(*value));
  namespaces_[ns].writes[key] = std::move(write);
}

void RwSetBuilder::add_metadata_write(const std::string& ns, const std::string& key, const Metadata& metadata) {
  ::kvrwset::KVMetadataWrite write;
  write.set_key(key);
  set_entries(metadata, write);
  namespaces_[ns].metadata_writes[key] = std::move(write);
}

void RwSetBuilder::add_range_query(const std::string& ns, ::kvrwset::RangeQueryInfo query) {
  Namespace& of = namespaces_[ns];
  if (!of.range_queries_seen.emplace(query.start_key(), query.end_key(), query.itr_exhausted()).second) return;
  of.range_queries.push_back(std::move(query));
}

void RwSetBuilder::add_hashed_read(const std::string& ns, const std::string& name, const std::string& key,
                                   std::optional<Version> version) {
  ::kvrwset::KVReadHash read;
  read.set_key_hash(crypto::sha256(key));
  set_version(version, read);
  collection(ns, name).reads[key] = std::move(read);
}

void RwSetBuilder::add_private_write(const std::string& ns, const std::string& name, const std::string& key,
                                     std::optional<Bytes> value) {
  ::kvrwset::KVWrite write;
  write.set_key(key);
  ::kvrwset::KVWriteHash hashed;
  hashed.set_key_hash(crypto::sha256(key));
  write.set_is_delete(!value);
  hashed.set_is_delete(!value);
  if (value) {
    hashed.set_value_hash(crypto::sha256(*value));
    write.set_value(std::move(*value));
  }
  Collection& of = collection(ns, name);
  of.private_writes[key] = std::move(write);
  of.writes[key] = std::move(hashed);
}

void RwSetBuilder::add_private_purge(const std::string& ns, const std::string& name, const std::string& key) {
  add_private_write(ns, name, key, std::nullopt);
  collection(ns, name).writes[key].set_is_purge(true);
}

void RwSetBuilder::add_hashed_metadata_write(const std::string& ns, const std::string& name, const std::string& key,
                                             const Metadata& metadata) {
  ::kvrwset::KVMetadataWriteHash write;
  write.set_key_hash(crypto::sha256(key));
  set_entries(metadata, write);
  Collection& of = collection(ns, name);
  of.metadata_writes[key] = std::move(write);
  of.private_metadata_writes.insert(key);
}

SimulationResults RwSetBuilder::build() const {
  ::rwset::TxReadWriteSet public_set;
  ::rwset::TxPvtReadWriteSet private_set;
  for (const auto& [name, ns] : namespaces_) {
    ::rwset::NsPvtReadWriteSet private_ns;
    auto* public_ns = public_set.add_ns_rwset();
    public_ns->set_namespace_(name);
    ::kvrwset::KVRWSet kv;
    for (const auto& [key, read] : ns.reads) *kv.add_reads() = read;
    for (const auto& query : ns.range_queries) *kv.add_range_queries_info() = query;
    for (const auto& [key, write] : ns.writes) *kv.add_writes() = write;
    for (const auto& [key, write] : ns.metadata_writes) *kv.add_metadata_writes() = write;
    public_ns->set_rwset(wire::marshal(kv));
    for (const auto& [collection_name, collection] : ns.collections) {
      auto* public_collection = public_ns->add_collection_hashed_rwset();
      public_collection->set_collection_name(collection_name);
      ::kvrwset::HashedRWSet hashed;
      for (const auto& [key, read] : collection.reads) *hashed.add_hashed_reads() = read;
      for (const auto& [key, write] : collection.writes) *hashed.add_hashed_writes() = write;
      for (const auto& [key, write] : collection.metadata_writes) *hashed.add_metadata_writes() = write;
      public_collection->set_hashed_rwset(wire::marshal(hashed));
      if (collection.private_writes.empty() && collection.private_metadata_writes.empty()) continue;
      ::kvrwset::KVRWSet plain;
      for (const auto& [key, write] : collection.private_writes) *plain.add_writes() = write;
      for (const auto& key : collection.private_metadata_writes) plain.add_metadata_writes()->set_key(key);
      auto* private_collection = private_ns.add_collection_pvt_rwset();
      private_collection->set_collection_name(collection_name);
      private_collection->set_rwset(wire::marshal(plain));
      public_collection->set_pvt_rwset_hash(crypto::sha256(private_collection->rwset()));
    }
    if (private_ns.collection_pvt_rwset_size() == 0) continue;
    private_ns.set_namespace_(name);
    *private_set.add_ns_pvt_rwset() = std::move(private_ns);
  }
  SimulationResults results;
  results.public_rw_set = wire::marshal(public_set);
  if (private_set.ns_pvt_rwset_size() > 0) results.private_rw_set = wire::marshal(private_set);
  return results;
}

}  // namespace selvage::ledger
