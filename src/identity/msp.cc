// The answers of an MSP: identities from bytes, and principals.
#include "identity/msp.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/pem.h"
#include "identity/msp_state.h"
#include "identity/well_formed.h"
#include "msp/identities.pb.h"
#include "msp/msp_principal.pb.h"
#include "wire/marshal.h"

namespace selvage::identity {
namespace {

using ::common::MSPPrincipal;
using ::common::MSPRole;

Status has_role(const Msp::State& msp, const Identity& identity, MSPRole::MSPRoleType role) {
  if (!msp.node_ous) return fail(Code::kPermissionDenied, "NodeOUs not activated. Cannot tell apart identities.");
  const std::optional<OrgUnit>* unit = nullptr;
  switch (role) {
    case MSPRole::CLIENT: unit = &msp.client; break;
    case MSPRole::PEER: unit = &msp.peer; break;
    case MSPRole::ADMIN: unit = &msp.admin; break;
    case MSPRole::ORDERER: unit = &msp.orderer; break;
    default:
      return fail(Code::kPermissionDenied, "Invalid MSPRoleType. It must be CLIENT, PEER, ADMIN or ORDERER");
  }
  const std::string& name = MSPRole::MSPRoleType_Name(role);
  if (!*unit) {
    return fail(Code::kPermissionDenied,
                fmt::format("cannot test for classification, node ou for type [{}], not defined, msp: [{}]", name, msp.mspid));
  }
  // The certificate is valid at this point, so that its units are those of a proved chain.
  const auto& names = identity.certificate().organizational_units();
  if (std::find(names.begin(), names.end(), (*unit)->name) != names.end()) return {};
  return fail(Code::kPermissionDenied, fmt::format("The identity does not contain OU [{}], MSP: [{}]", name, msp.mspid));
}

Status check_role(const Msp::State& msp, const Identity& identity, MSPRole::MSPRoleType role) {
  if (auto valid = identity.validate(); !valid) {
    return fail(valid.error().within(fmt::format("The identity is not valid under this MSP [{}]", msp.mspid)));
  }
  if (auto held = has_role(msp, identity, role); !held) {
    const std::string what = role == MSPRole::ADMIN ? std::string("an admin")
                                                    : fmt::format("a [{}]", MSPRole::MSPRoleType_Name(role));
    return fail(held.error().within(fmt::format("The identity is not {} under this MSP [{}]", what, msp.mspid)));
  }
  return {};
}

Status satisfies_role(const Msp::State& msp, const Identity& identity, const Bytes& principal) {
  MSPRole role;
  if (!wire::parse_into(principal, role)) {
    return fail(Code::kInvalidArgument, "could not unmarshal MSPRole from principal: proto: cannot parse invalid wire-format data");
  }
  if (role.msp_identifier() != msp.mspid) {
    return fail(Code::kPermissionDenied, fmt::format("the identity is a member of a different MSP (expected {}, got {})",
                                                     role.msp_identifier(), identity.mspid()));
  }
  const bool classified = msp.node_ous && msp.version >= MspVersion::kV1_4_3;
  switch (role.role()) {
    case MSPRole::MEMBER:
      return identity.validate();
    case MSPRole::ADMIN:
      // Fabric quirk: msp/mspimpl.go, a certificate of admincerts is an admin without further checks.
      if (msp.is_admin_certificate(identity.certificate())) return {};
      if (!classified) return fail(Code::kPermissionDenied, "This identity is not an admin");
      return check_role(msp, identity, MSPRole::ADMIN);
    case MSPRole::CLIENT:
    case MSPRole::PEER:
      return check_role(msp, identity, role.role());
    case MSPRole::ORDERER:
      if (classified) return check_role(msp, identity, MSPRole::ORDERER);
      [[fallthrough]];
    default:
      return fail(Code::kInvalidArgument, fmt::format("invalid MSP role type {}", static_cast<int>(role.role())));
  }
}

Status satisfies_unit(const Msp::State& msp, const Identity& identity, const Bytes& principal) {
  ::common::OrganizationUnit wanted;
  if (!wire::parse_into(principal, wanted)) {
    return fail(Code::kInvalidArgument,
                "could not unmarshal OrganizationUnit from principal: proto: cannot parse invalid wire-format data");
  }
  if (wanted.msp_identifier() != msp.mspid) {
    return fail(Code::kPermissionDenied, fmt::format("the identity is a member of a different MSP (expected {}, got {})",
                                                     wanted.msp_identifier(), identity.mspid()));
  }
  SELVAGE_CHECK(identity.validate());
  for (const OrgUnit& unit : msp.units_of(identity.certificate())) {
    if (unit.name == wanted.organizational_unit_identifier() && unit.certifiers == wanted.certifiers_identifier()) return {};
  }
  return fail(Code::kPermissionDenied, "The identities do not match");
}

}  // namespace

Msp::Msp(std::unique_ptr<State> state) : state_(std::move(state)) {}
Msp::~Msp() = default;

const std::string& Msp::mspid() const { return state_->mspid; }
MspVersion Msp::version() const { return state_->version; }
const std::vector<crypto::Certificate>& Msp::tls_roots() const { return state_->tls_roots; }
const std::vector<crypto::Certificate>& Msp::tls_intermediates() const { return state_->tls_intermediates; }
const std::vector<crypto::RevocationList>& Msp::revocations() const { return state_->revocations; }
const std::vector<crypto::Certificate>& Msp::roots() const { return state_->roots; }
const std::vector<crypto::Certificate>& Msp::intermediates() const { return state_->intermediates; }
bool Msp::node_ous_enabled() const { return state_->node_ous; }

Result<std::shared_ptr<const Identity>> Msp::deserialize(BytesView serialized) const {
  ::msp::SerializedIdentity claim;
  if (!wire::parse_into(serialized, claim)) {
    return fail(Code::kInvalidArgument,
                "could not deserialize a SerializedIdentity: proto: cannot parse invalid wire-format data");
  }
  if (claim.mspid() != state_->mspid) {
    return fail(Code::kInvalidArgument, fmt::format("expected MSP ID {}, received {}", state_->mspid, claim.mspid()));
  }
  return identity_from(claim.id_bytes(), Bytes(serialized));
}

Result<std::shared_ptr<const Identity>> Msp::identity_from(BytesView pem, Bytes serialized) const {
  const std::vector<crypto::PemBlock> blocks = crypto::parse_pem(pem);
  if (blocks.empty()) return fail(Code::kInvalidArgument, "could not decode the PEM structure");
  auto certificate = crypto::Certificate::from_der(blocks.front().der);
  if (!certificate) return fail(certificate.error().within("parseCertificate failed"));
  SELVAGE_TRY(crypto::Certificate clean, state_->sanitize(*certificate));
  return std::make_shared<const Identity>(shared_from_this(), std::move(clean), std::move(serialized));
}

Result<std::shared_ptr<const Identity>> Msp::identity_of(const crypto::Certificate& certificate) const {
  const std::string pem = certificate.pem();
  return identity_from(pem, serialize_identity(state_->mspid, pem));
}

Status Msp::check_well_formed(BytesView serialized) const { return check_identity_form(serialized); }

Status Msp::validate(const Identity& identity) const { return state_->validate(identity.certificate()); }

Status Msp::satisfies(const Identity& identity, const MSPPrincipal& principal) const {
  switch (principal.principal_classification()) {
    case MSPPrincipal::ROLE:
      return satisfies_role(*state_, identity, principal.principal());
    case MSPPrincipal::ORGANIZATION_UNIT:
      return satisfies_unit(*state_, identity, principal.principal());
    case MSPPrincipal::IDENTITY: {
      auto named = deserialize(principal.principal());
      if (!named) return fail(named.error().within("invalid identity principal, not a certificate"));
      if ((*named)->certificate() == identity.certificate()) return (*named)->validate();
      return fail(Code::kPermissionDenied, "The identities do not match");
    }
    case MSPPrincipal::COMBINED: {
      if (state_->version <= MspVersion::kV1_1) break;
      ::common::CombinedPrincipal combined;
      if (!wire::parse_into(principal.principal(), combined)) {
        return fail(Code::kInvalidArgument,
                    "could not unmarshal CombinedPrincipal from principal: proto: cannot parse invalid wire-format data");
      }
      if (combined.principals().empty()) return fail(Code::kInvalidArgument, "No principals in CombinedPrincipal");
      for (const MSPPrincipal& one : combined.principals()) SELVAGE_CHECK(satisfies(identity, one));
      return {};
    }
    case MSPPrincipal::ANONYMITY: {
      if (state_->version <= MspVersion::kV1_1) break;
      ::common::MSPIdentityAnonymity anonymity;
      if (!wire::parse_into(principal.principal(), anonymity)) {
        return fail(Code::kInvalidArgument,
                    "could not unmarshal MSPIdentityAnonymity from principal: proto: cannot parse invalid wire-format data");
      }
      if (anonymity.anonymity_type() == ::common::MSPIdentityAnonymity::NOMINAL) return {};
      if (anonymity.anonymity_type() == ::common::MSPIdentityAnonymity::ANONYMOUS) {
        return fail(Code::kPermissionDenied, "Principal is anonymous, but X.509 MSP does not support anonymous identities");
      }
      return fail(Code::kInvalidArgument,
                  fmt::format("Unknown principal anonymity type: {}", static_cast<int>(anonymity.anonymity_type())));
    }
    default:
      break;
  }
  return fail(Code::kInvalidArgument,
              fmt::format("invalid principal type {}", static_cast<int>(principal.principal_classification())));
}

}  // namespace selvage::identity
