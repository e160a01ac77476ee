#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "kit/faulty_disk.h"
#include "ledger/block_reading.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "ledger/state/commit_hash.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "transientstore/transientstore.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

using test::FaultyDisk;

Bytes make_envelope(int type, const std::string& tx_id, Bytes data) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id("ch");
  header.set_tx_id(tx_id);
  header.mutable_timestamp()->set_seconds(1000);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.set_data(std::move(data));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  envelope.set_signature("signature");
  return wire::marshal(envelope);
}

Bytes make_transaction(const std::string& tx_id, Bytes results) {
  ::protos::ChaincodeAction action;
  action.set_results(std::move(results));
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  return make_envelope(::common::ENDORSER_TRANSACTION, tx_id, wire::marshal(transaction));
}

// A peer's ledgers; blocks on a disk that forgets, the database in a folder of its own.
class Ledgers : public testing::Test {
 protected:
  Ledgers() {
    std::string name = (std::filesystem::temp_directory_path() / "selvage-ledger-XXXXXX").string();
    root = ::mkdtemp(name.data());
    EXPECT_TRUE(open());
    EXPECT_TRUE(set->create(genesis()));
    ledger = set->find("ch");
  }
  ~Ledgers() override {
    ledger.reset();
    set.reset();
    std::filesystem::remove_all(root);
  }

  static ::common::Block genesis() {
    ::common::Block block = wire::make_block(0, "");
    block.mutable_data()->add_data(make_envelope(::common::CONFIG, "", "the configuration"));
    block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
    return block;
  }

  Status open() {
    ledger.reset();
    set.reset();
    LedgerSet::Settings settings;
    settings.root = root;
    settings.blocks_to_live = [](const std::string&, const std::string& collection, const StateView&) -> uint64_t {
      return collection == "short" ? 2 : 0;
    };
    SELVAGE_TRY(set, LedgerSet::open(disk, settings, metrics::disabled()));
    ledger = set->find("ch");
    return {};
  }
  // Loses the whole database, as a power failure may lose the end of its log.
  Status reopen_without_database() {
    ledger.reset();
    set.reset();
    std::filesystem::remove_all(root + "/rocks");
    return open();
  }

  // The next block, with the writes of these transactions, each key set to its value.
  BlockCommit make_commit(const std::vector<std::map<std::string, std::string>>& transactions) {
    ::common::Block block = wire::make_block(ledger->height(), ledger->blocks().last_hash());
    for (size_t i = 0; i < transactions.size(); ++i) {
      RwSetBuilder builder;
      for (const auto& [key, value] : transactions[i]) builder.add_write("cc", key, value);
      block.mutable_data()->add_data(make_transaction(tx_id(i), builder.build().public_rw_set));
    }
    return finish(block);
  }
  std::string tx_id(size_t i) const { return "tx" + std::to_string(ledger->height()) + "-" + std::to_string(i); }
  BlockCommit finish(::common::Block& block, std::vector<PrivateWrite> private_writes = {}) {
    block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
    block.mutable_metadata()->set_metadata(::common::TRANSACTIONS_FILTER,
                                           Bytes(static_cast<size_t>(block.data().data_size()), '\0'));
    auto commit = make_replay(std::make_shared<const ::common::Block>(block), *ledger->view(), {});
    EXPECT_TRUE(commit);
    commit->commit_hash = make_commit_hash(commit->codes, commit->updates, ledger->commit_hash());
    ::common::Metadata hash;
    hash.set_value(commit->commit_hash);
    block.mutable_metadata()->set_metadata(::common::COMMIT_HASH, wire::marshal(hash));
    auto again = make_replay(std::make_shared<const ::common::Block>(block), *ledger->view(), std::move(private_writes));
    EXPECT_TRUE(again);
    return *again;
  }
  std::string value(const std::string& key, const std::string& ns = "cc") {
    auto found = ledger->view()->get(ns, key);
    EXPECT_TRUE(found);
    return *found ? (*found)->value : "(none)";
  }

  std::string root;
  FaultyDisk disk;
  std::unique_ptr<LedgerSet> set;
  std::shared_ptr<Ledger> ledger;
};

TEST_F(Ledgers, HaveTheGenesisBlocksConfiguration) {
  EXPECT_EQ(ledger->height(), 1u);
  EXPECT_EQ(value(std::string(kChannelConfigKey), ""), "the configuration");
  EXPECT_EQ((*ledger->last_config_block())->header().number(), 0u);
  EXPECT_EQ(ledger->info().current_hash, wire::header_hash(genesis().header()));
  EXPECT_EQ(set->create(genesis()).error().message, "ledger [ch] already exists with state [ACTIVE]");
}

