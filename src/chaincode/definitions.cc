#include "chaincode/definitions.h"

#include <set>

#include "base/log.h"
#include "chaincode/channels.h"
#include "crypto/hash.h"
#include "ledger/ledger.h"
#include "lifecycle/keys.h"
#include "peer/lifecycle/db.pb.h"

namespace selvage::chaincode {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("lifecycle");
  return instance;
}

// A namespace of a state view; nothing is recorded.
class ViewState final : public lifecycle::RangeReader {
 public:
  ViewState(const ledger::StateView& view, std::string ns) : view_(view), ns_(std::move(ns)) {}
  Result<std::optional<Bytes>> get(std::string_view key) const override {
    SELVAGE_TRY(auto value, view_.get(ns_, key));
    if (!value) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move(value->value));
  }
  Result<std::map<std::string, Bytes>> range(std::string_view prefix) const override {
    SELVAGE_TRY(auto rows, view_.range(ns_, prefix, std::string(prefix) + "\x7f"));
    std::map<std::string, Bytes> out;
    while (true) {
      SELVAGE_TRY(auto row, rows->next());
      if (!row) return out;
      out.emplace(std::move(row->key), std::move(row->value.value));
    }
  }

 private:
  const ledger::StateView& view_;
  std::string ns_;
};

// The hashes of an implicit collection of `_lifecycle`.
class ViewHashes final : public lifecycle::HashReader {
 public:
  ViewHashes(const ledger::StateView& view, std::string_view mspid)
      : view_(view),
        collection_(lifecycle::implicit_collection(mspid)),
        ns_(ledger::hash_namespace(lifecycle::kNamespace, collection_)) {}
  Result<std::optional<Bytes>> get_hash(std::string_view key) const override {
    SELVAGE_TRY(auto value, view_.get(ns_, crypto::sha256(key)));
    if (!value) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move(value->value));
  }
  const std::string& collection() const override { return collection_; }

 private:
  const ledger::StateView& view_;
  std::string collection_;
  std::string ns_;
};

// How an approval names a package: SHA-256 of the value as it stands in the implicit collection. Comparing hashes works
// on a peer that does not have the private data itself.
Bytes approval_hash(const std::string& package_id) {
  ::lifecycle::StateData data;
  data.set_string(package_id);
  return crypto::sha256(data.SerializeAsString());
}

}  // namespace

struct DefinitionCache::State {
  State(std::string mspid, Channels& c, PackageStore& p) : our_mspid(std::move(mspid)), channels(c), packages(p) {}

  const std::string our_mspid;
  Channels& channels;
  PackageStore& packages;

  std::mutex mutex;
  uint64_t epoch = 0;  // grows with every change: what was read before it is not remembered
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const LocalDefinition>> known;
  std::map<std::string, std::string> packages_by_hash;  // approval_hash -> package id, as of packages_epoch
  uint64_t packages_epoch = UINT64_MAX;
  std::function<void(const std::string&)> runnable, unused;
  std::function<void(const std::string&, Runnable)> told_runnable;
  // channel -> chaincode -> what was told: the package, and the sequence for the log.
  std::map<std::string, std::map<std::string, std::pair<int64_t, std::string>>> announced;

  [[nodiscard]] bool in_use(const std::string& package_id) const {
    for (const auto& [channel, chaincodes] : announced)
      for (const auto& [name, told] : chaincodes)
        if (told.second == package_id) return true;
    return false;
  }

  Result<LocalDefinition> read(const std::string& channel_id, const std::string& chaincode);
  Result<std::string> package_with(const Bytes& hash);
  Result<std::vector<std::string>> defined_on(const std::string& channel_id);
};

DefinitionCache::DefinitionCache(std::string our_mspid, Channels& channels, PackageStore& packages)
    : state_(std::make_unique<State>(std::move(our_mspid), channels, packages)) {}
DefinitionCache::~DefinitionCache() = default;

Result<std::string> DefinitionCache::State::package_with(const Bytes& hash) {
  {
    std::lock_guard lock(mutex);
    if (packages_epoch == epoch) {
      auto found = packages_by_hash.find(hash);
      return found == packages_by_hash.end() ? std::string() : found->second;
    }
  }
  uint64_t as_of;
  {
    std::lock_guard lock(mutex);
    as_of = epoch;
  }
  SELVAGE_TRY(auto installed, packages.list());
  std::map<std::string, std::string> by_hash;
  for (const auto& package : installed) by_hash.emplace(approval_hash(package.package_id), package.package_id);
  auto found = by_hash.find(hash);
  std::string id = found == by_hash.end() ? std::string() : found->second;
  std::lock_guard lock(mutex);
  packages_by_hash = std::move(by_hash);
  packages_epoch = as_of;
  return id;
}

