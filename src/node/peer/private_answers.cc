#include "node/peer/private_answers.h"

#include <map>

#include "base/log.h"
#include "ledger/rwset/rwset.pb.h"
#include "node/peer/collection_membership.h"
#include "policy/signature_policy.h"
#include "transientstore/transientstore.pb.h"
#include "wire/marshal.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.privdata");
  return instance;
}

constexpr int kDigestsMax = 10000;
constexpr size_t kAnswerBytesMax = 64u << 20;

// Write sets of one collection of one transaction, and the configuration in force when they were made.
struct Kept {
  std::vector<Bytes> rw_sets;
  std::optional<::protos::StaticCollectionConfig> config;
};

Kept from_transient_store(const ::gossip::PvtDataDigest& digest, PeerChannel& channel) {
  Kept kept;
  if (digest.tx_id().empty()) return kept;  // a reconciliation's; it is of a block that we do not have
  const auto entries = channel.ledger().transient().find(digest.tx_id());
  if (!entries) return kept;
  for (const auto& entry : *entries) {
    const auto parsed = wire::parse<::transientstore::TxPvtReadWriteSetWithConfigInfo>(entry.private_rw_set);
    if (!parsed) continue;
    const auto package = parsed->collection_configs().find(digest.namespace_());
    if (package == parsed->collection_configs().end()) continue;
    const auto* config = find_config(package->second, digest.collection());
    if (config == nullptr) continue;
    kept.config = *config;
    for (const auto& set : parsed->pvt_rwset().ns_pvt_rwset()) {
      if (set.namespace_() != digest.namespace_()) continue;
      for (const auto& part : set.collection_pvt_rwset()) {
        if (part.collection_name() == digest.collection()) kept.rw_sets.push_back(part.rwset());
      }
    }
  }
  return kept;
}

// `written` is what the ledger has of the digest's block.
Kept from_ledger(const ::gossip::PvtDataDigest& digest, const std::vector<ledger::PrivateWrite>& written, PeerChannel& channel) {
  Kept kept;
  for (const auto& write : written) {
    if (write.transaction == digest.seq_in_block() && write.ns == digest.namespace_() &&
        write.collection == digest.collection()) {
      kept.rw_sets.push_back(write.rw_set);
    }
  }
  if (!kept.rw_sets.empty()) {
    kept.config = collection_config_at(channel.ledger(), digest.block_seq(), digest.namespace_(), digest.collection());
  }
  return kept;
}

}  // namespace

::gossip::GossipMessage private_message(const std::string& channel) {
  ::gossip::GossipMessage message;
  message.set_channel(channel);
  message.set_tag(::gossip::GossipMessage::CHAN_ONLY);
  return message;
}

bool is_eligible(const ::protos::StaticCollectionConfig& config, const Bytes& identity, const channel::Bundle& bundle) {
  auto parsed = bundle.msps()->deserialize(identity);
  if (!parsed) return false;
  const auto policy = policy::make_signature_policy(config.member_orgs_policy().signature_policy(), bundle.msps());
  if (!policy) return false;
  const policy::IdentityPtr one = std::move(*parsed);
  return (*policy)->evaluate_identities(std::span(&one, 1)).has_value();
}

const ::protos::StaticCollectionConfig* find_config(const ::protos::CollectionConfigPackage& package,
                                                    const std::string& collection) {
  for (const auto& config : package.config()) {
    if (config.static_collection_config().name() == collection) return &config.static_collection_config();
  }
  return nullptr;
}

::gossip::PvtDataDigest digest_of(const commit::WantedPrivateData& wanted, uint64_t block) {
  ::gossip::PvtDataDigest digest;
  digest.set_tx_id(wanted.tx_id);
  digest.set_namespace_(wanted.ns);
  digest.set_collection(wanted.collection);
  digest.set_block_seq(block);
  digest.set_seq_in_block(wanted.transaction);
  return digest;
}