TEST_F(Ledgers, AnswerForABlockByNumberHashAndTransaction) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "1"}}, {{"b", "2"}}})));
  EXPECT_EQ(value("a"), "1");
  const auto block = ledger->block_by_hash(ledger->info().current_hash);
  ASSERT_TRUE(block);
  EXPECT_EQ((*block)->header().number(), 1u);
  const auto transaction = ledger->transaction("tx1-1");
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->envelope, (*block)->data().data(1));
  EXPECT_EQ(transaction->place.code, 0);
  EXPECT_EQ(ledger->transaction("nobody").error().message, "no such transaction ID [nobody] in index");
  EXPECT_EQ(ledger->block_by_hash("\1").error().message, "no such block hash [01] in index");
  EXPECT_FALSE(*ledger->find_transaction("tx1"));
}

TEST_F(Ledgers, AnswerWithTheFirstTransactionOfAnId) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "1"}}})));
  BlockCommit second = make_commit({{{"a", "2"}}, {{"a", "3"}}});
  second.tx_ids = {"tx1-0", "new"};
  second.codes = Bytes("\x09\x0a", 2);
  ASSERT_TRUE(ledger->commit(second));
  EXPECT_EQ((*ledger->find_transaction("tx1-0"))->block, 1u);
  EXPECT_EQ((*ledger->find_transaction("tx1-0"))->code, 0);
  EXPECT_EQ((*ledger->find_transaction("new"))->code, 10);
}

TEST_F(Ledgers, LeaveNothingOfAChannelThatCannotBeJoined) {
  ::common::Block block = wire::make_block(5, "");
  ::common::ChannelHeader header;
  header.set_channel_id("later");
  header.set_type(::common::CONFIG);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  block.mutable_data()->add_data(wire::marshal(envelope));
  EXPECT_FALSE(set->create(block));
  EXPECT_FALSE(set->find("later"));
  EXPECT_FALSE(disk.exists(root + "/chains/chains/later"));
}

TEST_F(Ledgers, KeepAViewAsItWas) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "1"}, {"b", "1"}, {"c", "1"}}})));
  const auto before = ledger->view();
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "2"}, {"d", "2"}}})));
  EXPECT_EQ((*before->get("cc", "a"))->value, "1");
  EXPECT_EQ(before->height(), 2u);
  auto range = before->range("cc", "", "");
  std::string keys;
  while (auto entry = *(*range)->next()) keys += entry->key;
  EXPECT_EQ(keys, "abc");
  range = ledger->view()->range("cc", "b", "d");
  const auto entry = *(*range)->next();
  EXPECT_EQ(entry->key, "b");
  EXPECT_EQ(entry->value.version, (Version{1, 0}));
  EXPECT_FALSE(*(*ledger->view()->range("cc", "z", "b"))->next());
}

TEST_F(Ledgers, TellTheHistoryOfAKeyNewestFirst) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "1"}}, {{"a", "2"}}})));
  ASSERT_TRUE(ledger->commit(make_commit({{{"aa", "x"}}, {{"a", "3"}}})));
  const auto history = ledger->history("cc", "a");
  std::string values;
  while (auto modification = *history->next()) {
    values += modification->value;
    EXPECT_EQ(modification->seconds, 1000);
  }
  EXPECT_EQ(values, "321");
}

TEST_F(Ledgers, RestoreStateHistoryAndIndexFromTheBlockFiles) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "1"}}, {{"b", "2"}}})));
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "3"}}})));
  const Bytes hash = ledger->commit_hash();
  ASSERT_TRUE(reopen_without_database());
  EXPECT_EQ(ledger->height(), 3u);
  EXPECT_EQ(value("a"), "3");
  EXPECT_EQ(value("b"), "2");
  EXPECT_EQ(ledger->commit_hash(), hash);
  EXPECT_TRUE(ledger->transaction("tx1-0"));
  EXPECT_EQ((*(*ledger->history("cc", "a")).next())->value, "3");
  EXPECT_TRUE(ledger->commit(make_commit({{{"a", "4"}}})));
}

