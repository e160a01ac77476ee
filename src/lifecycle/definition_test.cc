#include "lifecycle/definition.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "kit/channels.h"
#include "lifecycle/collections.h"
#include "lifecycle/keys.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/db.pb.h"
#include "peer/policy.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::lifecycle {
namespace {

std::string why(const Status& status) { return status ? std::string("ok") : status.error().message; }
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

class MapState final : public StateWriter {
 public:
  Result<std::optional<Bytes>> get(std::string_view key) const override {
    reads.emplace_back(key);
    const auto at = values.find(std::string(key));
    return at == values.end() ? std::optional<Bytes>() : std::optional<Bytes>(at->second);
  }
  Status put(std::string_view key, BytesView value) override {
    values[std::string(key)] = Bytes(value);
    writes.emplace_back(key);
    return {};
  }
  Status remove(std::string_view key) override {
    values.erase(std::string(key));
    writes.emplace_back(key);
    return {};
  }
  std::map<std::string, Bytes> values;
  mutable std::vector<std::string> reads;
  std::vector<std::string> writes;
};

class Hashes final : public HashReader {
 public:
  Hashes(const MapState& state, std::string mspid) : state_(state), collection_(implicit_collection(mspid)) {}
  Result<std::optional<Bytes>> get_hash(std::string_view key) const override {
    const auto at = state_.values.find(std::string(key));
    return at == state_.values.end() ? std::optional<Bytes>() : std::optional<Bytes>(crypto::sha256(at->second));
  }
  const std::string& collection() const override { return collection_; }

 private:
  const MapState& state_;
  std::string collection_;
};

class Lifecycle : public testing::Test {
 protected:
  Lifecycle() {
    rules_.channel_id = channel_.id();
    rules_.policies = &bundle_->policies();
    for (const auto& [name, org] : bundle_->application()->orgs) rules_.orgs[name] = org.mspid();
    basic_.sequence = 1;
    basic_.version = "1.0";
  }
  std::string approve(MapState& org, const Definition& definition, const std::string& package = "basic_1.0:abc") {
    return why(approve_for_org(rules_, "basic", definition, package, public_, org));
  }
  std::vector<const HashReader*> both() const { return {&hashes_one_, &hashes_two_}; }

  test::Channel channel_;
  channel::BundlePtr bundle_ = channel_.bundle();
  ChannelRules rules_;
  Definition basic_;
  MapState public_, one_, two_;
  Hashes hashes_one_{one_, "Org1MSP"}, hashes_two_{two_, "Org2MSP"};
};

TEST_F(Lifecycle, AnApprovalIsWrittenUnderFabricsKeys) {
  EXPECT_EQ(approve(one_, basic_), "ok");
  std::vector<std::string> keys;
  for (const auto& [key, value] : one_.values) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{
                      "chaincode-sources/fields/basic#1/PackageID", "chaincode-sources/metadata/basic#1",
                      "namespaces/fields/basic#1/Collections", "namespaces/fields/basic#1/EndorsementInfo",
                      "namespaces/fields/basic#1/ValidationInfo", "namespaces/metadata/basic#1"}));
  ::lifecycle::StateMetadata metadata;
  ASSERT_TRUE(metadata.ParseFromString(one_.values["namespaces/metadata/basic#1"]));
  EXPECT_EQ(metadata.datatype(), "ChaincodeParameters");
  EXPECT_EQ(metadata.fields_size(), 3);
  EXPECT_EQ(to_hex(one_.values["namespaces/fields/basic#1/Collections"]), "1200");
  EXPECT_EQ(one_.values["chaincode-sources/fields/basic#1/PackageID"], "\x1a\x0d" "basic_1.0:abc");
}

TEST_F(Lifecycle, CommitWaitsForApprovalsAndTellsWhatDiffers) {
  ASSERT_EQ(approve(one_, basic_), "ok");
  Definition other = basic_;
  other.version = "2.0";
  ASSERT_EQ(approve(two_, other), "ok");
  auto readiness = check_commit_readiness(rules_, "basic", basic_, public_, both());
  ASSERT_TRUE(readiness) << why(readiness);
  EXPECT_TRUE(readiness->approvals.at("Org1MSP"));
  EXPECT_FALSE(readiness->approvals.at("Org2MSP"));
  EXPECT_EQ(readiness->mismatches.at("Org2MSP"), std::vector<std::string>{"EndorsementInfo"});
  two_.values.clear();
  readiness = check_commit_readiness(rules_, "basic", basic_, public_, both());
  EXPECT_EQ(readiness->mismatches.at("Org2MSP"), std::vector<std::string>{"ChaincodeParameters"});
}

