#include "ledger/private/late.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "kit/faulty_disk.h"
#include "ledger/block_reading.h"
#include "ledger/ledger.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "ledger/state/rw_set_builder.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

constexpr char kConflict = 11;  // MVCC_READ_CONFLICT

Bytes make_envelope(int type, Bytes data) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id("ch");
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.set_data(std::move(data));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  return wire::marshal(envelope);
}

Bytes make_transaction(Bytes results) {
  ::protos::ChaincodeAction action;
  action.set_results(std::move(results));
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  return make_envelope(::common::ENDORSER_TRANSACTION, wire::marshal(transaction));
}

// A peer's ledger whose blocks come without their private data. What block n wrote into "short" goes with block n + 3.
// A write to "definition" of namespace "cc" is a definition of that chaincode: its value is the package; "joined" makes the
// peer a member of "foreign".
class LateData : public testing::Test {
 protected:
  LateData() {
    std::string name = (std::filesystem::temp_directory_path() / "selvage-late-XXXXXX").string();
    root = ::mkdtemp(name.data());
    open();
    ::common::Block genesis = wire::make_block(0, "");
    genesis.mutable_data()->add_data(make_envelope(::common::CONFIG, "the configuration"));
    genesis.mutable_header()->set_data_hash(wire::data_hash(genesis.data()));
    ledger = *set->create(genesis);
  }
  ~LateData() override {
    ledger.reset();
    set.reset();
    std::filesystem::remove_all(root);
  }
  void open() {
    LedgerSet::Settings settings;
    settings.root = root;
    settings.blocks_to_live = [](const std::string&, const std::string& collection, const StateView&) -> uint64_t {
      return collection == "short" ? 2 : 0;
    };
    settings.definition_changes = [](const UpdateBatch& updates, const StateView&) {
      Result<std::vector<DefinitionChange>> changes({});
      if (const Update* update = updates.find_public("cc", "definition")) {
        changes->push_back({"cc", *update->value, {}});
        if (*update->value == "joined") changes->back().newly_ours = {"foreign"};
      }
      return changes;
    };
    set = std::move(*LedgerSet::open(disk, settings, metrics::disabled()));
    ledger = set->find("ch");
  }
  // Without database the state is made of the block files again.
  void reopen(bool without_database) {
    ledger.reset();
    set.reset();
    if (without_database) std::filesystem::remove_all(root + "/rocks");
    open();
  }

  // The next block, of one transaction.
  void commit_block(const SimulationResults& results, std::vector<MissingPrivateData> missing, char code = '\0') {
    ::common::Block block = wire::make_block(ledger->height(), ledger->blocks().last_hash());
    block.mutable_data()->add_data(make_transaction(results.public_rw_set));
    block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
    block.mutable_metadata()->set_metadata(::common::TRANSACTIONS_FILTER, Bytes(1, code));
    auto commit = make_replay(std::make_shared<const ::common::Block>(block), *ledger->view(), {});
    EXPECT_TRUE(commit);
    commit->missing = std::move(missing);
    EXPECT_TRUE(ledger->commit(*commit));
  }
  void define(const std::string& package) {
    RwSetBuilder builder;
    builder.add_write("cc", "definition", package);
    commit_block(builder.build(), {});
  }
  // A block that writes one private key; what its private set is. This peer is no member of "foreign".
  Bytes commit(const std::string& collection, const std::string& key, const std::string& value, char code = '\0') {
    RwSetBuilder builder;
    builder.add_private_write("cc", collection, key, value.empty() ? std::nullopt : std::optional<Bytes>(value));
    const auto results = builder.build();
    commit_block(results, {{0, "cc", collection, collection != "foreign"}}, code);
    const auto plain = wire::parse<::rwset::TxPvtReadWriteSet>(results.private_rw_set);
    return plain->ns_pvt_rwset(0).collection_pvt_rwset(0).rwset();
  }
  Status come(uint64_t block, const Bytes& rw_set, const std::string& collection = "coll") {
    return ledger->add_late(block, {0, "cc", collection, rw_set});
  }
  std::string value(const std::string& key, const std::string& collection = "coll") {
    const auto found = ledger->view()->get(private_namespace("cc", collection), key);
    return found && *found ? (*found)->value : "(none)";
  }
  size_t kept(uint64_t block) { return ledger->private_data().find(block)->size(); }
  std::string collections_below(uint64_t block, const std::string& chaincode = "cc") {
    const auto found = ledger->collections_below(block, chaincode);
    return !found ? to_string(found.error()) : *found ? **found : "(none)";
  }
  size_t wanted() { return ledger->private_data().wanted(ledger->height(), 100)->size(); }

