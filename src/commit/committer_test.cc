#include "commit/committer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "commit/mvcc.h"
#include "common/common.pb.h"
#include "crypto/hash.h"
#include "kit/faulty_disk.h"
#include "ledger/rwset/rwset.pb.h"
#include "ledger/state/commit_hash.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "transientstore/transientstore.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::commit {
namespace {

Bytes make_envelope(int type, const std::string& tx_id, Bytes data) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id("ch");
  header.set_tx_id(tx_id);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.set_data(std::move(data));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  return wire::marshal(envelope);
}

Bytes make_transaction(const std::string& tx_id, Bytes results) {
  ::protos::ChaincodeAction action;
  action.set_results(std::move(results));
  action.mutable_chaincode_id()->set_name("cc");
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  return make_envelope(::common::ENDORSER_TRANSACTION, tx_id, wire::marshal(transaction));
}

// This peer has the collection "ours".
class Collections final : public CollectionAccess {
 public:
  [[nodiscard]] bool is_member(const std::string&, const std::string& collection,
                               const ledger::StateView&) const override {
    return collection == "ours";
  }
};

// A channel with its genesis block, and blocks made by hand.
class Commits : public testing::Test {
 protected:
  Commits() {
    std::string name = (std::filesystem::temp_directory_path() / "selvage-commit-XXXXXX").string();
    root = ::mkdtemp(name.data());
    ledger::LedgerSet::Settings settings;
    settings.root = root;
    set = std::move(*ledger::LedgerSet::open(disk, settings, metrics::disabled()));
    ::common::Block genesis = wire::make_block(0, "");
    genesis.mutable_data()->add_data(make_envelope(::common::CONFIG, "", "configuration"));
    genesis.mutable_header()->set_data_hash(wire::data_hash(genesis.data()));
    ledger = *set->create(genesis);
    committer = std::make_unique<Committer>(ledger, collections, metrics::disabled());
  }
  ~Commits() override {
    committer.reset();
    ledger.reset();
    set.reset();
    std::filesystem::remove_all(root);
  }

  // A transaction of the next block.
  template <class Chaincode>
  ledger::SimulationResults add(const std::string& tx_id, const Chaincode& chaincode) {
    auto simulator = ledger->make_simulator(tx_id);
    chaincode(*simulator);
    auto results = simulator->results();
    add_bytes(tx_id, make_transaction(tx_id, results->public_rw_set), ::common::ENDORSER_TRANSACTION);
    return *results;
  }
  void add_bytes(const std::string& tx_id, const Bytes& envelope, int type) {
    next.mutable_data()->add_data(envelope);
    transactions.push_back({kValid, tx_id, type, nullptr, "cc"});
  }
  void keep_private(const std::string& tx_id, const ledger::SimulationResults& results) {
    ::transientstore::TxPvtReadWriteSetWithConfigInfo info;
    ASSERT_TRUE(info.mutable_pvt_rwset()->ParseFromString(results.private_rw_set));
    ASSERT_TRUE(ledger->transient().persist(tx_id, ledger->height(), wire::marshal(info)));
  }
  Status commit() {
    auto block = std::make_shared<::common::Block>(wire::make_block(ledger->height(), ledger->blocks().last_hash()));
    *block->mutable_data() = std::move(*next.mutable_data());
    next.Clear();
    block->mutable_header()->set_data_hash(wire::data_hash(block->data()));
    ValidatedBlock validated{std::move(block), std::move(transactions), 0, keeps_invalid};
    transactions.clear();
    return committer->commit(std::move(validated));
  }
  std::vector<int> codes(uint64_t number) {
    const auto block = *ledger->blocks().block(number);
    std::vector<int> codes;
    for (const char code : block->metadata().metadata(::common::TRANSACTIONS_FILTER)) codes.push_back(code);
    return codes;
  }
  static Bytes hash_in(const ::common::Block& block) {
    return wire::metadata_of(block, ::common::COMMIT_HASH)->value();
  }

  std::string root;
  test::FaultyDisk disk;
  Collections collections;
  std::unique_ptr<ledger::LedgerSet> set;
  std::shared_ptr<ledger::Ledger> ledger;
  std::unique_ptr<Committer> committer;
  ::common::Block next;
  std::vector<ValidatedTransaction> transactions;
  bool keeps_invalid = true;
};

