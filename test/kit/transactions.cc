#include "kit/transactions.h"

#include <cstdio>
#include <cstdlib>

#include "common/policies.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "peer/proposal_response.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"
#include "wire/proposal.h"
#include "wire/signer.h"

namespace selvage::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "test kit: %s\n", to_string(result.error()).c_str());
  std::abort();
}

Bytes results_of(const Draft& draft) {
  ::kvrwset::KVRWSet kv;
  for (const std::string& key : draft.keys) {
    auto* write = kv.add_writes();
    write->set_key(key);
    write->set_value("v");
  }
  for (const std::string& key : draft.metadata_keys) {
    auto* write = kv.add_metadata_writes();
    write->set_key(key);
    auto* entry = write->add_entries();
    entry->set_name("VALIDATION_PARAMETER");
    entry->set_value(wire::marshal(must(policy::parse_signature_policy("OR('Org1MSP.peer')"))));
  }
  ::rwset::TxReadWriteSet set;
  auto* ns = set.add_ns_rwset();
  ns->set_namespace_(draft.chaincode);
  ns->set_rwset(wire::marshal(kv));
  if (!draft.collection.empty()) {
    ::kvrwset::HashedRWSet hashed;
    hashed.add_hashed_writes()->set_key_hash("hash of a key");
    auto* collection = ns->add_collection_hashed_rwset();
    collection->set_collection_name(draft.collection);
    collection->set_hashed_rwset(wire::marshal(hashed));
  }
  for (const auto& more : draft.extra.ns_rwset()) *set.add_ns_rwset() = more;
  return wire::marshal(set);
}

}  // namespace

Draft good_draft(Channel& channel) {
  Draft draft;
  draft.endorsers = {&channel.org(0).peer(), &channel.org(1).peer()};
  draft.creator = &channel.org(0).client();
  return draft;
}

Transaction make_transaction(const Channel& channel, const Draft& draft, Random& random) {
  auto made = wire::make_proposal(channel.id(), wire::make_call(draft.chaincode, {}), draft.creator->serialized(),
                                  SystemTime(kGoodNow), random);
  ::common::Header header;
  if (!header.ParseFromString(made.proposal.header())) std::abort();
  ::protos::ChaincodeID id;
  id.set_name(draft.answered_by.empty() ? draft.chaincode : draft.answered_by);
  id.set_version(draft.version);
  ::protos::Response ok;
  ok.set_status(200);
  const Bytes payload = wire::response_payload(
      must(wire::proposal_hash(header.channel_header(), header.signature_header(), made.proposal.payload())), ok,
      results_of(draft), draft.events, id);
  std::vector<::protos::ProposalResponse> responses;
  for (const auto* endorser : draft.endorsers) {
    auto& response = responses.emplace_back();
    response.mutable_response()->set_status(200);
    response.set_payload(payload);
    response.mutable_endorsement()->set_endorser(endorser->serialized());
    response.mutable_endorsement()->set_signature(
        must(endorser->sign(wire::endorsed_bytes(payload, endorser->serialized()))));
  }
  return {must(wire::make_transaction(made.proposal, wire::signer_of(*draft.creator), responses)),
          std::move(made.transaction_id)};
}

}  // namespace selvage::test
