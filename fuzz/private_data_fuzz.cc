// Private data of a block: what is in the transient store, what other peers give, and what comes late, against what the
// transaction promised. The first byte: is the transaction valid, is private data of invalid ones kept. The first part
// is the private set that was endorsed; then parts, each a byte and a record of the transient store, a write set that a
// peer gives, or one that comes after the block. Each promise is kept with the right bytes or recorded as missing,
// nothing else is stored, and the transient store forgets the transaction.
#include <filesystem>
#include <map>

#include "commit/committer.h"
#include "crypto/hash.h"
#include "input.h"
#include "ledger.h"
#include "ledger/private/late.h"
#include "ledger/private/purge.h"
#include "ledger/rocks_database.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "scratch.h"
#include "transientstore/transientstore.pb.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
using fuzz::expect;
using fuzz::must;
namespace fs = std::filesystem;

constexpr uint64_t kBlock = 1;
enum Kind : uint8_t { kRecord, kTrueRecord, kGiven, kTrueGiven, kLate, kTrueLate, kKinds };

class Collections final : public commit::CollectionAccess {
 public:
  bool is_member(const std::string&, const std::string& collection, const ledger::StateView&) const override {
    return !collection.starts_with("theirs");
  }
};

// The stores are real ones.
struct World {
  World() : database(must(ledger::Database::open({directory.string()}))) {}
  ~World() {
    database.reset();
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }
  const fs::path directory = fuzz::scratch("private");
  std::unique_ptr<ledger::Database> database;
  ledger::TransientStore transient{*database, "ch"};
  ledger::PrivateStore kept{*database, "ch"};

  void forget() {
    ledger::WriteBatch batch;
    for (const auto family : {ledger::Family::kPrivate, ledger::Family::kTransient}) {
      const auto all = database->range(family, "", "\xff");
      while (all->next()) batch.remove(family, all->key());
    }
    expect(database->write(batch, false).has_value());
  }
};

class Ledger final : public fuzz::ReadLedger {
 public:
  explicit Ledger(World& world) : ReadLedger(std::make_shared<ledger::MemoryState>()), world_(world) {}
  uint64_t height() const override { return kBlock; }
  ledger::TransientStore& transient() override { return world_.transient; }
  const ledger::PrivateStore& private_data() const override { return world_.kept; }
  Result<Times> commit(const ledger::BlockCommit& commit) override {
    SELVAGE_CHECK(world_.kept.store(kBlock, commit.private_writes, commit.missing));
    ledger::WriteBatch batch;
    SELVAGE_CHECK(ledger::add_purges(*world_.database, "ch", commit.updates, batch));
    SELVAGE_CHECK(world_.database->write(batch, false));
    committed = commit;
    return Times{};
  }
  ledger::BlockCommit committed;

 private:
  World& world_;
};

// Another peer.
class Source final : public commit::PrivateDataSource {
 public:
  void fetch(const std::string&, uint64_t, std::vector<commit::WantedPrivateData> wanted, const ledger::StateView&,
             const std::function<bool(const commit::WantedPrivateData&, const Bytes&)>& found) override {
    for (const auto& one : wanted) {
      expect(!one.collection.starts_with("theirs"));
      for (const Bytes& rw_set : given) expect(found(one, rw_set) == (crypto::sha256(rw_set) == one.hash));
    }
  }
  std::vector<Bytes> given;
};

// What the endorsed set looks like in public; with the purges and deletions that it says.
::rwset::TxReadWriteSet promise_of(const ::rwset::TxPvtReadWriteSet& secret) {
  ::rwset::TxReadWriteSet set;
  for (const auto& ns : secret.ns_pvt_rwset()) {
    auto* open = set.add_ns_rwset();
    open->set_namespace_(ns.namespace_());
    for (const auto& part : ns.collection_pvt_rwset()) {
      auto* collection = open->add_collection_hashed_rwset();
      collection->set_collection_name(part.collection_name());
      collection->set_pvt_rwset_hash(crypto::sha256(part.rwset()));
      ::kvrwset::KVRWSet writes;
      if (!wire::parse_into(part.rwset(), writes)) continue;
      ::kvrwset::HashedRWSet hashed;
      for (const auto& write : writes.writes()) {
        auto* one = hashed.add_hashed_writes();
        one->set_key_hash(crypto::sha256(write.key()));
        if (!write.is_delete()) one->set_value_hash(crypto::sha256(write.value()));
        one->set_is_delete(write.is_delete());
        one->set_is_purge(write.is_delete() && write.key().starts_with("purged"));
      }
      collection->set_hashed_rwset(wire::marshal(hashed));
    }
  }
  return set;
}