TEST_F(Lifecycle, ACommittedDefinitionIsReadBackWithDefaults) {
  ASSERT_EQ(approve(one_, basic_), "ok");
  ASSERT_EQ(approve(two_, basic_), "ok");
  auto committed = commit_definition(rules_, "basic", basic_, public_, both());
  ASSERT_TRUE(committed) << why(committed);
  EXPECT_TRUE(committed->approvals.at("Org1MSP"));
  EXPECT_TRUE(committed->approvals.at("Org2MSP"));
  auto definition = read_definition("basic", public_);
  ASSERT_TRUE(definition && *definition);
  EXPECT_EQ((*definition)->sequence, 1);
  EXPECT_EQ((*definition)->endorsement_plugin, "escc");
  EXPECT_EQ((*definition)->validation_plugin, "vscc");
  ::protos::ApplicationPolicy policy;
  ASSERT_TRUE(policy.ParseFromString((*definition)->validation_parameter));
  EXPECT_EQ(policy.channel_config_policy_reference(), "/Channel/Application/Endorsement");
  EXPECT_EQ(public_.values.count("namespaces/fields/basic/Sequence"), 1u);
  EXPECT_EQ(*read_sequence("basic", public_), 1);
  EXPECT_EQ(why(query_definition("other", public_)), "namespace other is not defined");
  auto approval = read_local_approval("basic", **definition, hashes_one_);
  ASSERT_TRUE(approval && approval->approved);
  EXPECT_EQ(approval->package_hash, package_state_hash("basic_1.0:abc"));
}

TEST_F(Lifecycle, TheNextCommitWritesOnlyWhatChanged) {
  ASSERT_EQ(approve(one_, basic_), "ok");
  ASSERT_TRUE(commit_definition(rules_, "basic", basic_, public_, both()));
  public_.writes.clear();
  public_.reads.clear();
  Definition next = basic_;
  next.sequence = 2;
  next.version = "1.1";
  ASSERT_TRUE(commit_definition(rules_, "basic", next, public_, both()));
  EXPECT_EQ(public_.writes, (std::vector<std::string>{"namespaces/fields/basic/Sequence", "namespaces/fields/basic/EndorsementInfo"}));
  EXPECT_EQ(public_.reads,
            (std::vector<std::string>{"namespaces/fields/basic/Sequence", "namespaces/metadata/basic",
                                      "namespaces/fields/basic/Sequence", "namespaces/fields/basic/EndorsementInfo",
                                      "namespaces/fields/basic/ValidationInfo", "namespaces/fields/basic/Collections"}));
}

TEST_F(Lifecycle, SequencesAreStrict) {
  Definition wrong = basic_;
  wrong.sequence = 0;
  EXPECT_EQ(approve(one_, wrong), "requested sequence is 0, but first definable sequence number is 1");
  wrong.sequence = 2;
  EXPECT_EQ(approve(one_, wrong), "requested sequence 2 is larger than the next available sequence number 1");
  EXPECT_EQ(why(check_commit_readiness(rules_, "basic", wrong, public_, both())),
            "requested sequence is 2, but new definition must be sequence 1");
}

TEST_F(Lifecycle, ApprovingTheSameAgainIsRefusedAndAnotherPackageIsNot) {
  ASSERT_EQ(approve(one_, basic_), "ok");
  EXPECT_EQ(approve(one_, basic_), "attempted to redefine uncommitted sequence (1) for namespace basic with unchanged content");
  EXPECT_EQ(approve(one_, basic_, "basic_1.0:def"), "ok");
  ASSERT_TRUE(commit_definition(rules_, "basic", basic_, public_, both()));
  EXPECT_EQ(approve(one_, basic_, "basic_1.0:def"), "attempted to redefine the current committed sequence (1) for namespace basic");
  Definition changed = basic_;
  changed.init_required = true;
  EXPECT_EQ(approve(one_, changed),
            "attempted to redefine the current committed sequence (1) for namespace basic with different parameters: expected "
            "InitRequired 'false' does not match passed InitRequired 'true'");
}

