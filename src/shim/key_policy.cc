#include "shim/key_policy.h"

#include "common/policies.pb.h"
#include "msp/msp_principal.pb.h"
#include "wire/marshal.h"

namespace selvage::shim {

Result<KeyPolicy> KeyPolicy::parse(BytesView bytes) {
  ::common::SignaturePolicyEnvelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(Code::kInvalidArgument, std::string("Error unmarshaling to SignaturePolicy: ") + wire::kBadWireFormat);
  KeyPolicy out;
  for (const auto& identity : envelope.identities()) {
    if (identity.principal_classification() != ::common::MSPPrincipal::ROLE) continue;
    ::common::MSPRole role;
    if (!role.ParseFromString(identity.principal()))
      return fail(Code::kInvalidArgument, std::string("error unmarshaling msp principal: ") + wire::kBadWireFormat);
    out.roles_[role.msp_identifier()] = role.role();
  }
  return out;
}

void KeyPolicy::add(const std::vector<std::string>& mspids, Role role) {
  for (const auto& mspid : mspids) roles_[mspid] = static_cast<int>(role);
}

void KeyPolicy::remove(const std::vector<std::string>& mspids) {
  for (const auto& mspid : mspids) roles_.erase(mspid);
}

std::vector<std::string> KeyPolicy::organisations() const {
  std::vector<std::string> out;
  for (const auto& [mspid, role] : roles_) out.push_back(mspid);
  return out;
}

Bytes KeyPolicy::encode() const {
  ::common::SignaturePolicyEnvelope envelope;
  auto* all = envelope.mutable_rule()->mutable_n_out_of();
  all->set_n(static_cast<int>(roles_.size()));
  for (const auto& [mspid, number] : roles_) {
    all->add_rules()->set_signed_by(envelope.identities_size());
    ::common::MSPRole role;
    role.set_msp_identifier(mspid);
    role.set_role(static_cast<::common::MSPRole::MSPRoleType>(number));
    auto* identity = envelope.add_identities();
    identity->set_principal_classification(::common::MSPPrincipal::ROLE);
    identity->set_principal(role.SerializeAsString());
  }
  return envelope.SerializeAsString();
}

}  // namespace selvage::shim
