// World state of one channel as of one block: what simulators, validation and lifecycle read. A view never changes.
//
// Public data of a chaincode is in namespace "<chaincode>"; a collection has two namespaces more: private_namespace() with
// the data (only on peers that have it) and hash_namespace() with SHA-256 of key and value (on all peers).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/state/version.h"

namespace selvage::ledger {

struct StateValue {
  Bytes value;
  Bytes metadata;  // bytes of kvrwset.KVMetadataWrite's entries, see parse_metadata; empty: none
  Version version;
};
// A value without the value: all that MVCC asks for.
struct StateHead {
  Bytes metadata;
  Version version;
};
struct StateEntry {
  std::string key;
  StateValue value;
};

// Fabric quirk: core/ledger/kvledger/txmgmt/privacyenabledstate/db.go ("<ns>$$p<coll>", "<ns>$$h<coll>")
[[nodiscard]] std::string private_namespace(std::string_view chaincode, std::string_view collection);
[[nodiscard]] std::string hash_namespace(std::string_view chaincode, std::string_view collection);

using Metadata = std::map<std::string, Bytes>;
[[nodiscard]] Result<Metadata> parse_metadata(BytesView bytes);
// Empty for no entries.
[[nodiscard]] Bytes encode_metadata(const Metadata& metadata);

// Entries in key order. One thread. Must not outlive the view that made it.
class StateRange {
 public:
  virtual ~StateRange() = default;
  // The next entry, or nullopt at the end.
  [[nodiscard]] virtual Result<std::optional<StateEntry>> next() = 0;
};

// From any thread.
class StateView {
 public:
  virtual ~StateView() = default;
  // nullopt: no such key. For a hash namespace the key is the raw 32 bytes of SHA-256(key).
  [[nodiscard]] virtual Result<std::optional<StateValue>> get(std::string_view ns, std::string_view key) const = 0;
  // In the order of `keys`; one look-up for all.
  [[nodiscard]] virtual Result<std::vector<std::optional<StateValue>>> get_many(
      std::string_view ns, const std::vector<std::string>& keys) const = 0;
  [[nodiscard]] virtual Result<std::optional<StateHead>> head(std::string_view ns, std::string_view key) const;
  // Of ascending keys, in their order; one look-up for all.
  [[nodiscard]] virtual Result<std::vector<std::optional<StateHead>>> heads(std::string_view ns,
                                                                            std::span<const std::string_view> keys) const;
  // Keys with start <= key < end; empty end: to the last key of the namespace.
  [[nodiscard]] virtual Result<std::unique_ptr<StateRange>> range(std::string_view ns, std::string_view start,
                                                                  std::string_view end) const = 0;
  // Number of the block after the last one this view contains.
  [[nodiscard]] virtual uint64_t height() const = 0;
};

// State in memory: tests, and channels under construction. put() with no value removes.
class MemoryState : public StateView {
 public:
  void put(std::string_view ns, std::string_view key, std::optional<StateValue> value);
  void set_height(uint64_t height) { height_ = height; }

  [[nodiscard]] Result<std::optional<StateValue>> get(std::string_view ns, std::string_view key) const override;
  [[nodiscard]] Result<std::vector<std::optional<StateValue>>> get_many(
      std::string_view ns, const std::vector<std::string>& keys) const override;
  [[nodiscard]] Result<std::unique_ptr<StateRange>> range(std::string_view ns, std::string_view start,
                                                          std::string_view end) const override;
  [[nodiscard]] uint64_t height() const override { return height_; }

 private:
  std::map<std::string, std::map<std::string, StateValue, std::less<>>, std::less<>> namespaces_;
  uint64_t height_ = 0;
};

}  // namespace selvage::ledger