TEST_F(Lifecycle, ApprovalsCanBeAskedFor) {
  ASSERT_EQ(approve(one_, basic_), "ok");
  auto approved = query_approved(rules_, "basic", 0, public_, one_);
  ASSERT_TRUE(approved) << why(approved);
  EXPECT_EQ(approved->sequence, 1);
  EXPECT_EQ(approved->package_id, "basic_1.0:abc");
  EXPECT_EQ(why(query_approved(rules_, "basic", 5, public_, one_)),
            "could not fetch approved chaincode definition (name: 'basic', sequence: '5') on channel 'testchannel'");
}

TEST_F(Lifecycle, PoliciesOfLifecycleAndImplicitCollections) {
  ::protos::ApplicationPolicy policy;
  ASSERT_TRUE(policy.ParseFromString(*lifecycle_endorsement_policy(rules_)));
  EXPECT_EQ(policy.channel_config_policy_reference(), "/Channel/Application/LifecycleEndorsement");
  ASSERT_TRUE(policy.ParseFromString(*implicit_collection_endorsement_policy(rules_, "Org2MSP")));
  EXPECT_EQ(policy.channel_config_policy_reference(), "/Channel/Application/Org2/Endorsement");
  EXPECT_EQ(why(collection_endorsement_policy(rules_, basic_, "_implicit_org_Org9MSP")),
            "no org found in channel with MSPID 'Org9MSP'");
  EXPECT_EQ(why(collection_endorsement_policy(rules_, basic_, "secrets")), "no such collection 'secrets'");
}

TEST_F(Lifecycle, NamesAndVersionsFollowFabricsRules) {
  EXPECT_EQ(why(check_chaincode_name("asset-transfer_2", {})), "ok");
  EXPECT_FALSE(check_chaincode_name("asset--x", {}));
  EXPECT_FALSE(check_chaincode_name("_asset", {}));
  EXPECT_FALSE(check_chaincode_name("asset-", {}));
  EXPECT_EQ(why(check_chaincode_name("qscc", {"qscc"})), "chaincode name 'qscc' is the name of a system chaincode");
  EXPECT_EQ(why(check_chaincode_version("1.0+b_2-x")), "ok");
  EXPECT_FALSE(check_chaincode_version("1 0"));
  EXPECT_EQ(chaincode_of_sequence_key("namespaces/fields/basic/Sequence"), "basic");
  EXPECT_EQ(chaincode_of_sequence_key("namespaces/fields/basic/Collections"), "");
}

TEST_F(Lifecycle, CollectionsAreChecked) {
  ::protos::CollectionConfigPackage package;
  auto* collection = package.add_config()->mutable_static_collection_config();
  collection->set_name("secrets");
  collection->set_maximum_peer_count(1);
  *collection->mutable_member_orgs_policy()->mutable_signature_policy() =
      *policy::parse_signature_policy("OR('Org1MSP.member','Org2MSP.member')");
  EXPECT_EQ(why(check_collections(package, *bundle_->msps())), "ok");
  EXPECT_EQ(why(check_collections_against_committed({}, package)),
            "the proposed collection config does not contain previously defined collections");
  *collection->mutable_member_orgs_policy()->mutable_signature_policy() = *policy::parse_signature_policy("OR('Org9MSP.member')");
  EXPECT_EQ(why(check_collections(package, *bundle_->msps())),
            "collection-name: secrets -- collection member 'Org9MSP' is not part of the channel");
  *collection->mutable_member_orgs_policy()->mutable_signature_policy() =
      *policy::parse_signature_policy("AND('Org1MSP.member','Org2MSP.member')");
  EXPECT_EQ(why(check_collections(package, *bundle_->msps())),
            "collection-name: secrets -- error in member org policy: signature policy is not an OR concatenation, NOutOf 2");
  collection->set_name("_secrets");
  EXPECT_FALSE(check_collections(package, *bundle_->msps()));
}

}  // namespace
}  // namespace selvage::lifecycle
