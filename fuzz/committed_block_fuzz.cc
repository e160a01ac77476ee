// Blocks as a peer judges and applies them, with transactions that are signed and endorsed as they should be around
// whatever the input says: block after block over one state. The input: parts, each a byte of how it is wrapped and its
// bytes; an empty part ends a block. Judging twice gives the same codes, and a block that is applied again from the
// block file, after a crash, does the same to the state.
#include <set>

#include "commit/mvcc.h"
#include "common/common.pb.h"
#include "common/policies.pb.h"
#include "input.h"
#include "kit/channels.h"
#include "kit/definitions.h"
#include "ledger/block_reading.h"
#include "ledger/private/late.h"
#include "ledger/state/commit_hash.h"
#include "peer/collection.pb.h"
#include "peer/transaction.pb.h"
#include "policy/signature_policy.h"
#include "validate/validator.h"
#include "wire/block.h"
#include "wire/marshal.h"
#include "wire/proposal.h"
#include "wire/protobuf_log.h"
#include "wire/signer.h"

namespace {

using namespace selvage;
using fuzz::expect;
using fuzz::must;

enum Kind : uint8_t { kEnvelope, kResults, kAction, kResponse, kConfig, kKinds };
enum Flag : uint8_t { kOneEndorser = 8, kSameNonce = 16 };

struct World {
  World() {
    ::protos::CollectionConfigPackage collections;
    auto* collection = collections.add_config()->mutable_static_collection_config();
    collection->set_name("coll");
    *collection->mutable_endorsement_policy()->mutable_signature_policy() =
        must(policy::parse_signature_policy("OR('Org1MSP.peer')"));
    for (const char* name : {"basic", "other"}) test::define(channel, name, wire::marshal(collections), state);
  }

