#include "node/peer/private_rendering.h"

#include <gtest/gtest.h>

#include "deliver/serve/seek.h"
#include "kit/local_peer.h"
#include "ledger/block_reading.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "node/peer/collection_membership.h"
#include "node/peer/peer_channel.h"
#include "peer/events.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::node {
namespace {

// A peer of Org1 that has private data of "open" and of "closed" (memberOnlyRead) of every block that commit() makes.
class PrivateStream : public testing::Test {
 protected:
  void define(const std::vector<std::string>& members) {
    ::protos::CollectionConfigPackage package;
    for (const std::string name : {"open", "closed"}) {
      auto& config = *package.add_config()->mutable_static_collection_config();
      config.set_name(name);
      config.set_member_only_read(name == "closed");
      *config.mutable_member_orgs_policy()->mutable_signature_policy() = policy::signed_by_any_member(members);
    }
    peer.define("cc", "", false, &package, ++sequence);
  }
  // The number of the block.
  uint64_t commit(const std::vector<std::string>& collections = {"open", "closed"}) {
    const auto info = peer.ledger().info();
    auto block = std::make_shared<::common::Block>(peer.channel().block(info.height, info.current_hash, {}));
    auto made = ledger::make_replay(block, *peer.ledger().view(), {});
    EXPECT_TRUE(made);
    ::kvrwset::KVRWSet set;
    set.add_writes()->set_key("key");
    for (const auto& name : collections) made->private_writes.push_back({0, "cc", name, wire::marshal(set)});
    EXPECT_TRUE(peer.ledger().commit(*made));
    return info.height;
  }
  // The collections of the block that this client is shown.
  std::string shown(uint64_t block, const identity::SigningIdentity& client) {
    const auto channel = *PeerChannel::make({}, {{&peer.ledger(), [](ledger::Ledger*) {}}, membership, metrics::disabled(),
                                                 validate::sequential()}, {});
    deliver::SeekRequest request;
    request.creator = client.serialized();
    const auto answer = PrivateRendering().block(**channel->block(block), *channel, request);
    if (!answer) return answer.error().message;
    ::protos::DeliverResponse response;
    EXPECT_TRUE(response.ParseFromString(*answer));
    std::string names;
    for (const auto& [transaction, set] : response.block_and_private_data().private_data_map()) {
      for (const auto& ns : set.ns_pvt_rwset()) {
        for (const auto& part : ns.collection_pvt_rwset()) names += part.collection_name() + " ";
      }
    }
    return names;
  }
  const identity::SigningIdentity& client(size_t org) { return peer.channel().org(org).client(); }

  test::LocalPeer peer;
  const CollectionMembership membership{"Org1MSP"};
  int64_t sequence = 0;
};

TEST_F(PrivateStream, ShowsToMembersOnly) {
  define({"Org1MSP"});
  const uint64_t block = commit();
  EXPECT_EQ(shown(block, client(0)), "closed open ");
  EXPECT_EQ(shown(block, client(1)), "") << "with memberOnlyRead or without";
}

TEST_F(PrivateStream, JudgesByTheDefinitionOfTheBlocksTime) {
  define({"Org1MSP"});
  const uint64_t before = commit();
  define({"Org1MSP", "Org2MSP"});
  const uint64_t after = commit();
  EXPECT_EQ(shown(before, client(1)), "") << "a member of today is none of then";
  EXPECT_EQ(shown(after, client(1)), "closed open ");
}

TEST_F(PrivateStream, KnowsImplicitCollectionsAndEndsAtOneThatNoDefinitionKnows) {
  define({"Org1MSP"});
  EXPECT_EQ(shown(commit({"unknown"}), client(0)), "no collection config was found for collection unknown for chaincode cc");
  const uint64_t implicit = commit({"_implicit_org_Org1MSP"});
  EXPECT_EQ(shown(implicit, client(0)), "_implicit_org_Org1MSP ");
  EXPECT_EQ(shown(implicit, client(1)), "");
}

}  // namespace
}  // namespace selvage::node
