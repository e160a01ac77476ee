#include "policy/signature_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/policies.pb.h"
#include "msp/msp_principal.pb.h"
#include "wire/marshal.h"

namespace selvage::policy {
namespace {

using ::common::MSPPrincipal;
using ::common::SignaturePolicyEnvelope;
using Rule = ::common::SignaturePolicy;

// The tree flattened: a node is a principal, or n of its children.
struct Node {
  int signed_by = -1;
  int32_t n = 0;
  std::vector<Node> rules;
};

Result<Node> compile(const Rule& rule, int principals) {
  Node node;
  switch (rule.Type_case()) {
    case Rule::kNOutOf:
      node.n = rule.n_out_of().n();
      for (const Rule& below : rule.n_out_of().rules()) {
        SELVAGE_TRY(Node compiled, compile(below, principals));
        node.rules.push_back(std::move(compiled));
      }
      return node;
    case Rule::kSignedBy:
      node.signed_by = rule.signed_by();
      if (node.signed_by < 0 || node.signed_by >= principals) {
        return fail(Code::kInvalidArgument,
                    fmt::format("identity index out of range, requested {}, but identities length is {}", node.signed_by,
                                principals));
      }
      return node;
    default:
      return fail(Code::kInvalidArgument, "Unknown type: <nil>:<nil>");
  }
}

class SignaturePolicy final : public Policy {
 public:
  SignaturePolicy(Node root, std::vector<MSPPrincipal> principals,
                  std::shared_ptr<const identity::IdentityDeserializer> deserializer)
      : root_(std::move(root)), principals_(std::move(principals)), deserializer_(std::move(deserializer)) {}

  Status evaluate(std::span<const SignedData> signatures) const override {
    return evaluate_identities(valid_identities(signatures, *deserializer_));
  }

  Status evaluate_identities(std::span<const IdentityPtr> identities) const override {
    std::vector<bool> used(identities.size());
    if (holds(root_, identities, used)) return {};
    return fail(Code::kPermissionDenied, "signature set did not satisfy policy");
  }

 private:
  // Takes the first identity that fits, in the order of the signatures, and never goes back on that choice.
  // Fabric quirk: common/cauthdsl/cauthdsl.go compile.
  bool holds(const Node& node, std::span<const IdentityPtr> identities, std::vector<bool>& used) const {
    if (node.signed_by >= 0) {
      for (size_t i = 0; i < identities.size(); i++) {
        if (used[i] || !identities[i]->satisfies(principals_[static_cast<size_t>(node.signed_by)])) continue;
        used[i] = true;
        return true;
      }
      return false;
    }
    int32_t satisfied = 0;
    for (const Node& below : node.rules) {
      std::vector<bool> tried = used;
      if (!holds(below, identities, tried)) continue;
      satisfied++;
      used = std::move(tried);
    }
    return satisfied >= node.n;
  }

  Node root_;
  std::vector<MSPPrincipal> principals_;
  std::shared_ptr<const identity::IdentityDeserializer> deserializer_;
};

MSPPrincipal role_principal(std::string_view mspid, Role role) {
  ::common::MSPRole message;
  message.set_msp_identifier(std::string(mspid));
  message.set_role(static_cast<::common::MSPRole::MSPRoleType>(role));
  MSPPrincipal principal;
  principal.set_principal_classification(MSPPrincipal::ROLE);
  principal.set_principal(message.SerializeAsString());
  return principal;
}

}  // namespace

Result<std::shared_ptr<const Policy>> make_signature_policy(
    const SignaturePolicyEnvelope& envelope, std::shared_ptr<const identity::IdentityDeserializer> deserializer) {
  if (envelope.version() != 0) {
    return fail(Code::kInvalidArgument,
                fmt::format("This evaluator only understands messages of version 0, but version was {}", envelope.version()));
  }
  if (!envelope.has_rule()) return fail(Code::kInvalidArgument, "Empty policy element");
  SELVAGE_TRY(Node root, compile(envelope.rule(), envelope.identities_size()));
  return std::make_shared<const SignaturePolicy>(
      std::move(root), std::vector<MSPPrincipal>(envelope.identities().begin(), envelope.identities().end()),
      std::move(deserializer));
}

Result<std::shared_ptr<const Policy>> make_signature_policy(
    BytesView envelope, std::shared_ptr<const identity::IdentityDeserializer> deserializer) {
  SignaturePolicyEnvelope parsed;
  if (!wire::parse_into(envelope, parsed)) {
    return fail(Code::kInvalidArgument,
                "Error unmarshalling to SignaturePolicy: proto: cannot parse invalid wire-format data");
  }
  return make_signature_policy(parsed, std::move(deserializer));
}

SignaturePolicyEnvelope signed_by_n_out_of(int n, Role role, std::vector<std::string> mspids) {
  std::sort(mspids.begin(), mspids.end());
  SignaturePolicyEnvelope envelope;
  auto* out_of = envelope.mutable_rule()->mutable_n_out_of();
  out_of->set_n(n);
  for (size_t i = 0; i < mspids.size(); i++) {
    out_of->add_rules()->set_signed_by(static_cast<int32_t>(i));
    *envelope.add_identities() = role_principal(mspids[i], role);
  }
  return envelope;
}

SignaturePolicyEnvelope signed_by_any_member(std::vector<std::string> mspids) {
  return signed_by_n_out_of(1, Role::kMember, std::move(mspids));
}

SignaturePolicyEnvelope signed_by_any_admin(std::vector<std::string> mspids) {
  return signed_by_n_out_of(1, Role::kAdmin, std::move(mspids));
}

}  // namespace selvage::policy