  std::string root;
  test::FaultyDisk disk;
  std::unique_ptr<LedgerSet> set;
  std::shared_ptr<Ledger> ledger;
};

TEST_F(LateData, IsInStateAndNoMoreWantedOnceItCame) {
  const Bytes rw_set = commit("coll", "key", "secret");
  EXPECT_EQ(value("key"), "(none)");
  EXPECT_EQ(wanted(), 1u);
  ASSERT_TRUE(come(1, rw_set));
  EXPECT_EQ(value("key"), "secret");
  EXPECT_EQ(kept(1), 1u);
  EXPECT_EQ(wanted(), 0u);
  EXPECT_TRUE(ledger->private_data().missing(1)->empty());
  const auto plain = *ledger->view()->get(private_namespace("cc", "coll"), "key");
  EXPECT_EQ(plain->version.block, 1u) << "the version that its hash has";
}

TEST_F(LateData, MustBeWhatItsBlockPromised) {
  commit("coll", "key", "secret");
  const Bytes other = commit("coll", "key", "another");
  EXPECT_FALSE(come(1, other));
  EXPECT_FALSE(come(1, "garbage"));
  EXPECT_FALSE(ledger->add_late(2, {7, "cc", "coll", other})) << "no such transaction";
  EXPECT_FALSE(ledger->add_late(2, {0, "cc", "unknown", other}));
  EXPECT_FALSE(come(9, other)) << "no such block";
  EXPECT_EQ(wanted(), 2u);
  EXPECT_EQ(kept(1) + kept(2), 0u);
}

TEST_F(LateData, DoesNotSetAKeyBackThatWasWrittenSince) {
  const Bytes first = commit("coll", "key", "old");
  const Bytes second = commit("coll", "key", "new");
  ASSERT_TRUE(come(2, second));
  ASSERT_TRUE(come(1, first));
  EXPECT_EQ(value("key"), "new");
  EXPECT_EQ(kept(1), 1u) << "a member may ask us for it";
}

TEST_F(LateData, TakesAwayAnOlderValueThatWasDeletedMeanwhile) {
  const Bytes first = commit("coll", "key", "old");
  const Bytes deletion = commit("coll", "key", "");
  ASSERT_TRUE(come(1, first));
  EXPECT_EQ(value("key"), "(none)") << "its hash is gone";
  ASSERT_TRUE(come(2, deletion));
  EXPECT_EQ(value("key"), "(none)");
}

TEST_F(LateData, OfATransactionThatIsNotValidIsKeptAndNotApplied) {
  const Bytes refused = commit("coll", "key", "secret", kConflict);
  ASSERT_TRUE(come(1, refused));
  EXPECT_EQ(value("key"), "(none)");
  EXPECT_EQ(kept(1), 1u);
}

TEST_F(LateData, GoesWhenItsBlocksAreOver) {
  const Bytes valid = commit("short", "key", "secret");
  const Bytes refused = commit("short", "other", "secret", kConflict);
  ASSERT_TRUE(come(1, valid, "short"));
  ASSERT_TRUE(come(2, refused, "short"));
  EXPECT_EQ(value("key", "short"), "secret");
  commit("coll", "x", "1");
  EXPECT_EQ(value("key", "short"), "secret");
  commit("coll", "x", "2");  // block 4 is 1 + 2 + 1
  EXPECT_EQ(value("key", "short"), "(none)");
  EXPECT_EQ(kept(1), 0u);
  EXPECT_EQ(kept(2), 1u);
  commit("coll", "x", "3");
  EXPECT_EQ(kept(2), 0u) << "of the refused one too";
}

TEST_F(LateData, ThatComesWhenItsBlocksAreOverIsNotKept) {
  const Bytes rw_set = commit("short", "key", "secret");
  for (const char* number : {"2", "3", "4", "5"}) commit("coll", "x", number);
  const size_t others = 4;
  static_cast<void>(come(1, rw_set, "short"));
  EXPECT_EQ(kept(1), 0u);
  EXPECT_EQ(value("key", "short"), "(none)");
  EXPECT_EQ(wanted(), others);
}