  test::Channel channel{{.id = "ch"}};
  channel::BundlePtr bundle = channel.bundle();
  ledger::MemoryState state;
};

Bytes sign(World& world, const ::common::Payload& payload) {
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  envelope.set_signature(must(world.channel.org(0).client().sign(envelope.payload())));
  return wire::marshal(envelope);
}

Bytes wrap(World& world, uint8_t how, BytesView bytes, uint64_t seed) {
  const auto kind = static_cast<Kind>((how & 7) % kKinds);
  if (kind == kEnvelope) return Bytes(bytes);
  test::SeededRandom random(seed);
  const identity::SigningIdentity& client = world.channel.org(0).client();
  const auto made =
      wire::make_proposal("ch", wire::make_call("basic", {}), client.serialized(), SystemTime(test::kGoodNow), random);
  ::common::Payload payload;
  expect(wire::parse_into(made.proposal.header(), *payload.mutable_header()).has_value());
  if (kind == kConfig) {
    ::common::ChannelHeader header;
    expect(wire::parse_into(payload.header().channel_header(), header).has_value());
    header.set_type(::common::CONFIG);
    payload.mutable_header()->set_channel_header(wire::marshal(header));
    payload.set_data(Bytes(bytes));
    return sign(world, payload);
  }
  const Bytes hash = must(wire::proposal_hash(payload.header().channel_header(), payload.header().signature_header(),
                                              made.proposal.payload()));
  ::protos::ChaincodeID id;
  id.set_name("basic");
  id.set_version("1.0");
  ::protos::Response ok;
  ok.set_status(200);
  Bytes response(bytes);
  if (kind == kResults) response = wire::response_payload(hash, ok, bytes, "", id);
  if (kind == kAction) {
    ::protos::ProposalResponsePayload whole;
    whole.set_proposal_hash(hash);
    whole.set_extension(Bytes(bytes));
    response = wire::marshal(whole);
  }
  ::protos::ChaincodeActionPayload action;
  action.set_chaincode_proposal_payload(must(wire::payload_for_transaction(made.proposal.payload())));
  action.mutable_action()->set_proposal_response_payload(response);
  for (size_t org = 0; org < ((how & kOneEndorser) != 0 ? 1 : 2); ++org) {
    const identity::SigningIdentity& peer = world.channel.org(org).peer();
    auto* endorsement = action.mutable_action()->add_endorsements();
    endorsement->set_endorser(peer.serialized());
    endorsement->set_signature(must(peer.sign(wire::endorsed_bytes(response, peer.serialized()))));
  }
  ::protos::Transaction transaction;
  transaction.add_actions()->set_header(payload.header().signature_header());
  transaction.mutable_actions(0)->set_payload(wire::marshal(action));
  payload.set_data(wire::marshal(transaction));
  return sign(world, payload);
}

void apply(const ledger::UpdateBatch& updates, ledger::MemoryState& state) {
  const auto put = [&](const std::string& ns, const ledger::UpdateBatch::Keys& keys) {
    for (const auto& [key, update] : keys) {
      if (!update.value) {
        state.put(ns, key, std::nullopt);
        continue;
      }
      expect(ledger::parse_metadata(update.metadata).has_value());
      state.put(ns, key, ledger::StateValue{*update.value, update.metadata, update.version});
    }
  };
  for (const auto& [ns, keys] : updates.public_updates) put(ns, keys);
  for (const auto& [where, keys] : updates.hashed_updates) put(ledger::hash_namespace(where.first, where.second), keys);
}

// False when the channel must stop.
bool judge_and_apply(World& world, std::vector<Bytes> transactions, ledger::MemoryState& state,
                     channel::BundlePtr& bundle, std::set<std::string>& ids, Bytes& commit_hash) {
  auto block =
      std::make_shared<::common::Block>(world.channel.block(state.height(), "previous", std::move(transactions)));
  const auto exists = [&ids](const std::string& id) -> Result<bool> { return ids.contains(id); };
  validate::Validator validator("ch", validate::sequential()), again("ch", validate::sequential());
  const auto judged = validator.validate(block, bundle, state, exists);
  const auto twice = again.validate(block, bundle, state, exists);
  expect(judged.has_value() == twice.has_value());
  if (!judged) return false;
  const auto count = static_cast<size_t>(block->data().data_size());
  expect(judged->transactions.size() == count && twice->transactions.size() == count);
  std::vector<commit::MvccTransaction> checked(count);
  for (size_t i = 0; i < count; ++i) {
    const validate::TransactionResult& one = judged->transactions[i];
    expect(one.code == twice->transactions[i].code && one.tx_id == twice->transactions[i].tx_id);
    checked[i].code = one.code;
    if (one.code != commit::kValid) continue;
    const auto reading = ledger::read_transaction_header(block->data().data(static_cast<int>(i)));
    expect(reading.header_type == one.header_type);
    if (one.header_type == ::common::CONFIG) {
      checked[i].rw_set = std::make_shared<const ledger::TxRwSet>(ledger::make_config_rw_set(reading.data));
      continue;
    }
    expect(reading.tx_id == one.tx_id && one.rw_set && ids.insert(one.tx_id).second);
    const auto action = ledger::read_action(reading.data);
    expect(action && action->chaincode_name == one.chaincode);
    checked[i].rw_set = one.rw_set;
    for (const auto& ns : one.rw_set->namespaces) {
      for (const auto& collection : ns.collections) {
        const bool promises = !collection.private_rw_set_hash.empty();
        expect(ledger::find_promise(*block, i, ns.name, collection.collection).has_value() >= promises);
      }
    }
  }
  const auto updates = commit::check_and_apply(state.height(), checked, state);
  expect(updates.has_value());
  Bytes codes;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t code = checked[i].code, before = judged->transactions[i].code;
    expect(code == before ||
           (before == commit::kValid && (code == commit::kMvccReadConflict || code == commit::kPhantomReadConflict)));
    codes.push_back(static_cast<char>(code));
  }
  wire::init_metadata(*block);
  block->mutable_metadata()->set_metadata(::common::TRANSACTIONS_FILTER, codes);
  const Bytes hash = ledger::make_commit_hash(codes, *updates, commit_hash);
  const auto replay = ledger::make_replay(block, state, {});
  expect(replay && replay->codes == codes && replay->updates.history.size() == updates->history.size() &&
         replay->updates.purges.size() == updates->purges.size());
  expect(ledger::make_commit_hash(codes, replay->updates, commit_hash) == hash);
  commit_hash = hash;
  apply(*updates, state);
  state.set_height(state.height() + 1);
  if (judged->next_bundle) bundle = judged->next_bundle;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static World& world = *new World;
  ledger::MemoryState state = world.state;
  state.set_height(1);
  channel::BundlePtr bundle = world.bundle;
  std::set<std::string> ids;
  Bytes commit_hash;
  std::vector<Bytes> transactions;
  uint64_t seed = 0;
  BytesView rest = fuzz::view_of(bytes, size), part;
  while (fuzz::take_part(rest, part)) {
    if (part.empty()) {
      if (!judge_and_apply(world, std::exchange(transactions, {}), state, bundle, ids, commit_hash)) return 0;
      continue;
    }
    const auto how = static_cast<uint8_t>(part[0]);
    if ((how & kSameNonce) == 0) ++seed;
    transactions.push_back(wrap(world, how, part.substr(1), seed));
  }
  (void)judge_and_apply(world, std::move(transactions), state, bundle, ids, commit_hash);
  return 0;
}
