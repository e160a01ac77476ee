#include "order/msg_processor.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "base/log.h"
#include "base/log_quota.h"
#include "common/configtx.pb.h"
#include "channel/config_update.h"
#include "identity/msp_manager.h"
#include "order/consensus_metadata.h"
#include "order/maintenance.h"
#include "policy/policy_manager.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.msgprocessor");
  return instance;
}

auto refuse(std::string why) { return fail(Code::kInvalidArgument, std::move(why)); }

Result<wire::SignatureHeaderView> signature_header(const wire::PayloadView& payload) {
  auto header = wire::read_signature_header(payload.header.signature_header);
  if (!header) {
    return refuse(fmt::format("could not convert message to signedData: GetSignatureHeaderFromBytes failed, err {}",
                              wire::kBadWireFormat));
  }
  return header;
}

}  // namespace

Result<MessageView> read_message(BytesView envelope) {
  MessageView message;
  SELVAGE_TRY(message.envelope, wire::read_envelope(envelope));
  const auto within = [](Error error) { return fail(error.within("could not determine channel ID")); };
  auto payload = wire::read_payload(message.envelope.payload);
  if (!payload) return within(payload.error());
  message.payload = *payload;
  if (!payload->has_header) return refuse("could not determine channel ID: header not set");
  if (payload->header.channel_header.empty()) return refuse("could not determine channel ID: channel header not set");
  auto channel = wire::read_channel_header(payload->header.channel_header);
  if (!channel) return within(channel.error().within("error unmarshalling channel header"));
  message.channel = *channel;
  return message;
}

MessageClass classify(int32_t header_type) {
  switch (header_type) {
    case common::CONFIG_UPDATE:
      return MessageClass::kConfigUpdate;
    case common::CONFIG:
      return MessageClass::kConfig;
    case common::ORDERER_TRANSACTION:
      return MessageClass::kUnsupported;
    default:
      return MessageClass::kNormal;
  }
}

std::optional<SystemTime> identity_expiry(BytesView serialized, const identity::MspManager* msps) {
  if (msps != nullptr) {
    if (auto identity = msps->deserialize(serialized)) return (*identity)->expires_at();
  }
  auto view = wire::read_identity(serialized);
  if (!view) return std::nullopt;
  auto certificate = crypto::Certificate::from_pem(view->id_bytes);
  if (!certificate) return std::nullopt;
  return to_system_time(certificate->not_after());
}

Status check_signature(const wire::EnvelopeView& envelope, const channel::Bundle& bundle,
                       std::string_view normal_policy, std::string_view maintenance_policy) {
  const auto* orderer = bundle.orderer();
  if (orderer == nullptr) return refuse("orderer config not found");
  auto payload = wire::read_payload(envelope.payload);
  if (!payload) return refuse(fmt::format("could not convert message to signedData: {}", wire::kBadWireFormat));
  if (!payload->has_header) return refuse("could not convert message to signedData: Missing Header");
  SELVAGE_TRY(const auto header, signature_header(*payload));
  const bool maintenance = orderer->consensus_state == channel::ConsensusState::kMaintenance;
  const std::string_view name = maintenance ? maintenance_policy : normal_policy;
  const auto* policy = bundle.policies().find(name);
  if (policy == nullptr) return refuse(fmt::format("could not find policy {}", name));
  const policy::SignedData data{envelope.payload, header.creator, envelope.signature};
  auto satisfied = policy->evaluate(std::span(&data, 1));
  if (satisfied) return {};
  LOG_STRANGER(logger()
               .with("error", satisfied.error().message)
               .with("ConsensusState", maintenance ? "STATE_MAINTENANCE" : "STATE_NORMAL")
               .with("policyName", name)
               .with("signingIdentity", identity::describe_identity(header.creator)),
               Warn, "", "SigFilter evaluation failed");
  return fail(Code::kPermissionDenied, satisfied.error().message + ": permission denied", satisfied.error().cause);
}

MsgProcessor::MsgProcessor(wire::Signer signer, const Clock& clock, Random& random, bool check_expiry)
    : signer_(std::move(signer)), clock_(clock), random_(random), check_expiry_(check_expiry) {}

