#include "ledger/state/tx_simulator.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/rw_set.h"

namespace selvage::ledger {
namespace {

// A channel with keys a to e of chaincode cc, written by block 1, and a private key whose hash is in the state too.
class Simulation : public testing::Test {
 protected:
  Simulation() {
    for (uint64_t i = 0; i < 5; ++i) {
      state->put("cc", std::string(1, static_cast<char>('a' + i)), StateValue{"value", "", {1, i}});
    }
    state->put(private_namespace("cc", "coll"), "secret", StateValue{"hidden", "", {1, 9}});
    state->put(hash_namespace("cc", "coll"), crypto::sha256("secret"),
               StateValue{crypto::sha256("hidden"), encode_metadata({{"m", "v"}}), {1, 9}});
  }
  // The set of chaincode cc.
  ::kvrwset::KVRWSet public_set() {
    auto results = simulator.results();
    EXPECT_TRUE(results);
    auto rw_set = parse_tx_rw_set(results->public_rw_set);
    EXPECT_TRUE(rw_set);
    return rw_set->namespaces.empty() ? ::kvrwset::KVRWSet() : *rw_set->namespaces[0].kv;
  }
  static std::vector<std::string> keys_of(ResultIterator& range, size_t most = 100) {
    std::vector<std::string> keys;
    while (keys.size() < most) {
      auto next = range.next();
      EXPECT_TRUE(next);
      if (!*next) break;
      keys.push_back((*next)->key);
    }
    return keys;
  }

  std::shared_ptr<MemoryState> state = std::make_shared<MemoryState>();
  TxSimulator simulator{"tx1", state};
};

TEST_F(Simulation, DoesNotSeeItsOwnWrites) {
  ASSERT_TRUE(simulator.set_state("cc", "a", "new"));
  EXPECT_EQ(**simulator.get_state("cc", "a"), "value");
  ASSERT_TRUE(simulator.delete_state("cc", "b"));
  EXPECT_EQ(**simulator.get_state("cc", "b"), "value");
}

TEST_F(Simulation, RecordsAReadOfAKeyThatIsNotThere) {
  EXPECT_FALSE(*simulator.get_state("cc", "zzz"));
  const auto set = public_set();
  ASSERT_EQ(set.reads_size(), 1);
  EXPECT_FALSE(set.reads(0).has_version());
}

TEST_F(Simulation, RecordsARangeOnlyAsFarAsItWasRead) {
  auto partly = simulator.get_state_range("cc", "b", "e");
  ASSERT_TRUE(partly);
  EXPECT_EQ(keys_of(**partly, 2), (std::vector<std::string>{"b", "c"}));
  auto wholly = simulator.get_state_range("cc", "b", "e");
  EXPECT_EQ(keys_of(**wholly), (std::vector<std::string>{"b", "c", "d"}));
  const auto set = public_set();
  ASSERT_EQ(set.range_queries_info_size(), 2);
  EXPECT_EQ(set.range_queries_info(0).end_key(), "c");
  EXPECT_FALSE(set.range_queries_info(0).itr_exhausted());
  EXPECT_EQ(set.range_queries_info(1).end_key(), "e");
  EXPECT_TRUE(set.range_queries_info(1).itr_exhausted());
  EXPECT_EQ(set.range_queries_info(1).raw_reads().kv_reads_size(), 3);
}

TEST_F(Simulation, GivesAPageAndWhereTheNextOneStarts) {
  auto page = simulator.get_state_range("cc", "", "", 2);
  ASSERT_TRUE(page);
  EXPECT_EQ(keys_of(**page), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*page)->bookmark(), "c");
  const auto refused = simulator.set_state("cc", "x", "y");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "txid [tx1]: unsuppored transaction. Transaction has already performed a paginated query. Writes are not "
            "allowed");
}

TEST_F(Simulation, RefusesToReadPrivateDataThatIsOlderThanItsHash) {
  EXPECT_EQ(**simulator.get_private_data("cc", "coll", "secret"), "hidden");
  state->put(hash_namespace("cc", "coll"), crypto::sha256("secret"), StateValue{"other", "", {2, 0}});
  const auto stale = simulator.get_private_data("cc", "coll", "secret");
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().message,
            "private data matching public hash version is not available. Public hash version = {BlockNum: 2, TxNum: "
            "0}, Private data version = {BlockNum: 1, TxNum: 9}");
}

TEST_F(Simulation, GivesHashAndMetadataOfPrivateData) {
  EXPECT_EQ(**simulator.get_private_data_hash("cc", "coll", "secret"), crypto::sha256("hidden"));
  EXPECT_EQ(simulator.get_private_data_metadata("cc", "coll", "secret")->at("m"), "v");
}

TEST_F(Simulation, AsksWhetherTheCollectionIsDefined) {
  TxSimulator checked("tx2", state, [](const std::string&, const std::string& collection) -> Status {
    if (collection == "coll") return {};
    return fail(Code::kInvalidArgument, "no such collection");
  });
  EXPECT_TRUE(checked.set_private_data("cc", "coll", "k", "v"));
  EXPECT_FALSE(checked.set_private_data("cc", "other", "k", "v"));
  EXPECT_FALSE(checked.get_private_data_hash("cc", "other", "k"));
}

TEST_F(Simulation, ForbidsPrivateRangesAfterAWriteAndWritesAfterPrivateRanges) {
  TxSimulator writer("tx2", state);
  ASSERT_TRUE(writer.set_state("cc", "a", "b"));
  EXPECT_FALSE(writer.get_private_data_range("cc", "coll", "", ""));
  auto range = simulator.get_private_data_range("cc", "coll", "", "");
  ASSERT_TRUE(range);
  EXPECT_EQ(keys_of(**range), (std::vector<std::string>{"secret"}));
  EXPECT_FALSE(simulator.set_state("cc", "a", "b"));
}

TEST_F(Simulation, AnswersOnce) {
  EXPECT_TRUE(simulator.results());
  EXPECT_FALSE(simulator.results());
}

TEST(Version, BytesKeepTheOrder) {
  const Version versions[] = {{0, 0}, {0, 1}, {0, 255}, {0, 256}, {1, 0}, {255, 9}, {256, 0}, {~0ull, ~0ull}};
  Bytes before;
  for (const Version& version : versions) {
    const Bytes bytes = encode_version(version);
    EXPECT_LT(before, bytes);
    BytesView view = bytes;
    EXPECT_EQ(parse_version(&view), version);
    EXPECT_TRUE(view.empty());
    before = bytes;
  }
}

}  // namespace
}  // namespace selvage::ledger
