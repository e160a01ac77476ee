// Golden values come from running Fabric v3.1.5's rwsetutil and txmgr over the same input.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/commit_hash.h"
#include "ledger/state/range_query.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/rw_set_builder.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

std::string key_name(int number) { return fmt::format("key{:05}", number); }

::kvrwset::RangeQueryInfo make_query(int results) {
  RangeReads reads;
  for (int i = 0; i < results; ++i) {
    reads.add(key_name(i), Version{static_cast<uint64_t>(i / 7), static_cast<uint64_t>(i % 7)});
  }
  reads.finish();
  ::kvrwset::RangeQueryInfo query;
  query.set_start_key("key");
  query.set_end_key(key_name(results));
  query.set_itr_exhausted(results % 2 == 0);
  reads.put_into(query);
  return query;
}

TEST(RangeReads, SummariesAreFabricsAtEveryHeightOfTheTree) {
  const std::pair<int, const char*> golden[] = {
      {0, "32ee5c1e25ab2b45e1337b0d55499ccc7b65ce65ab746515eb1244bc3d1adcfb"},
      {3, "18525047515054bbcfb77aae6cfbd1008947b33b1a6ce8b1fbce6f1d4b62c34c"},
      {50, "f9b3d345c75a1a7d1b58f5ef556209edb9b53a5f9af5ca8403203c150b3a46d6"},
      {51, "a3ae19316e0a1bd59eef6d5589d8e0e9822a73f3a2cc16acd2d726d78d9e6158"},
      {102, "2b3d3a7c65bb2b2ccc594a4f099340bab73ff942bfd06241cb8c1070f874ea70"},
      {2601, "65b9dd7aa1f5df2c1cb174b5d5dec7cf64b3bcf2fad885a0dbd7f61fedc669c0"},
      {5300, "762f2082ab44266176912490c2e6d042a013348f39d11e23ec0892b31904522b"}};
  for (const auto& [results, hash] : golden) {
    EXPECT_EQ(to_hex(crypto::sha256(wire::marshal(make_query(results)))), hash) << results;
  }
}

TEST(RwSetBuilder, BytesAreFabrics) {
  RwSetBuilder builder;
  builder.add_read("cc2", "k2", Version{5, 3});
  builder.add_read("cc2", "k1", std::nullopt);
  builder.add_write("cc2", "w", "old");
  builder.add_write("cc2", "w", "value");
  builder.add_write("cc2", "gone", std::nullopt);
  builder.add_metadata_write("cc2", "w", {{"b", "2"}, {"a", "1"}});
  builder.add_metadata_write("cc2", "w2", {});
  builder.add_read("cc1", "x", Version{0, 0});
  builder.add_hashed_read("cc1", "collB", "pk", Version{7, 1});
  builder.add_private_write("cc1", "collA", "pk1", "secret");
  builder.add_private_write("cc1", "collA", "pk0", std::nullopt);
  builder.add_private_purge("cc1", "collA", "pk3");
  builder.add_hashed_metadata_write("cc1", "collA", "pk1", {{"m", "v"}});
  builder.add_hashed_metadata_write("cc3", "collC", "only", {{"m", "v"}});
  builder.add_range_query("cc2", make_query(3));
  builder.add_range_query("cc2", make_query(3));
  const SimulationResults results = builder.build();
  EXPECT_EQ(to_hex(results.public_rw_set),
      "12b2020a0363633112070a050a017812001aec010a05636f6c6c4112c00112240a20dd1d188490ed268e1911b492e51d3069"
      "1f6520c7ae6816bb210cacd8594e1d1c100112440a206e73bff1d94b0a7500145be82722e7455dba1653e9b56eeaa043c598"
      "0aed376f1a202bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b12260a20f7f5f3135c2d0efd"
      "dfdc5b704521b7a1c9c2d327e237ef42fcf1520d5b3775e8100120011a2a0a206e73bff1d94b0a7500145be82722e7455dba"
      "1653e9b56eeaa043c5980aed376f12060a016d1201761a203b39b2bf0093dc79476449eea2003c45d06f65e9fb6ff8eb7d26"
      "581afd5d0f071a330a05636f6c6c42122a0a280a20eb3102a6cb586765d01fad324523ec0bc67b9efd6a2d9589c135adfedf"
      "7922cc120408071001128c010a036363321284010a040a026b310a0a0a026b32120408051003123f0a036b657912086b6579"
      "3030303033222e0a0c0a086b6579303030303012000a0e0a086b65793030303031120210010a0e0a086b6579303030303212"
      "0210021a080a04676f6e6510011a0a0a01771a0576616c756522130a017712060a016112013112060a016212013222040a02"
      "7732125e0a036363331a570a05636f6c6c43122c1a2a0a20f905b19542ed08c9a9c26543cca32e5711d207dcffb81b4cdb44"
      "ce0b989431c912060a016d1201761a209dd02ae298bf850758ff73f9039948f04bafac9c2899cc36f112d000776fea25");
  EXPECT_EQ(to_hex(results.private_rw_set),
      "12380a0363633112310a05636f6c6c4112281a070a03706b3010011a0d0a03706b311a067365637265741a070a03706b3310"
      "0122050a03706b3112180a0363633312110a05636f6c6c43120822060a046f6e6c79");
}

