// One channel's configuration at one sequence: everything that follows from a config block, ready for use.
//
// Immutable and shared: whoever needs the configuration takes the current shared_ptr and keeps it for the length of one
// request or block; a config block makes a new Bundle. Safe from any thread. No I/O, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "channel/application_config.h"
#include "channel/capabilities.h"
#include "channel/orderer_config.h"
#include "identity/msp_manager.h"
#include "policy/policy_manager.h"

namespace common {
class Block;
class Config;
class ConfigEnvelope;
class Envelope;
}  // namespace common

namespace selvage::channel {

// The TLS certificates an organisation publishes in its MSP, with where they stand: for tls/trust provenance.
struct OrgTlsRoots {
  std::string mspid;
  std::string org;                // group name
  bool application_org = false;   // in the Application group
  bool orderer_org = false;       // in the Orderer group; one MSP may be both
  std::vector<crypto::Certificate> roots;          // tls_root_certs[i]
  std::vector<crypto::Certificate> intermediates;  // tls_intermediate_certs[i]
  std::vector<crypto::RevocationList> revocations; // revocation_list[i], of identity and TLS certificates alike
};

class Bundle;
using BundlePtr = std::shared_ptr<const Bundle>;

class Bundle {
 public:
  // Errors: kInvalidArgument with Fabric's words ("initializing channelconfig failed: ...").
  [[nodiscard]] static Result<BundlePtr> from_config(const std::string& channel_id, const ::common::Config& config);
  // An envelope of type CONFIG.
  [[nodiscard]] static Result<BundlePtr> from_envelope(const ::common::Envelope& envelope);
  // A config block (first transaction).
  [[nodiscard]] static Result<BundlePtr> from_block(const ::common::Block& block);
  ~Bundle();

  [[nodiscard]] const std::string& channel_id() const;
  [[nodiscard]] uint64_t sequence() const;
  [[nodiscard]] const ::common::Config& config() const;
  [[nodiscard]] const std::shared_ptr<const identity::MspManager>& msps() const;
  [[nodiscard]] const policy::PolicyManager& policies() const;
  // Null when the group is missing.
  [[nodiscard]] const OrdererConfig* orderer() const;
  [[nodiscard]] const ApplicationConfig* application() const;
  [[nodiscard]] bool has_consortiums() const;  // a system channel: refused by orderer and peer
  [[nodiscard]] const ChannelCapabilities& capabilities() const;
  [[nodiscard]] const std::vector<std::string>& global_orderer_addresses() const;  // deprecated OrdererAddresses
  [[nodiscard]] const std::vector<OrgTlsRoots>& org_tls_roots() const;             // by mspid
  // This configuration as check_acl (policy/acl.h) wants it. Points into this Bundle.
  [[nodiscard]] policy::AclChannel acl_channel() const;

  // A peer's duty: every channel and application capability is understood by this program. Orderers ask
  // capabilities().supported() and orderer()->capabilities.supported().
  // kFailedPrecondition "Channel capability V9_9 is required but not supported".
  [[nodiscard]] Status check_capabilities() const;

  // What must hold between this and the next configuration (no MSP id changes, no vanished groups, ...).
  [[nodiscard]] Status check_successor(const Bundle& next) const;

  // Orderer: CONFIG_UPDATE envelope -> ConfigEnvelope of the next sequence. See config_update.h.
  [[nodiscard]] Result<::common::ConfigEnvelope> propose_update(const ::common::Envelope& config_update) const;
  // Peer and followers: the ConfigEnvelope of a block follows from this configuration and its signatures.
  [[nodiscard]] Status check_next(const ::common::ConfigEnvelope& next) const;

 private:
  struct State;
  explicit Bundle(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace selvage::channel
