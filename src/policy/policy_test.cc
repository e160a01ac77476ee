#include <gtest/gtest.h>

#include "common/configtx.pb.h"
#include "common/policies.pb.h"
#include "kit/channels.h"
#include "msp/msp_principal.pb.h"
#include "peer/policy.pb.h"
#include "peer/proposal.pb.h"
#include "policy/acl.h"
#include "policy/application_policy.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"
#include "wire/proposal.h"
#include "wire/signer.h"

namespace selvage::policy {
namespace {

std::string why(const Status& status) { return status ? std::string("ok") : status.error().message; }
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

constexpr char kMessage[] = "message";

class Policies : public testing::Test {
 protected:
  std::vector<SignedData> sign(std::initializer_list<const identity::SigningIdentity*> signers) {
    std::vector<SignedData> out;
    for (const auto* signer : signers) {
      kept_.push_back(*signer->sign(kMessage));
      out.push_back({kMessage, signer->serialized(), kept_.back()});
    }
    return out;
  }
  std::string evaluate(const std::string& text, const std::vector<SignedData>& signatures) {
    auto envelope = parse_signature_policy(text);
    EXPECT_TRUE(envelope) << why(envelope);
    auto policy = make_signature_policy(*envelope, msps_);
    EXPECT_TRUE(policy) << why(policy);
    return why((*policy)->evaluate(signatures));
  }