TEST(RwSet, IsReadBackAsItWasBuilt) {
  RwSetBuilder builder;
  builder.add_read("cc", "read", Version{1, 2});
  builder.add_private_write("cc", "coll", "key", "secret");
  const SimulationResults results = builder.build();
  const auto rw_set = parse_tx_rw_set(results.public_rw_set);
  ASSERT_TRUE(rw_set);
  ASSERT_EQ(rw_set->namespaces.size(), 1u);
  EXPECT_EQ(rw_set->namespaces[0].kv->reads(0).key(), "read");
  EXPECT_EQ(rw_set->namespaces[0].collections[0].private_rw_set_hash.size(), 32u);
  EXPECT_TRUE(rw_set->namespaces[0].writes());
  EXPECT_FALSE(parse_tx_rw_set(BytesView(results.public_rw_set).substr(0, results.public_rw_set.size() - 1)));
}

UpdateBatch make_updates() {
  UpdateBatch updates;
  updates.public_updates[""]["CHANNEL_CONFIG_ENV_BYTES"] = {"cfg", "", {9, 0}};
  updates.public_updates["ns2"]["k2"] = {"v2", "", {9, 1}};
  updates.public_updates["ns2"]["k1"] = {"v1", "", {9, 300}};
  updates.public_updates["ns2"]["k3"] = {std::nullopt, "", {9, 2}};
  updates.hashed_updates[{"ns2", "c2"}]["h1"] = {"hv1", "", {9, 1}};
  updates.hashed_updates[{"ns2", "c1"}]["h1"] = {"hv1", "", {9, 1}};
  updates.hashed_updates[{"ns1", "c9"}]["h9"] = {std::nullopt, "", {9, 65536}};
  updates.hashed_updates[{"ns1", "c9"}]["h8"] = {"x", "", {9, 0}};
  return updates;
}

TEST(CommitHash, CoversTheUpdatesInFabricsBytes) {
  EXPECT_EQ(to_hex(encode_updates(make_updates())),
      "0a150a036e7331120263391a0268382a017832030109000a0e1a026839200132060109030100000a140a036e73321a026b31"
      "2a0276313205010902012c0a0e1a026b322a0276323204010901010a0c1a026b3320013204010901020a13120263311a0268"
      "312a036876313204010901010a13120263321a0268312a03687631320401090101");
}

TEST(CommitHash, DependsOnCodesAndOnTheHashBefore) {
  const Bytes hash = make_commit_hash(BytesView("\0\1", 2), make_updates(), "before");
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_NE(hash, make_commit_hash(BytesView("\0\0", 2), make_updates(), "before"));
  EXPECT_NE(hash, make_commit_hash(BytesView("\0\1", 2), make_updates(), "another"));
  EXPECT_EQ(make_commit_hash(BytesView("\0", 1), {}, ""), crypto::sha256(BytesView("\1\0", 2)));
}

}  // namespace
}  // namespace selvage::ledger