// Has nothing, and notes what it was asked for.
class EmptySource final : public PrivateDataSource {
 public:
  void fetch(const std::string&, uint64_t, std::vector<WantedPrivateData> wanted, const ledger::StateView&,
             const std::function<bool(const WantedPrivateData&, const Bytes&)>&) override {
    for (const auto& one : wanted) asked.push_back(one.tx_id);
  }
  std::vector<std::string> asked;
};

using Codes = std::vector<int>;

TEST_F(Commits, ChainTheCommitHashFromBlockOneOn) {
  EXPECT_TRUE(ledger->commit_hash().empty());
  add("a", [](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", "k", "1")); });
  ASSERT_TRUE(commit());
  ledger::UpdateBatch updates;
  updates.public_updates["cc"]["k"] = {"1", "", {1, 0}};
  const Bytes first = ledger::make_commit_hash(Bytes(1, '\0'), updates, "");
  EXPECT_EQ(hash_in(**ledger->blocks().block(1)), first);
  add("b", [](auto& simulator) { ASSERT_TRUE(simulator.delete_state("cc", "k")); });
  ASSERT_TRUE(commit());
  updates.public_updates["cc"]["k"] = {std::nullopt, "", {2, 0}};
  EXPECT_EQ(hash_in(**ledger->blocks().block(2)), ledger::make_commit_hash(Bytes(1, '\0'), updates, first));
}

TEST_F(Commits, GiveEachTransactionItsCodeAndTellListeners) {
  std::vector<CommitNotice> notices;
  uint64_t height_when_told = 0;
  const auto subscription = committer->subscribe([&](const CommitNotice& notice) {
    notices.push_back(notice);
    height_when_told = ledger->height();
  });
  add("writes", [](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", "k", "1")); });
  add("reads", [](auto& simulator) {
    ASSERT_TRUE(simulator.get_state("cc", "k"));
    ASSERT_TRUE(simulator.set_state("cc", "other", "1"));
  });
  add("refused", [](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", "third", "1")); });
  transactions.back().code = 10;
  ASSERT_TRUE(commit());
  EXPECT_EQ(codes(1), (Codes{0, kMvccReadConflict, 10}));
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(height_when_told, 2u);
  EXPECT_EQ(notices[0].transactions[1].tx_id, "reads");
  EXPECT_EQ(notices[0].transactions[1].code, kMvccReadConflict);
  EXPECT_EQ(notices[0].namespaces, (std::vector<std::string>{"cc"}));
  EXPECT_FALSE(notices[0].config);
  EXPECT_FALSE(*ledger->view()->get("cc", "third"));
  EXPECT_EQ((*ledger->find_transaction("refused"))->code, 10);
}

TEST_F(Commits, TellOfAConfiguration) {
  bool config = false;
  const auto subscription = committer->subscribe([&](const CommitNotice& notice) { config = notice.config; });
  add_bytes("", make_envelope(::common::CONFIG, "", "next configuration"), ::common::CONFIG);
  ASSERT_TRUE(commit());
  EXPECT_TRUE(config);
  EXPECT_EQ((*ledger->last_config_block())->header().number(), 1u);
}

TEST_F(Commits, TakePrivateDataFromTheTransientStore) {
  const auto results = add("p", [](auto& simulator) {
    ASSERT_TRUE(simulator.set_private_data("cc", "ours", "key", "secret"));
    ASSERT_TRUE(simulator.set_private_data("cc", "theirs", "key", "not for us"));
  });
  keep_private("p", results);
  ASSERT_TRUE(commit());
  EXPECT_EQ(codes(1), (Codes{0}));
  EXPECT_EQ((*ledger->view()->get(ledger::private_namespace("cc", "ours"), "key"))->value, "secret");
  EXPECT_FALSE(*ledger->view()->get(ledger::private_namespace("cc", "theirs"), "key"));
  EXPECT_EQ((*ledger->view()->get(ledger::hash_namespace("cc", "theirs"), crypto::sha256("key")))->value,
            crypto::sha256("not for us"));
  const auto missing = *ledger->private_data().missing(1);
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0].collection, "theirs");
  EXPECT_FALSE(missing[0].eligible);
  EXPECT_TRUE(ledger->transient().find("p")->empty());
}

TEST_F(Commits, GoOnWithoutPrivateDataThatIsMissingOrNotWhatWasPromised) {
  add("absent", [](auto& simulator) { ASSERT_TRUE(simulator.set_private_data("cc", "ours", "a", "secret")); });
  add("forged", [](auto& simulator) { ASSERT_TRUE(simulator.set_private_data("cc", "ours", "b", "secret")); });
  auto other = ledger->make_simulator("forged");
  ASSERT_TRUE(other->set_private_data("cc", "ours", "b", "another"));
  keep_private("forged", *other->results());
  ASSERT_TRUE(commit());
  EXPECT_EQ(codes(1), (Codes{0, 0}));
  EXPECT_EQ(ledger->private_data().missing(1)->size(), 2u);
  EXPECT_TRUE(ledger->private_data().missing(1)->front().eligible);
  EXPECT_FALSE(*ledger->view()->get(ledger::private_namespace("cc", "ours"), "b"));
  EXPECT_TRUE(*ledger->view()->get(ledger::hash_namespace("cc", "ours"), crypto::sha256("b")));
}

TEST_F(Commits, KeepPrivateDataOfInvalidTransactionsAndApplyNothingOfIt) {
  const auto results = add("refused", [](auto& simulator) {
    ASSERT_TRUE(simulator.set_private_data("cc", "ours", "key", "secret"));
  });
  keep_private("refused", results);
  transactions.back().code = 10;
  ASSERT_TRUE(commit());
  ASSERT_EQ(ledger->private_data().find(1)->size(), 1u);
  EXPECT_TRUE(ledger->private_data().missing(1)->empty());
  EXPECT_FALSE(*ledger->view()->get(ledger::private_namespace("cc", "ours"), "key"));
  EXPECT_FALSE(*ledger->view()->get(ledger::hash_namespace("cc", "ours"), crypto::sha256("key")));
  EXPECT_TRUE(ledger->transient().find("refused")->empty());  // it is kept where it belongs now
}

TEST_F(Commits, KeepNoPrivateDataOfInvalidTransactionsWithoutTheCapability) {
  keeps_invalid = false;
  const auto results = add("refused", [](auto& simulator) {
    ASSERT_TRUE(simulator.set_private_data("cc", "ours", "key", "secret"));
  });
  keep_private("refused", results);
  transactions.back().code = 10;
  ASSERT_TRUE(commit());
  EXPECT_TRUE(ledger->private_data().find(1)->empty());
  EXPECT_TRUE(ledger->private_data().missing(1)->empty());
}

// What MVCC refuses is asked for in any case: nobody knew of it before the block.
TEST_F(Commits, AskForPrivateDataOfRefusedTransactionsUnlessToldOtherwise) {
  EmptySource source;
  committer->set_source(&source);
  for (const bool pull : {true, false}) {
    committer->set_pull_invalid(pull);
    const std::string turn = pull ? "1" : "2";
    add("writes" + turn, [&](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", "k", turn)); });
    add("late" + turn, [](auto& simulator) {
      ASSERT_TRUE(simulator.get_state("cc", "k"));
      ASSERT_TRUE(simulator.set_private_data("cc", "ours", "a", "secret"));
    });
    add("refused" + turn, [](auto& simulator) { ASSERT_TRUE(simulator.set_private_data("cc", "ours", "b", "secret")); });
    transactions.back().code = 10;
    ASSERT_TRUE(commit());
  }
  EXPECT_EQ(codes(2), (Codes{0, kMvccReadConflict, 10}));
  EXPECT_EQ(source.asked, (std::vector<std::string>{"late1", "refused1", "late2"}));
  EXPECT_EQ(ledger->private_data().wanted(3, 10)->size(), 4u) << "all of it may still come";
}

TEST_F(Commits, RefuseABlockThatIsNotNext) {
  auto block = std::make_shared<::common::Block>(wire::make_block(5, ""));
  EXPECT_EQ(committer->commit({std::move(block), {}, 0}).error().code, Code::kInvalidArgument);
}

TEST_F(Commits, AcknowledgeNothingThatDidNotReachTheDisk) {
  bool told = false;
  const auto subscription = committer->subscribe([&](const CommitNotice&) { told = true; });
  disk.fail_after(0, test::FaultyDisk::Fault::kNoSpace);
  add("a", [](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", "k", "1")); });
  EXPECT_FALSE(commit());
  EXPECT_FALSE(told);
  EXPECT_EQ(ledger->height(), 1u);
  EXPECT_FALSE(*ledger->view()->get("cc", "k"));
  add("b", [](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", "k", "1")); });
  EXPECT_FALSE(commit());
}

}  // namespace
}  // namespace selvage::commit
