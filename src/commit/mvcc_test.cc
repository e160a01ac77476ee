#include "commit/mvcc.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/rw_set_builder.h"
#include "ledger/state/tx_simulator.h"

namespace selvage::commit {
namespace {

using ledger::hash_namespace;
using ledger::StateValue;
using ledger::Version;

// A block whose transactions were simulated against a state with keys k00 to k99; all good until a test spoils one thing.
class Block : public testing::Test {
 protected:
  Block() {
    for (uint64_t i = 0; i < 100; ++i) state->put("cc", key(i), StateValue{"v", "", {1, i}});
    state->put(hash_namespace("cc", "coll"), crypto::sha256("secret"), StateValue{"hash", "", {1, 0}});
  }
  static std::string key(uint64_t number) { return std::string("k") + (number < 10 ? "0" : "") + std::to_string(number); }

  template <class Chaincode>
  void add(const Chaincode& chaincode) {
    ledger::TxSimulator simulator("tx", state);
    chaincode(simulator);
    auto rw_set = ledger::parse_tx_rw_set(simulator.results()->public_rw_set);
    transactions.push_back({kValid, std::make_shared<const ledger::TxRwSet>(std::move(*rw_set))});
  }
  void add_range(const std::string& start, const std::string& end, size_t most = 1000) {
    add([&](auto& simulator) {
      auto range = simulator.get_state_range("cc", start, end);
      for (size_t i = 0; i < most; ++i) {
        if (!*(*range)->next()) break;
      }
    });
  }
  void add_write(const std::string& name) {
    add([&](auto& simulator) { ASSERT_TRUE(simulator.set_state("cc", name, "new")); });
  }
  void add_delete(const std::string& name) {
    add([&](auto& simulator) { ASSERT_TRUE(simulator.delete_state("cc", name)); });
  }
  std::vector<int> codes() {
    auto checked = check_and_apply(2, transactions, *state);
    EXPECT_TRUE(checked);
    batch = std::move(*checked);
    std::vector<int> codes;
    for (const auto& transaction : transactions) codes.push_back(transaction.code);
    return codes;
  }

  std::shared_ptr<ledger::MemoryState> state = std::make_shared<ledger::MemoryState>();
  std::vector<MvccTransaction> transactions;
  ledger::UpdateBatch batch;
};

using Codes = std::vector<int>;

TEST_F(Block, TransactionsThatReadWhatIsThereStand) {
  add([](auto& simulator) {
    ASSERT_TRUE(simulator.get_state("cc", "k00"));
    ASSERT_TRUE(simulator.get_state("cc", "absent"));
    ASSERT_TRUE(simulator.get_private_data_hash("cc", "coll", "secret"));
    ASSERT_TRUE(simulator.set_state("cc", "k00", "new"));
  });
  add_write("k00");  // writes without reading
  EXPECT_EQ(codes(), (Codes{0, 0}));
  EXPECT_EQ(batch.find_public("cc", "k00")->version, (Version{2, 1}));
}

TEST_F(Block, AReadOfAKeyThatChangedSinceConflicts) {
  add([](auto& simulator) { ASSERT_TRUE(simulator.get_state("cc", "k00")); });
  state->put("cc", "k00", StateValue{"v", "", {1, 77}});
  EXPECT_EQ(codes(), (Codes{kMvccReadConflict}));
}

TEST_F(Block, AReadOfAKeyThatAppearedSinceConflicts) {
  add([](auto& simulator) { ASSERT_TRUE(simulator.get_state("cc", "absent")); });
  state->put("cc", "absent", StateValue{"v", "", {1, 77}});
  EXPECT_EQ(codes(), (Codes{kMvccReadConflict}));
}

TEST_F(Block, AReadOfAKeyThatAnEarlierTransactionOfTheBlockWroteConflicts) {
  add_write("k00");
  add([](auto& simulator) { ASSERT_TRUE(simulator.get_state("cc", "k00")); });
  add_delete("absent");
  add([](auto& simulator) { ASSERT_TRUE(simulator.get_state("cc", "absent")); });
  EXPECT_EQ(codes(), (Codes{0, kMvccReadConflict, 0, kMvccReadConflict}));
}

TEST_F(Block, WritesOfAnInvalidTransactionDoNotCount) {
  add_write("k00");
  transactions[0].code = 10;
  add([](auto& simulator) { ASSERT_TRUE(simulator.get_state("cc", "k00")); });
  EXPECT_EQ(codes(), (Codes{10, 0}));
  EXPECT_EQ(batch.find_public("cc", "k00"), nullptr);
}

TEST_F(Block, AHashedReadConflictsLikeAnother) {
  const auto read = [](auto& simulator) { ASSERT_TRUE(simulator.get_private_data_hash("cc", "coll", "secret")); };
  add(read);
  add([](auto& simulator) { ASSERT_TRUE(simulator.set_private_data("cc", "coll", "secret", "new")); });
  add(read);
  EXPECT_EQ(codes(), (Codes{0, 0, kMvccReadConflict}));
}

TEST_F(Block, ARangeStandsWhenOnlyKeysOutsideOfItChange) {
  add_write("k30");  // the end is not in it
  add_write("k09x");
  add_range("k10", "k30");
  add_range("", "");
  EXPECT_EQ(codes(), (Codes{0, 0, 0, kPhantomReadConflict}));
}

TEST_F(Block, ARangeConflictsWithAnInsertedAChangedAndADeletedKey) {
  for (const auto& spoil : {std::string("k15x"), std::string("k15"), std::string("-k15")}) {
    transactions.clear();
    if (spoil[0] == '-') {
      add_delete(spoil.substr(1));
    } else {
      add_write(spoil);
    }
    add_range("k10", "k20");
    EXPECT_EQ(codes(), (Codes{0, kPhantomReadConflict})) << spoil;
  }
}

TEST_F(Block, ARangeReadInPartCoversItsLastKeyAndNoMore) {
  add_write("k12x");
  add_range("k10", "k20", 3);  // k10, k11, k12
  add_write("k12");
  add_range("k10", "k20", 3);
  EXPECT_EQ(codes(), (Codes{0, 0, 0, kPhantomReadConflict}));
}

TEST_F(Block, ALongRangeIsComparedByItsHashes) {
  add_range("", "");
  EXPECT_TRUE(transactions[0].rw_set->namespaces[0].kv->range_queries_info(0).has_reads_merkle_hashes());
  EXPECT_EQ(codes(), (Codes{0}));
  for (const char* spoil : {"k00", "k75", "k99x"}) {
    transactions.clear();
    add_write(spoil);
    add_range("", "");
    EXPECT_EQ(codes(), (Codes{0, kPhantomReadConflict})) << spoil;
  }
  transactions.clear();
  add_delete("k99");
  add_range("", "");
  EXPECT_EQ(codes(), (Codes{0, kPhantomReadConflict}));
}

TEST_F(Block, ASummaryNoTreeCanHaveConflicts) {
  auto kv = std::make_shared<::kvrwset::KVRWSet>();
  kv->add_range_queries_info()->mutable_reads_merkle_hashes()->set_max_degree(1);
  ledger::TxRwSet rw_set;
  rw_set.namespaces.push_back({"cc", kv, {}});
  transactions.push_back({kValid, std::make_shared<const ledger::TxRwSet>(rw_set)});
  EXPECT_EQ(codes(), (Codes{kPhantomReadConflict}));
}

}  // namespace
}  // namespace selvage::commit
