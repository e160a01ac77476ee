// Builds the bytes of a TxReadWriteSet exactly as Fabric does: endorsers that execute the same must sign the same bytes.
// Namespaces, collections and keys ascend bytewise; range queries keep the order in which they were first made; of two
// writes to a key the last stays. Pure.
//
// Fabric quirk: core/ledger/kvledger/txmgmt/rwsetutil/rwset_builder.go
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/state/state_view.h"
#include "ledger/state/version.h"

namespace kvrwset {
class RangeQueryInfo;
}

namespace selvage::ledger {

// What a simulation produced.
struct SimulationResults {
  Bytes public_rw_set;   // rwset.TxReadWriteSet
  Bytes private_rw_set;  // rwset.TxPvtReadWriteSet; empty: the transaction touched no private data
  // (chaincode, collection) whose private data was read, for the discovery of endorsers.
  std::vector<std::pair<std::string, std::string>> private_reads;
};

class RwSetBuilder {
 public:
  RwSetBuilder();
  ~RwSetBuilder();
  RwSetBuilder(const RwSetBuilder&) = delete;
  RwSetBuilder& operator=(const RwSetBuilder&) = delete;

  void add_read(const std::string& ns, const std::string& key, std::optional<Version> version);
  // No value: the key is deleted.
  void add_write(const std::string& ns, const std::string& key, std::optional<Bytes> value);
  // Empty metadata: the metadata is deleted.
  void add_metadata_write(const std::string& ns, const std::string& key, const Metadata& metadata);
  // A second query with equal start, end and exhaustion is dropped.
  void add_range_query(const std::string& ns, ::kvrwset::RangeQueryInfo query);
  void add_hashed_read(const std::string& ns, const std::string& collection, const std::string& key,
                       std::optional<Version> version);
  void add_private_write(const std::string& ns, const std::string& collection, const std::string& key,
                         std::optional<Bytes> value);
  void add_private_purge(const std::string& ns, const std::string& collection, const std::string& key);
  void add_hashed_metadata_write(const std::string& ns, const std::string& collection, const std::string& key,
                                 const Metadata& metadata);

  // private_reads is left empty.
  [[nodiscard]] SimulationResults build() const;

 private:
  struct Namespace;
  struct Collection;
  Collection& collection(const std::string& ns, const std::string& name);
  std::map<std::string, Namespace> namespaces_;
};

}  // namespace selvage::ledger