Status MsgProcessor::check(const MessageView& message, const channel::Bundle& bundle) const {
  const auto* orderer = bundle.orderer();
  if (orderer == nullptr) return refuse("orderer config not found");
  if (message.envelope.payload.empty()) return refuse("Message was empty");
  if (const size_t size = message.counted_bytes(); size > orderer->batch_size.absolute_max_bytes) {
    return refuse(fmt::format("message payload is {} bytes and exceeds maximum allowed {} bytes", size,
                              orderer->batch_size.absolute_max_bytes));
  }
  // Before the signature, which costs more.
  if (check_expiry_ && orderer->capabilities.expiration_check()) {
    SELVAGE_TRY(const auto header, signature_header(message.payload));
    const auto ends = identity_expiry(header.creator, bundle.msps().get());
    if (ends && clock_.now() >= *ends) return refuse("broadcast client identity expired");
  }
  return check_signature(message.envelope, bundle, policy::kChannelWriters, policy::kChannelOrdererWriters);
}

Status MsgProcessor::check_normal(const MessageView& message, const channel::Bundle& bundle) const {
  const auto* orderer = bundle.orderer();
  if (orderer != nullptr && orderer->capabilities.consensus_type_migration() &&
      orderer->consensus_state != channel::ConsensusState::kNormal) {
    return fail(Code::kUnavailable, "normal transactions are rejected: maintenance mode");
  }
  return check(message, bundle);
}

Result<common::Envelope> MsgProcessor::process_config_update(const common::Envelope& update,
                                                             const channel::Bundle& bundle,
                                                             const ConsensusView& consensus) const {
  const Bytes update_bytes = wire::marshal(update);
  SELVAGE_TRY(const auto message, read_message(update_bytes));
  if (auto passed = check(message, bundle); !passed) {
    return fail(passed.error().within("config update for existing channel did not pass initial checks"));
  }
  const auto next = [&]() -> Result<common::ConfigEnvelope> {
    SELVAGE_TRY(common::ConfigEnvelope envelope, bundle.propose_update(update));
    SELVAGE_TRY(const auto next_bundle, channel::Bundle::from_config(bundle.channel_id(), envelope.config()));
    if (auto fine = check_resources(*next_bundle); !fine) {
      return fail(fine.error().within("config update is not compatible"));
    }
    SELVAGE_CHECK(bundle.check_successor(*next_bundle));
    // Leaving Raft is the maintenance filter's affair; it knows what may be left when.
    if (next_bundle->orderer()->consensus_type == bundle.orderer()->consensus_type) {
      if (auto fine = check_consensus_update(bundle, *next_bundle, consensus.ids, consensus.active, clock_.now()); !fine) {
        return fail(fine.error().within("consensus metadata update for channel config update is invalid"));
      }
    }
    return envelope;
  }();
  if (!next) {
    Error error = next.error().within(
        fmt::format("error applying config update to existing channel '{}'", bundle.channel_id()));
    error.code = Code::kInvalidArgument;  // who may not change this is told BAD_REQUEST, as in Fabric
    return fail(std::move(error));
  }
  SELVAGE_TRY(common::Envelope config, wire::make_signed_envelope(common::CONFIG, bundle.channel_id(), signer_, *next,
                                                                  clock_.now(), random_));
  // Once more, above all for its size, and to see that our own identity is good for it.
  const Bytes config_bytes = wire::marshal(config);
  SELVAGE_TRY(const auto made, read_message(config_bytes));
  if (auto passed = check(made, bundle); !passed) {
    return fail(passed.error().within("config update for existing channel did not pass final checks"));
  }
  if (auto passed = check_maintenance(*next, bundle); !passed) {
    return fail(passed.error()
                    .within("config transaction inspection failed")
                    .within("config update for existing channel did not pass maintenance checks"));
  }
  return config;
}

Result<common::Envelope> MsgProcessor::reprocess_config(const common::Envelope& config, const channel::Bundle& bundle,
                                                        const ConsensusView& consensus) const {
  common::ConfigEnvelope envelope;
  SELVAGE_TRY([[maybe_unused]] const auto header, wire::open_envelope_of(config, common::CONFIG, envelope));
  return process_config_update(envelope.last_update(), bundle, consensus);
}

Status check_resources(const channel::Bundle& bundle) {
  const auto* orderer = bundle.orderer();
  if (orderer == nullptr) return refuse("config does not contain orderer config");
  if (auto fine = orderer->capabilities.supported(); !fine) {
    return fail(fine.error().within("config requires unsupported orderer capabilities: " + fine.error().message));
  }
  if (auto fine = bundle.capabilities().supported(); !fine) {
    return fail(fine.error().within("config requires unsupported channel capabilities: " + fine.error().message));
  }
  return {};
}

}  // namespace selvage::order