  test::Organization one_{"Org1MSP"}, two_{"Org2MSP"};
  std::shared_ptr<const identity::MspManager> msps_ = test::manager_of({&one_, &two_});
  std::deque<Bytes> kept_;
};

TEST_F(Policies, AnOrIsSatisfiedByEitherSide) {
  EXPECT_EQ(evaluate("OR('Org1MSP.member','Org2MSP.member')", sign({&two_.peer()})), "ok");
  EXPECT_EQ(evaluate("OR('Org1MSP.admin','Org2MSP.admin')", sign({&two_.peer()})), "signature set did not satisfy policy");
}

TEST_F(Policies, AnAndNeedsBoth) {
  EXPECT_EQ(evaluate("AND('Org1MSP.peer','Org2MSP.peer')", sign({&one_.peer(), &two_.peer()})), "ok");
  EXPECT_EQ(evaluate("AND('Org1MSP.peer','Org2MSP.peer')", sign({&one_.peer()})), "signature set did not satisfy policy");
}

TEST_F(Policies, OneIdentityCountsOnceHoweverOftenItSigns) {
  const std::string two_of_org1 = "OutOf(2,'Org1MSP.peer','Org1MSP.peer')";
  EXPECT_EQ(evaluate(two_of_org1, sign({&one_.peer(), &one_.peer()})), "signature set did not satisfy policy");
  EXPECT_EQ(evaluate(two_of_org1, sign({&one_.peer(), &one_.peer("peer1")})), "ok");
}

TEST_F(Policies, TheFirstIdentityThatFitsIsSpent) {
  // The admin is a member too, and is met first: nobody is left for the admin's place.
  const std::string text = "AND('Org1MSP.member','Org1MSP.admin')";
  EXPECT_EQ(evaluate(text, sign({&one_.admin(), &one_.peer()})), "signature set did not satisfy policy");
  EXPECT_EQ(evaluate(text, sign({&one_.peer(), &one_.admin()})), "ok");
}

TEST_F(Policies, ABadSignatureIsNoSignature) {
  auto signatures = sign({&one_.peer()});
  signatures[0].data = "another message";
  EXPECT_EQ(evaluate("OR('Org1MSP.peer')", signatures), "signature set did not satisfy policy");
}

TEST_F(Policies, ABadSignatureFirstDoesNotShutOutTheGoodOne) {
  auto signatures = sign({&one_.peer(), &one_.peer()});
  signatures[0].signature = "nonsense";
  EXPECT_EQ(evaluate("OR('Org1MSP.peer')", signatures), "ok");
}

TEST_F(Policies, TextNumbersInnerPrincipalsFirst) {
  auto envelope = parse_signature_policy("OR('A.member', AND('B.peer', 'C.client'), 'D.orderer')");
  ASSERT_TRUE(envelope) << why(envelope);
  std::string order;
  for (const auto& principal : envelope->identities()) {
    ::common::MSPRole role;
    ASSERT_TRUE(role.ParseFromString(principal.principal()));
    order += role.msp_identifier();
  }
  EXPECT_EQ(order, "BCAD");
  EXPECT_EQ(envelope->rule().n_out_of().rules(0).signed_by(), 2);
  EXPECT_EQ(envelope->rule().n_out_of().rules(1).n_out_of().n(), 2);
}

TEST_F(Policies, TextThatIsNoPolicyIsRefused) {
  EXPECT_EQ(why(parse_signature_policy("OR('Org1MSP.boss')")), "unrecognized token 'Org1MSP.boss' in policy string");
  EXPECT_EQ(why(parse_signature_policy("XOR('Org1MSP.member')")), "unrecognized token 'XOR' in policy string");
  EXPECT_EQ(why(parse_signature_policy("'Org1MSP.member'")), "invalid policy string ''Org1MSP.member''");
  EXPECT_EQ(why(parse_signature_policy("OutOf(4, 'A.member', 'B.member')")), "invalid t-out-of-n predicate, t 4, n 2");
  EXPECT_EQ(why(parse_signature_policy("OutOf(1)")), "expected at least two arguments to NOutOf. Given 1");
  EXPECT_FALSE(parse_signature_policy("OR('Org1MSP.member'"));
  EXPECT_FALSE(parse_signature_policy(std::string(100000, '(')));
  EXPECT_EQ(why(parse_implicit_meta_policy("SOME Admins")), "unknown rule type 'SOME', expected ALL, ANY, or MAJORITY");
}

TEST_F(Policies, AnIndexBeyondThePrincipalsDoesNotCompile) {
  auto envelope = parse_signature_policy("OR('Org1MSP.member')");
  envelope->mutable_rule()->mutable_n_out_of()->mutable_rules(0)->set_signed_by(1);
  EXPECT_EQ(why(make_signature_policy(*envelope, msps_)),
            "identity index out of range, requested 1, but identities length is 1");
}

class ChannelPolicies : public testing::Test {
 protected:
  SignedData sign(const identity::SigningIdentity& signer) {
    kept_.push_back(*signer.sign(kMessage));
    return {kMessage, signer.serialized(), kept_.back()};
  }
  test::Channel channel_;
  channel::BundlePtr bundle_ = channel_.bundle();
  std::deque<Bytes> kept_;
};

TEST_F(ChannelPolicies, ImplicitMetaCountsOrganisations) {
  const PolicyManager& policies = bundle_->policies();
  const SignedData one = sign(channel_.org(0).admin()), two = sign(channel_.org(1).admin());
  const SignedData both[] = {one, two};
  EXPECT_EQ(why(policies.evaluate("/Channel/Application/Writers", std::span(&one, 1))), "ok");
  EXPECT_EQ(why(policies.evaluate("/Channel/Application/Admins", std::span(&one, 1))),
            "implicit policy evaluation failed - 1 sub-policies were satisfied, but this policy requires 2 of the 'Admins' "
            "sub-policies to be satisfied");
  EXPECT_EQ(why(policies.evaluate("/Channel/Application/Admins", both)), "ok");
  EXPECT_EQ(why(policies.evaluate("/Channel/Nonsense", both)), "no such policy: 'Nonsense'");
}

TEST_F(ChannelPolicies, AStrangerSatisfiesNothing) {
  test::Organization stranger("Org9MSP");
  const SignedData foreign = sign(stranger.admin());
  EXPECT_EQ(why(bundle_->policies().evaluate(kChannelApplicationWriters, std::span(&foreign, 1))),
            "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Writers' "
            "sub-policies to be satisfied");
}

TEST_F(ChannelPolicies, AnApplicationPolicyMayNameAPolicyOfTheChannel) {
  ::protos::ApplicationPolicy reference;
  reference.set_channel_config_policy_reference("/Channel/Application/Endorsement");
  auto policy = make_application_policy(wire::marshal(reference), bundle_->policies(), bundle_->msps());
  ASSERT_TRUE(policy) << why(policy);
  const SignedData both[] = {sign(channel_.org(0).peer()), sign(channel_.org(1).peer())};
  EXPECT_EQ(why((*policy)->evaluate(both)), "ok");
  reference.set_channel_config_policy_reference("/Channel/Application/Missing");
  EXPECT_EQ(why(make_application_policy(wire::marshal(reference), bundle_->policies(), bundle_->msps())),
            "could not create evaluator for channel reference policy: failed to retrieve policy for reference "
            "/Channel/Application/Missing");
}

TEST_F(ChannelPolicies, PeerWideResourcesAskTheLocalMsp) {
  test::SeededRandom random;
  const auto propose = [&](const identity::SigningIdentity& signer) {
    auto made = wire::make_proposal("", wire::make_call("_lifecycle", {}), signer.serialized(), SystemTime(test::kGoodNow), random);
    return *wire::sign_proposal(made.proposal, wire::signer_of(signer));
  };
  auto local = channel_.org(0).msp();
  const AclChannel none;
  EXPECT_EQ(why(check_acl(resource::kLifecycleInstallChaincode, none, *local, propose(channel_.org(0).admin()))), "ok");
  EXPECT_EQ(why(check_acl(resource::kLifecycleInstallChaincode, none, *local, propose(channel_.org(0).client()))),
            "Failed verifying that proposal's creator satisfies local MSP principal during channelless check policy with "
            "policy [Admins]: [The identity is not an admin under this MSP [Org1MSP]: The identity does not contain OU "
            "[ADMIN], MSP: [Org1MSP]]");
  EXPECT_EQ(why(check_acl(resource::kLifecycleInstallChaincode, none, *local, propose(channel_.org(1).admin()))),
            "Failed deserializing proposal creator during channelless check policy with policy [Admins]: [expected MSP ID "
            "Org1MSP, received Org2MSP]");
  EXPECT_EQ(why(check_acl(resource::kQsccGetChainInfo, bundle_->acl_channel(), *local, propose(channel_.org(1).client()))), "ok");
}

TEST_F(ChannelPolicies, ACallerWhoseSignatureIsProvedIsJudgedAlike) {
  auto local = channel_.org(0).msp();
  const auto caller = [&](const identity::SigningIdentity& signer) { return *bundle_->msps()->deserialize(signer.serialized()); };
  const AclChannel none;
  EXPECT_EQ(why(check_acl(resource::kLifecycleInstallChaincode, none, *local, caller(channel_.org(0).admin()))), "ok");
  EXPECT_EQ(why(check_acl(resource::kLifecycleInstallChaincode, none, *local, caller(channel_.org(1).admin()))),
            "Failed deserializing proposal creator during channelless check policy with policy [Admins]: [expected MSP ID "
            "Org1MSP, received Org2MSP]");
  EXPECT_EQ(why(check_acl(resource::kPeerPropose, bundle_->acl_channel(), *local, caller(channel_.org(1).client()))), "ok");
  EXPECT_FALSE(check_acl(resource::kPeerPropose, bundle_->acl_channel(), *local, IdentityPtr()));
}

TEST_F(ChannelPolicies, TheChannelMayOverrideAResource) {
  const SignedData client = sign(channel_.org(0).client());
  AclTable acls{{"event/Block", "/Channel/Application/Org1/Admins"}};
  AclChannel channel = bundle_->acl_channel();
  EXPECT_EQ(why(check_acl(resource::kEventBlock, channel, std::span(&client, 1))), "ok");
  channel.overrides = &acls;
  EXPECT_EQ(why(check_acl(resource::kEventBlock, channel, std::span(&client, 1))),
            "failed evaluating policy on signed data during check policy [/Channel/Application/Org1/Admins]: [signature set "
            "did not satisfy policy]");
}

}  // namespace
}  // namespace selvage::policy