TEST_F(Ledgers, SurviveACrashAtAnyWriteWithStateAndBlocksAtOneHeight) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"height", "1"}}})));
  for (uint64_t at = 0; at < 12; ++at) {
    disk.only("blockfile_");
    disk.fail_after(at % 6, FaultyDisk::Fault::kIoError);
    uint64_t acknowledged = ledger->height();
    while (ledger->commit(make_commit({{{"height", std::to_string(acknowledged)}}}))) ++acknowledged;
    EXPECT_EQ(ledger->height(), acknowledged);
    EXPECT_FALSE(ledger->commit(make_commit({{{"height", "more"}}})));
    disk.crash(at % 2 ? FaultyDisk::Tear::kPrefix : FaultyDisk::Tear::kSectors);
    ASSERT_TRUE(open());
    ASSERT_GE(ledger->height(), acknowledged);
    EXPECT_EQ(value("height"), std::to_string(ledger->height() - 1));
  }
}

TEST_F(Ledgers, RefuseStateThatIsAheadOfTheBlockFiles) {
  ASSERT_TRUE(ledger->commit(make_commit({{{"a", "1"}}})));
  ledger.reset();
  set.reset();
  ASSERT_TRUE(disk.remove_all(root + "/chains/chains/ch"));
  ASSERT_TRUE(disk.make_directories(root + "/chains/chains/ch"));
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kDataLoss);
}

TEST_F(Ledgers, RefuseADirectoryThatAnotherProcessHas) {
  LedgerSet::Settings settings;
  settings.root = root;
  const auto second = LedgerSet::open(disk, settings, metrics::disabled());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_NE(second.error().hint.find("CORE_PEER_FILESYSTEMPATH"), std::string::npos);
}

TEST_F(Ledgers, KeepPrivateDataThatNoBlockCanRestore) {
  RwSetBuilder builder;
  builder.add_private_write("cc", "coll", "key", "secret");
  const auto results = builder.build();
  ::common::Block block = wire::make_block(1, ledger->blocks().last_hash());
  block.mutable_data()->add_data(make_transaction("private", results.public_rw_set));
  const auto plain = wire::parse<::rwset::TxPvtReadWriteSet>(results.private_rw_set);
  const Bytes set_bytes = plain->ns_pvt_rwset(0).collection_pvt_rwset(0).rwset();
  BlockCommit commit = finish(block, {{0, "cc", "coll", set_bytes}});
  commit.missing.push_back({0, "cc", "other", true});
  ASSERT_TRUE(ledger->commit(commit));
  ASSERT_TRUE(open());
  EXPECT_EQ(value("key", private_namespace("cc", "coll")), "secret");
  EXPECT_EQ(value(crypto::sha256("key"), hash_namespace("cc", "coll")), crypto::sha256("secret"));
  EXPECT_EQ(**ledger->make_simulator("t")->get_private_data("cc", "coll", "key"), "secret");
  ASSERT_EQ(ledger->private_data().find(1)->size(), 1u);
  EXPECT_EQ(ledger->private_data().find(1)->front().rw_set, set_bytes);
  ASSERT_EQ(ledger->private_data().missing(1)->size(), 1u);
  EXPECT_TRUE(ledger->private_data().missing(1)->front().eligible);
  EXPECT_TRUE(ledger->private_data().find(2)->empty());
}

// Block n writes private data that lives for two blocks: it is there after n + 2 and gone after n + 3.
TEST_F(Ledgers, ForgetPrivateDataAndItsHashWhenItsBlocksAreOver) {
  const auto commit_private = [&](const std::string& key, const std::string& value) {
    RwSetBuilder builder;
    builder.add_private_write("cc", "short", key, value);
    const auto results = builder.build();
    ::common::Block block = wire::make_block(ledger->height(), ledger->blocks().last_hash());
    block.mutable_data()->add_data(make_transaction(tx_id(0), results.public_rw_set));
    const auto plain = wire::parse<::rwset::TxPvtReadWriteSet>(results.private_rw_set);
    ASSERT_TRUE(ledger->commit(finish(block, {{0, "cc", "short", plain->ns_pvt_rwset(0).collection_pvt_rwset(0).rwset()}})));
  };
  const auto hash_of = [&](const std::string& key) { return value(crypto::sha256(key), hash_namespace("cc", "short")); };
  commit_private("once", "a");
  commit_private("again", "b");
  commit_private("again", "c");
  EXPECT_EQ(value("once", private_namespace("cc", "short")), "a");
  const Bytes hash_before = ledger->commit_hash();
  BlockCommit fourth = make_commit({{{"x", "1"}}});
  EXPECT_EQ(fourth.commit_hash, make_commit_hash(fourth.codes, fourth.updates, hash_before)) << "expiry is not covered";
  ASSERT_TRUE(ledger->commit(fourth));
  EXPECT_EQ(value("once", private_namespace("cc", "short")), "(none)");
  EXPECT_EQ(hash_of("once"), "(none)");
  EXPECT_TRUE(ledger->private_data().find(1)->empty());
  ASSERT_TRUE(ledger->commit(make_commit({{{"x", "2"}}})));
  EXPECT_EQ(value("again", private_namespace("cc", "short")), "c") << "written again in block 3";
  EXPECT_EQ(hash_of("again"), crypto::sha256("c"));
  ASSERT_TRUE(open());
  ASSERT_TRUE(ledger->commit(make_commit({{{"x", "3"}}})));
  EXPECT_EQ(value("again", private_namespace("cc", "short")), "(none)");
  ASSERT_TRUE(reopen_without_database());
  EXPECT_EQ(hash_of("once"), "(none)");
  EXPECT_EQ(hash_of("again"), "(none)");
}