// Blocks 1 and 2 write "key" and "other", block 3 purges "key". The sets of 1 and 2 come after that.
TEST_F(LateData, ComesWithoutTheKeysThatWerePurgedSince) {
  const auto write_both = [&](const std::string& value) {
    RwSetBuilder builder;
    builder.add_private_write("cc", "coll", "key", value);
    builder.add_private_write("cc", "coll", "other", value);
    const auto results = builder.build();
    commit_block(results, {{0, "cc", "coll", true}});
    return wire::parse<::rwset::TxPvtReadWriteSet>(results.private_rw_set)->ns_pvt_rwset(0).collection_pvt_rwset(0).rwset();
  };
  const Bytes first = write_both("1"), second = write_both("2");
  ::kvrwset::KVRWSet trimmed = *wire::parse<::kvrwset::KVRWSet>(second);
  trimmed.mutable_writes()->DeleteSubrange(0, 1);
  EXPECT_EQ(come(2, wire::marshal(trimmed)).error().message, "Only subset of expected keys present")
      << "from a peer that has seen the purge, to one that has not";
  RwSetBuilder purge;
  purge.add_private_purge("cc", "coll", "key");
  commit_block(purge.build(), {{0, "cc", "coll", true}});

  ASSERT_TRUE(come(1, first)) << "whole, from a peer that has not seen the purge";
  ASSERT_TRUE(come(2, wire::marshal(trimmed)));
  for (uint64_t block : {1, 2}) {
    const auto writes = *ledger->private_data().find(block);
    ASSERT_EQ(writes.size(), 1u);
    const auto set = wire::parse<::kvrwset::KVRWSet>(writes[0].rw_set);
    ASSERT_EQ(set->writes_size(), 1) << "block " << block;
    EXPECT_EQ(set->writes(0).key(), "other");
  }
  EXPECT_EQ(value("other"), "2");
  EXPECT_EQ(value("key"), "(none)");

  trimmed.mutable_writes(0)->set_value("forged");
  EXPECT_EQ(come(2, wire::marshal(trimmed)).error().message, "Hash mismatched");
  ASSERT_TRUE(come(3, "")) << "of the purge itself nothing is left";
  EXPECT_EQ(wanted(), 0u);
  const Bytes after = write_both("3");
  EXPECT_EQ(come(4, first).error().message, "Hash mismatched");
  ASSERT_TRUE(come(4, after));
  EXPECT_EQ(value("key"), "3") << "what is written after the purge is a value like any other";
}

TEST_F(LateData, IsWantedOnceThePeerBecomesAMember) {
  const Bytes before = commit("foreign", "key", "secret");
  commit("another", "key", "secret");
  EXPECT_EQ(wanted(), 1u) << "of the other collection";
  define("as before");
  EXPECT_EQ(wanted(), 1u);
  define("joined");
  EXPECT_EQ(wanted(), 2u);
  EXPECT_TRUE(ledger->private_data().missing(1)->at(0).eligible);
  commit("foreign", "other", "secret");
  EXPECT_EQ(wanted(), 2u) << "of a later block the committer says whose it is";
  ASSERT_TRUE(come(1, before, "foreign"));
  EXPECT_EQ(value("key", "foreign"), "secret");
  EXPECT_EQ(wanted(), 1u);
  reopen(false);
  EXPECT_EQ(wanted(), 1u);
}

TEST_F(LateData, IsJudgedByTheDefinitionOfItsTime) {
  commit("coll", "key", "1");  // block 1
  define("first");             // 2
  commit("coll", "key", "2");
  define("second");  // 4
  for (const bool rebuilt : {false, true}) {
    EXPECT_EQ(collections_below(0), "(none)");
    EXPECT_EQ(collections_below(2), "(none)") << "a block is under the definition before it";
    EXPECT_EQ(collections_below(3), "first");
    EXPECT_EQ(collections_below(4), "first");
    EXPECT_EQ(collections_below(5), "second");
    EXPECT_EQ(collections_below(1000), "second");
    EXPECT_EQ(collections_below(5, "c"), "(none)");
    EXPECT_EQ(collections_below(5, "cc2"), "(none)");
    reopen(!rebuilt);
  }
}

}  // namespace
}  // namespace selvage::ledger
