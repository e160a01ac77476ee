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

// May this identity see the collection's data? Answers are kept for one block.
class Reader {
 public:
  Reader(const PeerChannel& channel, const Bytes& creator)
      : bundle_(channel.bundle()), view_(channel.shared_ledger()->view()) {
    auto identity = bundle_->msps()->deserialize(creator);
    if (identity && (*identity)->validate()) identity_ = std::move(*identity);
  }

  bool may_see(const std::string& chaincode, const std::string& collection) {
    const auto [known, fresh] = known_.try_emplace({chaincode, collection}, false);
    if (fresh) known->second = is_member(chaincode, collection);
    return known->second;
  }

 private:
  bool is_member(const std::string& chaincode, const std::string& collection) const {
    if (!identity_) return false;
    const auto config = collection_config(chaincode, collection, *view_);
    if (!config) return false;
    const auto policy = policy::make_signature_policy(config->member_orgs_policy().signature_policy(), bundle_->msps());
    const std::shared_ptr<const identity::Identity> one[] = {identity_};
    return policy && (*policy)->evaluate_identities(one);
  }

  const std::shared_ptr<const channel::Bundle> bundle_;
  const std::shared_ptr<const ledger::StateView> view_;
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
    Reader reader(channel, request.creator);
    for (const auto& write : writes) {
      if (!reader.may_see(write.ns, write.collection)) continue;
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
