#include "ledger/state/update_batch.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/rw_set_builder.h"

namespace selvage::ledger {
namespace {

TxRwSet parse(const RwSetBuilder& builder) {
  auto rw_set = parse_tx_rw_set(builder.build().public_rw_set);
  EXPECT_TRUE(rw_set);
  return *rw_set;
}

// A state with one key, which has a value and metadata.
struct State : MemoryState {
  State() { put("cc", "key", StateValue{"value", encode_metadata({{"policy", "p"}}), {1, 0}}); }
};

TEST(UpdateBatch, AWriteOfAValueKeepsTheMetadata) {
  State state;
  UpdateBatch batch;
  RwSetBuilder builder;
  builder.add_write("cc", "key", "new");
  ASSERT_TRUE(apply_tx_rw_set(parse(builder), {2, 0}, state, batch));
  EXPECT_EQ(*batch.find_public("cc", "key")->value, "new");
  EXPECT_EQ(batch.find_public("cc", "key")->metadata, encode_metadata({{"policy", "p"}}));
}

TEST(UpdateBatch, AWriteOfMetadataKeepsTheValueAndChangesTheVersion) {
  State state;
  UpdateBatch batch;
  RwSetBuilder builder;
  builder.add_metadata_write("cc", "key", {});
  builder.add_metadata_write("cc", "absent", {{"policy", "p"}});
  ASSERT_TRUE(apply_tx_rw_set(parse(builder), {2, 3}, state, batch));
  EXPECT_EQ(*batch.find_public("cc", "key")->value, "value");
  EXPECT_EQ(batch.find_public("cc", "key")->metadata, "");
  EXPECT_EQ(batch.find_public("cc", "key")->version, (Version{2, 3}));
  EXPECT_EQ(batch.find_public("cc", "absent"), nullptr);
}

TEST(UpdateBatch, MetadataOfAKeyDeletedEarlierInTheBlockIsDropped) {
  State state;
  UpdateBatch batch;
  RwSetBuilder deletes, sets;
  deletes.add_write("cc", "key", std::nullopt);
  sets.add_metadata_write("cc", "key", {{"policy", "q"}});
  ASSERT_TRUE(apply_tx_rw_set(parse(deletes), {2, 0}, state, batch));
  ASSERT_TRUE(apply_tx_rw_set(parse(sets), {2, 1}, state, batch));
  EXPECT_FALSE(batch.find_public("cc", "key")->value);
  EXPECT_EQ(batch.find_public("cc", "key")->version, (Version{2, 0}));
}

TEST(UpdateBatch, AnEmptyValueDeletesInPublicAndInHashes) {
  State state;
  UpdateBatch batch;
  auto kv = std::make_shared<::kvrwset::KVRWSet>();
  kv->add_writes()->set_key("key");
  auto hashed = std::make_shared<::kvrwset::HashedRWSet>();
  hashed->add_hashed_writes()->set_key_hash("h");
  hashed->mutable_hashed_writes(0)->set_value_hash(crypto::sha256(""));
  TxRwSet rw_set;
  rw_set.namespaces.push_back({"cc", kv, {{"coll", hashed, ""}}});
  ASSERT_TRUE(apply_tx_rw_set(rw_set, {2, 0}, state, batch));
  EXPECT_FALSE(batch.find_public("cc", "key")->value);
  EXPECT_FALSE(batch.find_hashed("cc", "coll", "h")->value);
}

TEST(UpdateBatch, PrivateValuesFollowTheVersionOfAMetadataUpdate) {
  State state;
  state.put(private_namespace("cc", "coll"), "k", StateValue{"secret", "", {1, 0}});
  state.put(hash_namespace("cc", "coll"), crypto::sha256("k"), StateValue{crypto::sha256("secret"), "", {1, 0}});
  RwSetBuilder builder;
  builder.add_hashed_metadata_write("cc", "coll", "k", {{"policy", "p"}});
  UpdateBatch batch;
  ASSERT_TRUE(apply_tx_rw_set(parse(builder), {2, 0}, state, batch));
  ::kvrwset::KVRWSet plain;
  plain.add_metadata_writes()->set_key("k");
  ASSERT_TRUE(apply_private_rw_set("cc", "coll", plain.SerializeAsString(), {2, 0}, batch));
  ASSERT_TRUE(finish_private_updates(state, batch));
  const auto& keys = batch.private_updates[{"cc", "coll"}];
  ASSERT_TRUE(keys.contains("k"));
  EXPECT_EQ(*keys.at("k").value, "secret");
  EXPECT_EQ(keys.at("k").version, (Version{2, 0}));
}

}  // namespace
}  // namespace selvage::ledger
