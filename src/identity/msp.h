// A membership service provider: one organisation's roots, intermediates, admins, revocation lists and node OUs, and
// the answers to "is this certificate one of yours" and "does it hold this role".
//
// Made from msp.MSPConfig of the channel configuration, or from a directory by posix_msp_directory.h. X.509 only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/revocation_list.h"
#include "identity/identity.h"

namespace msp {
class MSPConfig;
}

namespace selvage::identity {

// What an MSP understands follows from the channel's capabilities. Local MSPs use the newest.
enum class MspVersion { kV1_0, kV1_1, kV1_3, kV1_4_3, kV3_0 };

// Immutable; safe from any thread. Always held by shared_ptr: its identities keep it alive.
class Msp : public IdentityDeserializer, public std::enable_shared_from_this<Msp> {
 public:
  // Errors: kInvalidArgument, Fabric's words; `hint` names the remedy for an operator's own directory.
  [[nodiscard]] static Result<std::shared_ptr<const Msp>> make(const ::msp::MSPConfig& config, MspVersion version);
  ~Msp() override;

  [[nodiscard]] const std::string& mspid() const;
  [[nodiscard]] MspVersion version() const;
  // TLS roots and intermediates that the organisation publishes, as it lists them (not checked against a clock).
  [[nodiscard]] const std::vector<crypto::Certificate>& tls_roots() const;
  [[nodiscard]] const std::vector<crypto::Certificate>& tls_intermediates() const;
  [[nodiscard]] const std::vector<crypto::RevocationList>& revocations() const;
  [[nodiscard]] const std::vector<crypto::Certificate>& roots() const;
  [[nodiscard]] const std::vector<crypto::Certificate>& intermediates() const;
  [[nodiscard]] bool node_ous_enabled() const;

  // Only identities that claim this MSP ("expected MSP ID Org1MSP, received Org2MSP").
  [[nodiscard]] Result<std::shared_ptr<const Identity>> deserialize(BytesView serialized) const override;
  [[nodiscard]] Status check_well_formed(BytesView serialized) const override;
  // The same from a certificate.
  [[nodiscard]] Result<std::shared_ptr<const Identity>> identity_of(const crypto::Certificate& certificate) const;
  // The parts of a SerializedIdentity whose MSP id the caller has matched; `serialized` is kept as it is.
  [[nodiscard]] Result<std::shared_ptr<const Identity>> identity_from(BytesView pem, Bytes serialized) const;

  // Identity::validate and ::satisfies come here; call those, they remember.
  [[nodiscard]] Status validate(const Identity& identity) const;
  [[nodiscard]] Status satisfies(const Identity& identity, const ::common::MSPPrincipal& principal) const;

  struct State;  // msp_state.h

 private:
  explicit Msp(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace selvage::identity
