// Which sets of principals satisfy a policy, and several policies at once. Pure.
//
// Fabric quirk: common/policies/inquire: at most 10,000 combinations of one rule are looked at.
#pragma once

#include <string>
#include <vector>

#include "common/policies.pb.h"
#include "msp/msp_principal.pb.h"

namespace selvage::discovery {

// A principal taken apart, so that two can be compared.
struct Principal {
  ::common::MSPPrincipal message;
  std::string mspid;
  enum class Kind { kRole, kUnit, kIdentity } kind = Kind::kRole;
  int role = 0;           // kRole: msp.MSPRole.MSPRoleType
  std::string unit;       // kUnit
  std::string certifiers;  // kUnit
  std::string identity;   // kIdentity

  // Whoever is this is the other one as well: a peer is a member.
  [[nodiscard]] bool is_a(const Principal& other) const;
  [[nodiscard]] bool operator==(const Principal& other) const;
};
// With repetitions: one signer for each.
using PrincipalSet = std::vector<Principal>;
using PrincipalSets = std::vector<PrincipalSet>;

// Every set that satisfies the policy; empty when none does, or the policy is malformed.
[[nodiscard]] PrincipalSets satisfied_by(const ::common::SignaturePolicyEnvelope& policy);
// Sets that satisfy both, without those that contain another one.
[[nodiscard]] PrincipalSets merge(PrincipalSets one, PrincipalSets other);

}  // namespace selvage::discovery
