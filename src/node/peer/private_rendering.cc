#include "node/peer/private_rendering.h"

#include "ledger/rwset/rwset.pb.h"
#include "node/peer/collection_membership.h"
#include "node/peer/peer_channel.h"
#include "peer/collection.pb.h"
#include "peer/events.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::node {
namespace {

// May this identity see the collection's data of one block? Only a member by the configuration in force then may. Fabric
// (core/peer/deliverevents.go) shows it to every reader of the channel unless the collection says memberOnlyRead, implicit
// collections included; what memberOnlyRead leaves open is for the chaincode to decide, and this stream asks no chaincode.
class Reader {
 public:
  Reader(const PeerChannel& channel, uint64_t block, const Bytes& creator)
      : ledger_(*channel.shared_ledger()), block_(block), bundle_(channel.bundle()) {
    auto identity = bundle_->msps()->deserialize(creator);
    if (identity && (*identity)->validate()) identity_ = std::move(*identity);
  }

  // An error when nothing is known of the collection at that block.
  Result<bool> may_see(const std::string& chaincode, const std::string& collection) {
    const auto [known, fresh] = known_.try_emplace({chaincode, collection}, false);
    if (!fresh) return known->second;
    const auto config = collection_config_at(ledger_, block_, chaincode, collection);
    if (!config) {
      return fail(Code::kNotFound, "no collection config was found for collection " + collection + " for chaincode " + chaincode);
    }
    known->second = is_member(*config);
    return known->second;
  }

 private:
  bool is_member(const ::protos::StaticCollectionConfig& config) const {
    if (!identity_) return false;
    const auto policy = policy::make_signature_policy(config.member_orgs_policy().signature_policy(), bundle_->msps());
    const std::shared_ptr<const identity::Identity> one[] = {identity_};
    return policy && (*policy)->evaluate_identities(one);
  }

  const ledger::Ledger& ledger_;
  const uint64_t block_;
  const std::shared_ptr<const channel::Bundle> bundle_;
  std::shared_ptr<const identity::Identity> identity_;  // null: nobody that the channel knows
  std::map<std::pair<std::string, std::string>, bool> known_;
};

::rwset::NsPvtReadWriteSet& part_of(::rwset::TxPvtReadWriteSet& set, const std::string& chaincode) {
  for (auto& part : *set.mutable_ns_pvt_rwset())
    if (part.namespace_() == chaincode) return part;
  auto& part = *set.add_ns_pvt_rwset();
  part.set_namespace_(chaincode);
  return part;
}

}  // namespace

Result<Bytes> PrivateRendering::block(const ::common::Block& block, const deliver::Source& source,
                                      const deliver::SeekRequest& request) const {
  const auto& channel = static_cast<const PeerChannel&>(source);
  SELVAGE_TRY(const auto writes, channel.shared_ledger()->private_data().find(block.header().number()));
  ::protos::DeliverResponse response;
  auto& out = *response.mutable_block_and_private_data();
  *out.mutable_block() = block;
  if (!writes.empty()) {
    Reader reader(channel, block.header().number(), request.creator);
    for (const auto& write : writes) {
      SELVAGE_TRY(const bool visible, reader.may_see(write.ns, write.collection));
      if (!visible) continue;
      auto& set = (*out.mutable_private_data_map())[write.transaction];
      auto& collection = *part_of(set, write.ns).add_collection_pvt_rwset();
      collection.set_collection_name(write.collection);
      collection.set_rwset(write.rw_set);
    }
  }
  return wire::marshal(response);
}

Bytes PrivateRendering::status(::common::Status status) const {
  ::protos::DeliverResponse response;
  response.set_status(status);
  return wire::marshal(response);
}

}  // namespace selvage::node