// Block 1 and 2 write the key, next to others; block 3 purges it, by its hash alone on a peer that missed the private set.
TEST_F(Ledgers, ForgetEveryValueOfAKeyThatIsPurged) {
  const auto commit_set = [&](RwSetBuilder& builder, bool with_private_set) {
    const auto results = builder.build();
    ::common::Block block = wire::make_block(ledger->height(), ledger->blocks().last_hash());
    block.mutable_data()->add_data(make_transaction("tx" + std::to_string(ledger->height()), results.public_rw_set));
    std::vector<PrivateWrite> writes;
    if (with_private_set) {
      const auto plain = wire::parse<::rwset::TxPvtReadWriteSet>(results.private_rw_set);
      writes.push_back({0, "cc", "coll", plain->ns_pvt_rwset(0).collection_pvt_rwset(0).rwset()});
    }
    ASSERT_TRUE(ledger->commit(finish(block, std::move(writes))));
  };
  for (const char* secret : {"first", "second"}) {
    RwSetBuilder builder;
    builder.add_private_write("cc", "coll", "key", secret);
    builder.add_private_write("cc", "coll", "other", "stays");
    commit_set(builder, true);
  }
  RwSetBuilder purge;
  purge.add_private_purge("cc", "coll", "key");
  commit_set(purge, false);
  for (const bool again : {false, true}) {
    if (again) {
      ASSERT_TRUE(open());
    }
    for (uint64_t number : {1, 2}) {
      ASSERT_EQ(ledger->private_data().find(number)->size(), 1u);
      const auto set = wire::parse<::kvrwset::KVRWSet>(ledger->private_data().find(number)->front().rw_set);
      ASSERT_EQ(set->writes_size(), 1) << "block " << number;
      EXPECT_EQ(set->writes(0).key(), "other");
    }
    EXPECT_EQ(value("key", private_namespace("cc", "coll")), "(none)");
    EXPECT_EQ(value("other", private_namespace("cc", "coll")), "stays");
  }
  RwSetBuilder builder;  // what is written after the purge is a value like any other
  builder.add_private_write("cc", "coll", "key", "third");
  commit_set(builder, true);
  EXPECT_EQ(value("key", private_namespace("cc", "coll")), "third");
  EXPECT_EQ(ledger->private_data().find(4)->size(), 1u);
}

TEST_F(Ledgers, HoldPrivateDataOfTransactionsThatAreOnTheirWay) {
  ::transientstore::TxPvtReadWriteSetWithConfigInfo info;
  info.set_endorsed_at(1);
  const Bytes bytes = wire::marshal(info);
  TransientStore& store = ledger->transient();
  ASSERT_TRUE(store.persist("tx", 5, bytes));
  ASSERT_TRUE(store.persist("tx", 5, bytes));
  ASSERT_TRUE(store.persist("tx2", 9, bytes));
  EXPECT_FALSE(store.persist("tx", 5, "\xff"));
  ASSERT_EQ(store.find("tx")->size(), 1u);
  EXPECT_EQ(store.find("tx")->front().private_rw_set, bytes);
  EXPECT_EQ(*store.lowest_height(), 5u);
  ASSERT_TRUE(store.purge_below(6));
  EXPECT_TRUE(store.find("tx")->empty());
  EXPECT_EQ(*store.lowest_height(), 9u);
  ASSERT_TRUE(store.purge({"tx2"}));
  EXPECT_EQ(store.lowest_height().error().code, Code::kNotFound);
}

}  // namespace
}  // namespace selvage::ledger
