#include "endorse/private_data.h"

#include "channel/bundle.h"
#include "ledger/ledger.h"
#include "ledger/rwset/rwset.pb.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "peer/collection.pb.h"
#include "transientstore/transientstore.pb.h"

namespace selvage::endorse {
namespace {

// `_lifecycle` as the simulation saw it; nothing is recorded, the read set is closed already.
class LifecycleState final : public lifecycle::StateReader {
 public:
  explicit LifecycleState(const ledger::StateView& view) : view_(view) {}
  Result<std::optional<Bytes>> get(std::string_view key) const override {
    SELVAGE_TRY(auto value, view_.get(lifecycle::kNamespace, key));
    if (!value) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move(value->value));
  }

 private:
  const ledger::StateView& view_;
};

// Configurations of the collections of one chaincode that were written.
Result<protos::CollectionConfigPackage> configs_of(const rwset::NsPvtReadWriteSet& writes,
                                                   const ledger::StateView& view) {
  auto definition = lifecycle::read_definition(writes.namespace_(), LifecycleState(view));
  if (!definition)
    return fail(std::move(definition).error().within("error while retrieving collection config for chaincode \"" +
                                                     writes.namespace_() + "\""));
  if (!*definition)
    return fail(Code::kNotFound, "no collection config for chaincode \"" + writes.namespace_() + "\"");
  protos::CollectionConfigPackage package;
  for (const auto& collection : writes.collection_pvt_rwset()) {
    SELVAGE_TRY(auto config, lifecycle::find_collection(**definition, collection.collection_name()));
    if (config) *package.add_config()->mutable_static_collection_config() = std::move(*config);
  }
  return package;
}

Status check_peer_counts(const transientstore::TxPvtReadWriteSetWithConfigInfo& writes) {
  for (const auto& [chaincode, package] : writes.collection_configs())
    for (const auto& config : package.config()) {
      const auto& collection = config.static_collection_config();
      if (collection.required_peer_count() > 0)
        return fail(Code::kUnavailable,
                    "could not build private data dissemination plan for chaincode " + chaincode + " and collection " +
                        collection.name() + ": required to disseminate to at least " +
                        std::to_string(collection.required_peer_count()) + " peers, but know of only 0 eligible peers");
    }
  return {};
}

}  // namespace

Status keep_private_data(Channel& channel, const std::string& txid, const Bytes& private_rw_set,
                         const ledger::TxSimulator& simulator, const Disseminate& disseminate) {
  transientstore::TxPvtReadWriteSetWithConfigInfo writes;
  if (!writes.mutable_pvt_rwset()->ParseFromString(private_rw_set))
    return fail(Code::kInternal, "private write set of the simulation does not parse");
  for (const auto& set : writes.pvt_rwset().ns_pvt_rwset()) {
    auto configs = configs_of(set, *simulator.view());
    if (!configs) return fail(std::move(configs).error().within("failed to obtain collections config"));
    (*writes.mutable_collection_configs())[set.namespace_()] = std::move(*configs);
  }
  const uint64_t height = channel.ledger().height();
  writes.set_endorsed_at(height);
  auto sent = disseminate ? disseminate(channel.ledger().channel(), txid, writes, height) : check_peer_counts(writes);
  if (!sent)
    return fail(std::move(sent).error().within("failed to distribute private collection, txID " + txid + ", channel " +
                                               channel.ledger().channel()));
  return channel.ledger().transient().persist(txid, height, writes.SerializeAsString());
}

}  // namespace selvage::endorse
