#include "node/peer/collection_membership.h"

#include <gtest/gtest.h>

#include "kit/local_peer.h"
#include "ledger/block_reading.h"
#include "msp/identities.pb.h"
#include "msp/msp_principal.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::node {
namespace {

// Definitions of "cc" on the channel of a peer of Org1.
class Collections : public testing::Test {
 protected:
  using Members = std::vector<std::string>;

  // The next definition, with these collections and their members.
  void define(const std::map<std::string, Members>& collections) {
    ::protos::CollectionConfigPackage package;
    for (const auto& [name, members] : collections) {
      auto& config = *package.add_config()->mutable_static_collection_config();
      config.set_name(name);
      *config.mutable_member_orgs_policy()->mutable_signature_policy() = policy::signed_by_any_member(members);
    }
    peer.define("cc", "", false, collections.empty() ? nullptr : &package, ++sequence);
  }
  // Whether the organisation is a member by the definition that rules `block`; "?": there is no such collection.
  std::string member_at(uint64_t block, const std::string& org, const std::string& collection = "coll") {
    const auto config = collection_config_at(peer.ledger(), block, "cc", collection);
    return !config ? "?" : names_org(*config, org) ? "yes" : "no";
  }
  // What a peer of the organisation takes out of the block that changes the definition so.
  std::vector<ledger::DefinitionChange> redefine(const std::map<std::string, Members>& collections, const std::string& org) {
    const auto before = peer.ledger().view();
    define(collections);
    const auto block = peer.ledger().blocks().block(peer.ledger().height() - 1);
    const auto replay = ledger::make_replay(*block, *before, {});
    return *definition_changes(org)(replay->updates, *before);
  }

  test::LocalPeer peer;
  int64_t sequence = 0;
};

TEST_F(Collections, AnOlderBlockIsUnderTheDefinitionOfItsTime) {
  define({});
  const uint64_t without = peer.ledger().height();
  define({{"coll", {"Org2MSP"}}});
  const uint64_t first = peer.ledger().height();
  define({{"coll", {"Org1MSP", "Org2MSP"}}, {"new", {"Org1MSP"}}});
  const uint64_t second = peer.ledger().height();

  EXPECT_EQ(member_at(without, "Org2MSP"), "?");
  EXPECT_EQ(member_at(first - 1, "Org2MSP"), "?") << "the block that commits a definition is not under it";
  EXPECT_EQ(member_at(first, "Org2MSP"), "yes");
  EXPECT_EQ(member_at(first, "Org1MSP"), "no");
  EXPECT_EQ(member_at(first, "Org1MSP", "new"), "?");
  EXPECT_EQ(member_at(second - 1, "Org1MSP"), "no");
  EXPECT_EQ(member_at(second, "Org1MSP"), "yes");
  EXPECT_EQ(member_at(second, "Org1MSP", "new"), "yes");
  EXPECT_EQ(member_at(1, "Org1MSP", "_implicit_org_Org1MSP"), "yes");
  EXPECT_EQ(member_at(1, "Org2MSP", "_implicit_org_Org1MSP"), "no");

  const CollectionMembership newest("Org1MSP");
  EXPECT_TRUE(newest.is_member("cc", "coll", *peer.ledger().view()));
}

TEST_F(Collections, TellWhatAnOrganisationBecomesAMemberOf) {
  auto changes = redefine({{"coll", {"Org2MSP"}}, {"ours", {"Org1MSP"}}}, "Org1MSP");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].chaincode, "cc");
  EXPECT_FALSE(changes[0].collections.empty());
  EXPECT_TRUE(changes[0].newly_ours.empty()) << "what is new has no data from before";

  const std::map<std::string, Members> joined = {{"coll", {"Org1MSP", "Org2MSP"}}, {"new", {"Org1MSP"}}, {"ours", {"Org1MSP"}}};
  EXPECT_EQ(redefine(joined, "Org1MSP")[0].newly_ours, std::vector<std::string>{"coll"});
  EXPECT_TRUE(redefine(joined, "Org1MSP")[0].newly_ours.empty());
  EXPECT_TRUE(redefine({{"coll", {"Org2MSP"}}, {"new", {"Org1MSP"}}, {"ours", {}}}, "Org1MSP")[0].newly_ours.empty());
}

TEST_F(Collections, AreNotAskedForWhereABlockDefinesNothing) {
  const auto before = peer.ledger().view();
  const auto replay = ledger::make_replay(*peer.ledger().blocks().block(0), *before, {});
  const auto changes = definition_changes("Org1MSP")(replay->updates, *before);
  ASSERT_TRUE(changes);
  EXPECT_TRUE(changes->empty());
}

TEST(CollectionMembership, KeepsItsOwnImplicitCollectionOnly) {
  const CollectionMembership membership("Org1MSP");
  const ledger::MemoryState state;
  EXPECT_TRUE(membership.is_member("cc", "_implicit_org_Org1MSP", state));
  EXPECT_FALSE(membership.is_member("cc", "_implicit_org_Org2MSP", state));
  EXPECT_FALSE(membership.is_member("cc", "undefined", state));
}

TEST(CollectionMembership, UnitsAndIdentitiesMakeTheirOrganisationAMember) {
  ::protos::StaticCollectionConfig config;
  auto& principals = *config.mutable_member_orgs_policy()->mutable_signature_policy()->mutable_identities();
  EXPECT_FALSE(names_org(config, "Org1MSP"));
  ::common::OrganizationUnit unit;
  unit.set_msp_identifier("Org1MSP");
  auto& first = *principals.Add();
  first.set_principal_classification(::common::MSPPrincipal::ORGANIZATION_UNIT);
  first.set_principal(wire::marshal(unit));
  ::msp::SerializedIdentity identity;
  identity.set_mspid("Org2MSP");
  auto& second = *principals.Add();
  second.set_principal_classification(::common::MSPPrincipal::IDENTITY);
  second.set_principal(wire::marshal(identity));
  EXPECT_TRUE(names_org(config, "Org1MSP"));
  EXPECT_TRUE(names_org(config, "Org2MSP"));
  EXPECT_FALSE(names_org(config, "Org3MSP"));
}

}  // namespace
}  // namespace selvage::node