std::shared_ptr<::common::Block> block_with(const ::rwset::TxReadWriteSet& results) {
  ::protos::ChaincodeAction action;
  action.set_results(wire::marshal(results));
  action.mutable_chaincode_id()->set_name("cc");
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  ::common::ChannelHeader header;
  header.set_type(::common::ENDORSER_TRANSACTION);
  header.set_channel_id("ch");
  header.set_tx_id("tx");
  ::common::Payload whole;
  whole.mutable_header()->set_channel_header(wire::marshal(header));
  whole.set_data(wire::marshal(transaction));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(whole));
  auto block = std::make_shared<::common::Block>(wire::make_block(kBlock, "previous"));
  block->mutable_data()->add_data(wire::marshal(envelope));
  return block;
}

void check_stored(const ledger::BlockCommit& commit, const ::rwset::TxReadWriteSet& promised, bool valid, bool kept,
                  World& world) {
  std::multimap<std::pair<std::string, std::string>, Bytes> hashes;
  for (const auto& ns : promised.ns_rwset()) {
    for (const auto& one : ns.collection_hashed_rwset())
      hashes.emplace(std::pair(ns.namespace_(), one.collection_name()), one.pvt_rwset_hash());
  }
  expect(commit.private_writes.size() + commit.missing.size() == (kept ? hashes.size() : 0));
  for (const auto& write : commit.private_writes) {
    const auto [from, to] = hashes.equal_range({write.ns, write.collection});
    expect(std::any_of(from, to, [&](const auto& one) { return one.second == crypto::sha256(write.rw_set); }));
    expect(!write.collection.starts_with("theirs"));
  }
  for (const auto& one : commit.missing) expect(one.eligible == !one.collection.starts_with("theirs"));
  expect(valid || commit.updates.private_updates.empty());
  expect(!kept || hashes.empty() || must(world.transient.find("tx")).empty());
  for (const auto& write : must(world.kept.find(kBlock))) {
    ::kvrwset::KVRWSet set;
    expect(wire::parse_into(write.rw_set, set).has_value());
  }
  for (const auto& one : must(world.kept.wanted(kBlock + 1, 10))) expect(one.block == kBlock && one.missing.eligible);
}

void take_late(const ::common::Block& block, const Bytes& rw_set, World& world) {
  for (const auto& missing : must(world.kept.missing(kBlock))) {
    const auto promise = ledger::find_promise(block, missing.transaction, missing.ns, missing.collection);
    if (!promise) continue;
    const ledger::Version version{kBlock, missing.transaction};
    const auto taken = ledger::unpurged_part(*world.database, "ch", missing.ns, *promise, version, rw_set);
    if (!taken) continue;
    ::kvrwset::KVRWSet set;
    expect(wire::parse_into(*taken, set).has_value());
    ledger::WriteBatch batch;
    const ledger::MemoryState state;
    expect(ledger::add_late_private_data("ch", kBlock, {missing.transaction, missing.ns, missing.collection, *taken},
                                         {}, state, batch)
               .has_value());
    expect(world.database->write(batch, false).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static World world;
  if (size == 0) return 0;
  const bool valid = (bytes[0] & 1) == 0, keeps_invalid = (bytes[0] & 2) != 0;
  BytesView rest = fuzz::view_of(bytes + 1, size - 1), part;
  ::rwset::TxPvtReadWriteSet secret;
  if (!fuzz::take_part(rest, part) || !wire::parse_into(part, secret)) return 0;
  const ::rwset::TxReadWriteSet promised = promise_of(secret);
  ::transientstore::TxPvtReadWriteSetWithConfigInfo record;
  *record.mutable_pvt_rwset() = secret;
  const auto ledger = std::make_shared<Ledger>(world);
  Source source;
  std::vector<Bytes> late;
  const auto all_of = [&secret](std::vector<Bytes>& to) {
    for (const auto& ns : secret.ns_pvt_rwset()) {
      for (const auto& one : ns.collection_pvt_rwset()) to.push_back(one.rwset());
    }
  };
  while (fuzz::take_part(rest, part) && !part.empty()) {
    const BytesView content = part.substr(1);
    switch (static_cast<uint8_t>(part[0]) % kKinds) {
      case kRecord:
        (void)world.transient.persist("tx", kBlock, content).has_value();
        break;
      case kTrueRecord:
        expect(world.transient.persist("tx", kBlock, wire::marshal(record)).has_value());
        break;
      case kGiven:
        source.given.emplace_back(content);
        break;
      case kTrueGiven:
        all_of(source.given);
        break;
      case kLate:
        late.emplace_back(content);
        break;
      default:
        all_of(late);
    }
  }
  const Collections collections;
  commit::Committer committer(ledger, collections, metrics::disabled());
  committer.set_source(&source);
  const auto block = block_with(promised);
  commit::ValidatedBlock judged{
      block,
      {{static_cast<uint8_t>(valid ? 0 : 10), "tx", ::common::ENDORSER_TRANSACTION, nullptr, "cc"}},
      0,
      keeps_invalid};
  expect(committer.commit(std::move(judged)).has_value());
  check_stored(ledger->committed, promised, valid, valid || keeps_invalid, world);
  for (const Bytes& rw_set : late) take_late(*block, rw_set, world);
  world.forget();
  return 0;
}
