// Signature policies: n-out-of trees over principals, from protobuf or from the text form
// "OutOf(2, 'Org1MSP.member', AND('Org2MSP.peer', 'Org3MSP.admin'))".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace common {
class ImplicitMetaPolicy;
class SignaturePolicyEnvelope;
}

namespace selvage::policy {

// Errors: kInvalidArgument.
[[nodiscard]] Result<std::shared_ptr<const Policy>> make_signature_policy(
    const ::common::SignaturePolicyEnvelope& envelope,
    std::shared_ptr<const identity::IdentityDeserializer> deserializer);
// From marshalled SignaturePolicyEnvelope.
[[nodiscard]] Result<std::shared_ptr<const Policy>> make_signature_policy(
    BytesView envelope, std::shared_ptr<const identity::IdentityDeserializer> deserializer);

// The text form. Errors: kInvalidArgument with Fabric's words ("unrecognized token 'x' in policy string").
[[nodiscard]] Result<::common::SignaturePolicyEnvelope> parse_signature_policy(std::string_view text);

// "MAJORITY Admins". Errors: kInvalidArgument, Fabric's words.
[[nodiscard]] Result<::common::ImplicitMetaPolicy> parse_implicit_meta_policy(std::string_view text);

enum class Role { kMember, kAdmin, kClient, kPeer, kOrderer };  // MSPRole.MSPRoleType's numbers

// n of the given organisations, each by any one holder of the role. Organisations are sorted.
// Fabric quirk: common/policydsl SignedByNOutOfGivenRole.
[[nodiscard]] ::common::SignaturePolicyEnvelope signed_by_n_out_of(int n, Role role, std::vector<std::string> mspids);
// Any one of the organisations' members / admins.
[[nodiscard]] ::common::SignaturePolicyEnvelope signed_by_any_member(std::vector<std::string> mspids);
[[nodiscard]] ::common::SignaturePolicyEnvelope signed_by_any_admin(std::vector<std::string> mspids);

}  // namespace selvage::policy
