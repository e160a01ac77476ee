#include "order/envelope_check.h"

#include <utility>

#include "base/log.h"
#include "base/log_quota.h"
#include "order/chain_worker.h"
#include "order/msg_processor.h"
#include "order/registrar.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.broadcast");
  return instance;
}

// The bytes that Go would write for this envelope, since those are what blocks hold.
Result<Bytes> canonical(Bytes envelope) {
  if (wire::check_canonical_envelope(envelope, 0)) return envelope;
  SELVAGE_TRY(const auto parsed, wire::parse<common::Envelope>(envelope));
  return wire::marshal(parsed);
}

common::Status status_of(Code code) {
  switch (code) {
    case Code::kPermissionDenied:
      return common::FORBIDDEN;
    case Code::kUnavailable:
      return common::SERVICE_UNAVAILABLE;
    default:
      return common::BAD_REQUEST;
  }
}

// Types and channels become log text and labels; those of messages that pass are known to be harmless.
std::string log_text(BytesView text) {
  std::string safe(text.substr(0, 64));
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return safe;
}

class Check {
 public:
  Check(const Registrar& registrar, const std::string& address) : registrar_(registrar), address_(address) {}

  CheckedEnvelope run(Bytes envelope) {
    auto bytes = canonical(std::move(envelope));
    if (!bytes) {
      checked_.status = common::BAD_REQUEST;
      checked_.unparsable = true;
      return std::move(checked_);
    }
    checked_.submission.envelope = std::move(*bytes);
    look();
    return std::move(checked_);
  }

 private:
  void look() {
    const auto message = read_message(checked_.submission.envelope);
    if (!message) return no_processor(message.error().message);
    checked_.channel = log_text(message->channel.channel_id);
    checked_.type = wire::header_type_name(message->channel.type);
    auto chain = registrar_.chain(std::string(message->channel.channel_id));
    if (!chain) {
      checked_.channel = "unknown";  // or anybody could make metrics without end
      return no_processor("channel does not exist");
    }
    const auto bundle = chain->bundle();
    switch (classify(message->channel.type)) {
      case MessageClass::kConfig:
        return no_processor("message is of type that cannot be processed directly");
      case MessageClass::kUnsupported:
        return no_processor("message is of type that is no longer supported");
      case MessageClass::kNormal:
        if (!pass_normal(*message, *bundle)) return;
        break;
      case MessageClass::kConfigUpdate:
        if (!pass_config_update(*bundle, chain->consensus())) return;
        break;
    }
    checked_.submission.validated_at = bundle->sequence();
    checked_.chain = std::move(chain);
  }

  bool pass_normal(const MessageView& message, const channel::Bundle& bundle) {
    LOG_DEBUG(logger(), "[channel: {}] Broadcast is processing normal message from {} of type {}", checked_.channel,
              address_, checked_.type);
    if (auto passed = registrar_.processor().check_normal(message, bundle); !passed) {
      refuse("Rejecting broadcast of normal message from", passed.error());
      return false;
    }
    checked_.submission.message_bytes = message.counted_bytes();
    return true;
  }

  // What is ordered is the configuration that the update makes.
  bool pass_config_update(const channel::Bundle& bundle, const MsgProcessor::ConsensusView& consensus) {
    LOG_DEBUG(logger(), "[channel: {}] Broadcast is processing config update message from {}", checked_.channel,
              address_);
    common::Envelope update;
    const auto config = wire::parse_into(checked_.submission.envelope, update)
                            ? registrar_.processor().process_config_update(update, bundle, consensus)
                            : Result<common::Envelope>(fail(Code::kInvalidArgument, wire::kBadWireFormat));
    if (!config) {
      refuse("Rejecting broadcast of config message from", config.error());
      return false;
    }
    checked_.submission.message_bytes = config->payload().size() + config->signature().size();
    checked_.submission.envelope = wire::marshal(*config);
    checked_.submission.config = true;
    return true;
  }

  void refuse(const char* what, const Error& error) {
    LOG_STRANGER(logger(), Warn, address_, "[channel: {}] {} {} because of error: {}", checked_.channel, what, address_,
                 to_string(error));
    checked_.status = status_of(error.code);
    checked_.info = error.message;
  }
  void no_processor(const std::string& why) {
    LOG_STRANGER(logger(), Warn, address_, "[channel: {}] Could not get message processor for serving {}: {}",
                 checked_.channel, address_, why);
    checked_.status = common::BAD_REQUEST;
    checked_.info = why;
  }

  const Registrar& registrar_;
  const std::string& address_;
  CheckedEnvelope checked_;
};

}  // namespace

CheckedEnvelope check_envelope(Bytes envelope, const Registrar& registrar, const std::string& address) {
  return Check(registrar, address).run(std::move(envelope));
}

}  // namespace selvage::order