bool matches(const ::gossip::PvtDataDigest& digest, const commit::WantedPrivateData& wanted, uint64_t block) {
  return digest.block_seq() == block && digest.seq_in_block() == wanted.transaction && digest.namespace_() == wanted.ns &&
         digest.collection() == wanted.collection && digest.tx_id() == wanted.tx_id;
}

Status keep_pushed_data(const ::gossip::PrivatePayload& payload, PeerChannel& channel, const std::string& our_mspid) {
  if (payload.private_rwset().empty()) {
    return fail(Code::kInvalidArgument, "Malformed private data message, no rwset provided");
  }
  const auto* config = find_config(payload.collection_configs(), payload.collection_name());
  if (config == nullptr || payload.tx_id().empty()) {
    return fail(Code::kInvalidArgument, "Malformed private data message, no collection configuration provided");
  }
  if (!names_org(*config, our_mspid)) {
    return fail(Code::kPermissionDenied, "this peer is not a member of the collection");
  }
  ::transientstore::TxPvtReadWriteSetWithConfigInfo kept;
  kept.set_endorsed_at(payload.private_sim_height());
  auto& set = *kept.mutable_pvt_rwset()->add_ns_pvt_rwset();
  set.set_namespace_(payload.namespace_());
  auto& part = *set.add_collection_pvt_rwset();
  part.set_collection_name(payload.collection_name());
  part.set_rwset(payload.private_rwset());
  (*kept.mutable_collection_configs())[payload.namespace_()] = payload.collection_configs();
  SELVAGE_CHECK(channel.ledger().transient().persist(payload.tx_id(), payload.private_sim_height(), wire::marshal(kept)));
  LOG_DEBUG(logger(), "Private data for collection {} has been stored", escape(payload.collection_name()));
  return {};
}

::gossip::GossipMessage answer_private_request(const gossip::Outbox::Arrival& arrival, PeerChannel& channel) {
  const auto& message = arrival.message->message;
  ::gossip::GossipMessage answer;
  answer.set_nonce(message.nonce());
  answer.set_channel(message.channel());
  answer.set_tag(::gossip::GossipMessage::CHAN_ONLY);
  auto& response = *answer.mutable_privateres();
  if (message.privatereq().digests_size() > kDigestsMax) return answer;
  const auto bundle = channel.bundle();
  const uint64_t height = channel.ledger().height();
  const auto view = channel.ledger().view();
  std::map<uint64_t, std::vector<ledger::PrivateWrite>> blocks;
  size_t bytes = 0;
  for (const auto& digest : message.privatereq().digests()) {
    Kept kept;
    std::optional<::protos::StaticCollectionConfig> newest;
    if (digest.block_seq() >= height) {
      kept = from_transient_store(digest, channel);
    } else {
      if (!blocks.contains(digest.block_seq())) {
        auto writes = channel.ledger().private_data().find(digest.block_seq());
        if (writes) blocks[digest.block_seq()] = std::move(*writes);
      }
      kept = from_ledger(digest, blocks[digest.block_seq()], channel);
      // A member of today may have what was written before it came.
      if (kept.config) newest = collection_config(digest.namespace_(), digest.collection(), *view);
    }
    if (kept.rw_sets.empty()) continue;
    const bool eligible = (newest && is_eligible(*newest, arrival.from->identity, *bundle)) ||
                          (kept.config && is_eligible(*kept.config, arrival.from->identity, *bundle));
    if (!eligible) {
      LOG_DEBUG(logger(), "Peer {} isn't eligible for txID {} at collection {}", escape(arrival.from->address),
                escape(digest.tx_id()), escape(digest.collection()));
      continue;
    }
    for (const Bytes& rw_set : kept.rw_sets) bytes += rw_set.size();
    if (bytes > kAnswerBytesMax && response.elements_size() > 0) break;
    auto& element = *response.add_elements();
    *element.mutable_digest() = digest;
    for (Bytes& rw_set : kept.rw_sets) element.add_payload(std::move(rw_set));
  }
  LOG_DEBUG(logger(), "Returning {} {} elements", escape(arrival.from->address), response.elements_size());
  return answer;
}

}  // namespace selvage::node