Result<LocalDefinition> DefinitionCache::State::read(const std::string& channel_id, const std::string& chaincode) {
  auto channel = channels.find(channel_id);
  if (!channel) return fail(Code::kNotFound, "unknown channel '" + channel_id + "'");
  auto view = channel->ledger().view();
  const std::string ns(lifecycle::kNamespace);
  SELVAGE_TRY(auto committed, lifecycle::read_definition(chaincode, ViewState(*view, ns)));
  if (!committed)
    return fail(Code::kNotFound, "unknown chaincode '" + chaincode + "' for channel '" + channel_id + "'");
  LocalDefinition out{*committed, false, ""};
  ViewHashes hashes(*view, our_mspid);
  SELVAGE_TRY(auto approval, lifecycle::read_local_approval(chaincode, *committed, hashes));
  out.approved = approval.approved;
  if (approval.has_package) {
    SELVAGE_TRY(out.package_id, package_with(approval.package_hash));
  }
  return out;
}

Result<std::shared_ptr<const LocalDefinition>> DefinitionCache::find(const std::string& channel_id,
                                                                     const std::string& chaincode,
                                                                     int64_t sequence_at_least) {
  const auto key = std::pair(channel_id, chaincode);
  uint64_t as_of;
  {
    std::lock_guard lock(state_->mutex);
    auto found = state_->known.find(key);
    if (found != state_->known.end() && found->second->sequence >= sequence_at_least) return found->second;
    as_of = state_->epoch;
  }
  SELVAGE_TRY(LocalDefinition read, state_->read(channel_id, chaincode));
  auto shared = std::make_shared<const LocalDefinition>(std::move(read));
  std::lock_guard lock(state_->mutex);
  if (state_->epoch == as_of) state_->known[key] = shared;
  return shared;
}

Result<std::vector<std::string>> DefinitionCache::State::defined_on(const std::string& channel_id) {
  auto channel = channels.find(channel_id);
  if (!channel) return std::vector<std::string>();
  auto view = channel->ledger().view();
  SELVAGE_TRY(auto namespaces, lifecycle::query_namespaces(ViewState(*view, std::string(lifecycle::kNamespace))));
  std::vector<std::string> out;
  for (const auto& [name, type] : namespaces)
    if (type == lifecycle::kFriendlyChaincodeType) out.push_back(name);
  return out;
}

void DefinitionCache::lifecycle_changed(const std::string& channel_id) {
  {
    std::lock_guard lock(state_->mutex);
    ++state_->epoch;
    std::erase_if(state_->known, [&](const auto& entry) { return entry.first.first == channel_id; });
  }
  announce(channel_id);
}

void DefinitionCache::package_installed(const std::string& package_id) {
  {
    std::lock_guard lock(state_->mutex);
    ++state_->epoch;
    state_->known.clear();
  }
  for (const std::string& channel_id : state_->channels.names()) announce(channel_id);
}

void DefinitionCache::on_change(std::function<void(const std::string&)> runnable,
                                std::function<void(const std::string&)> unused) {
  std::lock_guard lock(state_->mutex);
  state_->runnable = std::move(runnable);
  state_->unused = std::move(unused);
}

void DefinitionCache::on_runnable(std::function<void(const std::string&, Runnable)> told) {
  std::lock_guard lock(state_->mutex);
  state_->told_runnable = std::move(told);
}

void DefinitionCache::announce(const std::string& channel_id) {
  auto names = state_->defined_on(channel_id);
  if (!names) {
    LOG_ERROR(logger(), "could not read chaincode definitions of channel '{}': {}", channel_id, to_string(names.error()));
    return;
  }
  for (const std::string& name : *names) {
    auto local = find(channel_id, name);
    if (!local) {
      LOG_ERROR(logger(), "could not get chaincode definition for '{}' on channel '{}': {}", name, channel_id,
                to_string(local.error()));
      continue;
    }
    const LocalDefinition& definition = **local;
    const std::string package_id = definition.approved ? definition.package_id : "";
    std::function<void(const std::string&)> runnable, unused;
    std::string dropped;
    {
      std::lock_guard lock(state_->mutex);
      auto& told = state_->announced[channel_id][name];
      const std::pair now(definition.sequence, package_id);
      if (told == now) continue;
      std::string before = std::exchange(told, now).second;
      if (!before.empty() && !state_->in_use(before)) dropped = before;
      runnable = state_->runnable;
      unused = state_->unused;
    }
    if (!package_id.empty()) {
      LOG_INFO(logger(), "Chaincode with package ID '{}' now available on channel {} for chaincode definition {}:{}",
               package_id, channel_id, name, definition.version);
      if (runnable) runnable(package_id);
    }
    if (!dropped.empty()) {
      LOG_INFO(logger(), "chaincode package is no longer referenced and will be stopped package={}", dropped);
      if (unused) unused(dropped);
    }
  }
  Runnable all;
  std::function<void(const std::string&, Runnable)> told_runnable;
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& [name, told] : state_->announced[channel_id])
      if (!told.second.empty()) all.emplace_back(name, told.first);
    told_runnable = state_->told_runnable;
  }
  if (told_runnable) told_runnable(channel_id, std::move(all));
}

Result<std::vector<PackageReference>> DefinitionCache::references(const std::string& package_id) {
  std::vector<PackageReference> out;
  for (const std::string& channel_id : state_->channels.names()) {
    SELVAGE_TRY(auto names, state_->defined_on(channel_id));
    for (const std::string& name : names) {
      SELVAGE_TRY(auto local, find(channel_id, name));
      if (local->approved && local->package_id == package_id) out.push_back({channel_id, name, local->version});
    }
  }
  return out;
}

}  // namespace selvage::chaincode
