// A policy: a set of signatures (or of identities already proved) satisfies it, or not and why.
//
// Made by PolicyManager from a channel configuration (policy_manager.h), or from one SignaturePolicyEnvelope
// (signature_policy.h). Evaluation reads no clock: expired identities are refused by callers.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "identity/identity.h"

namespace common {
class Envelope;
}
namespace protos {
class SignedProposal;
}

namespace selvage::identity {
class SignatureMemory;
}

namespace selvage::policy {

using IdentityPtr = std::shared_ptr<const identity::Identity>;

// Views: what they point to must live while they are evaluated.
struct SignedData {
  BytesView data;
  BytesView identity;   // msp.SerializedIdentity
  BytesView signature;  // over data
};

// As SignedData, but owning.
struct OwnedSignedData {
  Bytes data;
  Bytes identity;
  Bytes signature;
  [[nodiscard]] SignedData view() const { return {data, identity, signature}; }
};

class Policy {
 public:
  virtual ~Policy() = default;
  // kPermissionDenied with Fabric's words. Each distinct identity's signature is checked once.
  [[nodiscard]] virtual Status evaluate(std::span<const SignedData> signatures) const = 0;
  // The same for identities whose signatures the caller has checked; no identity counts twice.
  [[nodiscard]] virtual Status evaluate_identities(std::span<const IdentityPtr> identities) const = 0;
};

// The identities among `signatures` that deserialize, are met first, and whose signature holds; others are dropped.
// Fabric quirk: common/policies/policy.go SignatureSetToValidIdentities.
// What `known` holds is not verified again; what was verified is added to it.
[[nodiscard]] std::vector<IdentityPtr> valid_identities(std::span<const SignedData> signatures,
                                                        const identity::IdentityDeserializer& deserializer,
                                                        identity::SignatureMemory* known = nullptr);

// Who signed an envelope or a proposal, as signed data. Errors: kInvalidArgument, Fabric's words.
[[nodiscard]] Result<OwnedSignedData> signed_data_of(const ::common::Envelope& envelope);
[[nodiscard]] Result<OwnedSignedData> signed_data_of(const ::protos::SignedProposal& proposal);

}  // namespace selvage::policy
