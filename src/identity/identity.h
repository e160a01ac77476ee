// Somebody's identity as one MSP sees it: a certificate with the MSP it claims to belong to.
//
// Who calls it: policy evaluation, endorser, validator, deliver. Made by Msp and MspManager (msp.h, msp_manager.h) only.
// An Identity that exists parses and names a known MSP; whether it is *valid* is what validate() says.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/certificate.h"

namespace common {
class MSPPrincipal;
}

namespace selvage::identity {

class Msp;

// Turns the bytes of a creator or endorser into an Identity. Safe from any thread.
class IdentityDeserializer {
 public:
  virtual ~IdentityDeserializer() = default;
  // Errors: kInvalidArgument with Fabric's words ("could not deserialize a SerializedIdentity",
  // "MSP Org3MSP is unknown", "expected MSP ID Org1MSP, received Org2MSP", ...). Does not validate.
  [[nodiscard]] virtual Result<std::shared_ptr<const class Identity>> deserialize(BytesView serialized) const = 0;
  // Fabric's IsWellFormed: parses as an identity of some kind, whatever the MSP says to it.
  [[nodiscard]] virtual Status check_well_formed(BytesView serialized) const = 0;
};

// Immutable but for remembered answers; safe from any thread.
class Identity {
 public:
  // Used by Msp. `certificate` is already in low-S form, `serialized` what the identity arrived as.
  Identity(std::shared_ptr<const Msp> msp, crypto::Certificate certificate, Bytes serialized);
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  [[nodiscard]] const std::string& mspid() const;
  [[nodiscard]] const crypto::Certificate& certificate() const { return certificate_; }
  // The bytes it was deserialized from; equal bytes are equal identities, the reverse does not hold.
  [[nodiscard]] const Bytes& serialized() const { return serialized_; }
  // Lower-case hex SHA-256 of the certificate's DER: with mspid() Fabric's IdentityIdentifier.
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] SystemTime expires_at() const;

  // kUnauthenticated "The signature is invalid" unless `signature` is this identity's over `message` (high-S refused).
  [[nodiscard]] Status verify(BytesView message, BytesView signature) const;

  // Chain to the MSP's roots, not revoked, node OUs as configured. Time is the certificate's own NotBefore+1s:
  // expiry is the caller's affair (expires_at). Answer remembered: the certificate chain is checked once.
  // Fabric quirk: msp/mspimpl.go getValidityOptsForCert.
  [[nodiscard]] Status validate() const;

  // kPermissionDenied with Fabric's words when not; validates on the way where Fabric does.
  [[nodiscard]] Status satisfies(const ::common::MSPPrincipal& principal) const;

  [[nodiscard]] const std::shared_ptr<const Msp>& msp() const { return msp_; }

 private:
  std::shared_ptr<const Msp> msp_;
  crypto::Certificate certificate_;
  Bytes serialized_;
  std::string id_;
  mutable std::atomic<const Status*> validity_{nullptr};  // owned; published once

 public:
  ~Identity();
};

// The claim in serialized bytes, for log lines: "mspid=Org1MSP subject=... issuer=... serial=..."; never fails.
// Fabric quirk: protoutil/signeddata.go LogMessageForSerializedIdentity.
[[nodiscard]] std::string describe_identity(BytesView serialized);

// msp.SerializedIdentity bytes of a certificate in PEM.
[[nodiscard]] Bytes serialize_identity(std::string_view mspid, std::string_view certificate_pem);

}  // namespace selvage::identity
