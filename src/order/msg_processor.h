// What an orderer lets through: Fabric's checks of a message under a channel's configuration, in Fabric's order and with
// its words, and the making of the next configuration out of a config update. Pure but for the signature it makes.
//
// The code of an error says the broadcast status: kPermissionDenied FORBIDDEN, kUnavailable SERVICE_UNAVAILABLE, the rest
// BAD_REQUEST. Safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "common/common.pb.h"
#include "orderer/etcdraft/metadata.pb.h"
#include "order/raft/message.h"
#include "wire/signer.h"
#include "wire/views.h"

namespace selvage::order {

// A broadcast message, read in place.
struct MessageView {
  wire::EnvelopeView envelope;
  wire::PayloadView payload;
  wire::ChannelHeaderView channel;
  [[nodiscard]] size_t counted_bytes() const { return envelope.payload.size() + envelope.signature.size(); }
};
// Errors: kInvalidArgument "could not determine channel ID: ...".
[[nodiscard]] Result<MessageView> read_message(BytesView envelope);

enum class MessageClass { kNormal, kConfigUpdate, kConfig, kUnsupported };
[[nodiscard]] MessageClass classify(int32_t header_type);

// When the identity in these bytes ends; nullopt when it is no certificate. `msps` may be null.
[[nodiscard]] std::optional<SystemTime> identity_expiry(BytesView serialized, const identity::MspManager* msps);

// The signature of `envelope` satisfies the policy of this name, or while the channel is in maintenance the other one.
// Fabric quirk: orderer/common/msgprocessor/sigfilter.go
[[nodiscard]] Status check_signature(const wire::EnvelopeView& envelope, const channel::Bundle& bundle,
                                     std::string_view normal_policy, std::string_view maintenance_policy);

class MsgProcessor {
 public:
  // `clock` and `random` must outlive the processor.
  MsgProcessor(wire::Signer signer, const Clock& clock, Random& random, bool check_expiry);

  // The filters: empty, size, expiry, signature.
  [[nodiscard]] Status check(const MessageView& message, const channel::Bundle& bundle) const;
  // The same for a normal message; none pass while the channel is in maintenance.
  [[nodiscard]] Status check_normal(const MessageView& message, const channel::Bundle& bundle) const;

  // What consensus has to say to a new configuration.
  struct ConsensusView {
    etcdraft::BlockMetadata ids;
    std::vector<raft::NodeId> active;
  };
  // CONFIG_UPDATE -> the signed CONFIG envelope that is to be ordered.
  [[nodiscard]] Result<common::Envelope> process_config_update(const common::Envelope& update,
                                                               const channel::Bundle& bundle,
                                                               const ConsensusView& consensus) const;
  // The same again for a CONFIG envelope that was made under an older configuration.
  [[nodiscard]] Result<common::Envelope> reprocess_config(const common::Envelope& config, const channel::Bundle& bundle,
                                                          const ConsensusView& consensus) const;

 private:
  wire::Signer signer_;
  const Clock& clock_;
  Random& random_;
  bool check_expiry_;
};

// Does this program understand what the configuration requires, and does it order at all?
[[nodiscard]] Status check_resources(const channel::Bundle& bundle);

}  // namespace selvage::order
