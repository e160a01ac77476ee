#include "ledger/state/state_view.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "wire/marshal.h"

namespace selvage::ledger {

std::string private_namespace(std::string_view chaincode, std::string_view collection) {
  return std::string(chaincode) + "$$p" + std::string(collection);
}

std::string hash_namespace(std::string_view chaincode, std::string_view collection) {
  return std::string(chaincode) + "$$h" + std::string(collection);
}

Result<std::optional<StateHead>> StateView::head(std::string_view ns, std::string_view key) const {
  SELVAGE_TRY(auto value, get(ns, key));
  if (!value) return std::optional<StateHead>();
  return std::optional(StateHead{std::move(value->metadata), value->version});
}

Result<std::vector<std::optional<StateHead>>> StateView::heads(std::string_view ns,
                                                               std::span<const std::string_view> keys) const {
  std::vector<std::optional<StateHead>> found;
  found.reserve(keys.size());
  for (const std::string_view key : keys) {
    SELVAGE_TRY(auto one, head(ns, key));
    found.push_back(std::move(one));
  }
  return found;
}

Result<Metadata> parse_metadata(BytesView bytes) {
  Metadata metadata;
  if (bytes.empty()) return metadata;
  SELVAGE_TRY(const auto message, wire::parse<::kvrwset::KVMetadataWrite>(bytes));
  for (const auto& entry : message.entries()) metadata[entry.name()] = entry.value();
  return metadata;
}

Bytes encode_metadata(const Metadata& metadata) {
  ::kvrwset::KVMetadataWrite message;
  for (const auto& [name, value] : metadata) {
    auto* entry = message.add_entries();
    entry->set_name(name);
    entry->set_value(value);
  }
  return wire::marshal(message);
}

namespace {

class MemoryRange final : public StateRange {
 public:
  explicit MemoryRange(std::vector<StateEntry> entries) : entries_(std::move(entries)) {}
  [[nodiscard]] Result<std::optional<StateEntry>> next() override {
    if (at_ == entries_.size()) return std::optional<StateEntry>();
    return std::optional<StateEntry>(entries_[at_++]);
  }

 private:
  std::vector<StateEntry> entries_;
  size_t at_ = 0;
};

}  // namespace

void MemoryState::put(std::string_view ns, std::string_view key, std::optional<StateValue> value) {
  auto& keys = namespaces_[std::string(ns)];
  if (value) {
    keys[std::string(key)] = std::move(*value);
  } else {
    keys.erase(std::string(key));
  }
}

Result<std::optional<StateValue>> MemoryState::get(std::string_view ns, std::string_view key) const {
  const auto keys = namespaces_.find(ns);
  if (keys == namespaces_.end()) return std::optional<StateValue>();
  const auto found = keys->second.find(key);
  if (found == keys->second.end()) return std::optional<StateValue>();
  return std::optional<StateValue>(found->second);
}

Result<std::vector<std::optional<StateValue>>> MemoryState::get_many(std::string_view ns,
                                                                     const std::vector<std::string>& keys) const {
  std::vector<std::optional<StateValue>> values;
  for (const auto& key : keys) {
    SELVAGE_TRY(auto value, get(ns, key));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::unique_ptr<StateRange>> MemoryState::range(std::string_view ns, std::string_view start,
                                                       std::string_view end) const {
  std::vector<StateEntry> entries;
  if (const auto keys = namespaces_.find(ns); keys != namespaces_.end()) {
    for (auto at = keys->second.lower_bound(start); at != keys->second.end(); ++at) {
      if (!end.empty() && at->first >= end) break;
      entries.push_back({at->first, at->second});
    }
  }
  return std::unique_ptr<StateRange>(std::make_unique<MemoryRange>(std::move(entries)));
}

}  // namespace selvage::ledger
