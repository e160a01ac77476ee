#include "chaincode/system/cscc.h"

#include "base/log.h"
#include "channel/bundle.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "ledger/ledger.h"
#include "peer/query.pb.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::chaincode {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("cscc");
  return instance;
}

// The config envelope of a block's first transaction, with Fabric's words for what is wrong.
Result<common::ConfigEnvelope> config_of(const common::Block& block) {
  if (block.data().data_size() == 0)
    return fail(Code::kInvalidArgument, "Failed to block data is empty: envelope index out of bounds");
  auto envelope = wire::parse<common::Envelope>(block.data().data(0));
  if (!envelope) return fail(std::move(envelope).error().within("Failed to block data does not carry an envelope at index 0"));
  common::ConfigEnvelope config;
  auto header = wire::open_envelope_of(*envelope, common::CONFIG, config);
  if (!header)
    return fail(Code::kInvalidArgument, "Bad configuration envelope: " + header.error().message);
  if (!config.has_config()) return fail(Code::kInvalidArgument, "Nil config envelope Config");
  if (!config.config().has_channel_group()) return fail(Code::kInvalidArgument, "Nil channel group");
  const auto& groups = config.config().channel_group().groups();
  if (groups.empty()) return fail(Code::kInvalidArgument, "No channel configuration groups are available");
  if (!groups.contains("Application"))
    return fail(Code::kInvalidArgument, "Invalid configuration block, missing Application configuration group");
  auto bundle = channel::Bundle::from_block(block);
  if (!bundle) return fail(Code::kInvalidArgument, "Failed capabilities check: [" + bundle.error().message + "]");
  if (auto capable = (*bundle)->check_capabilities(); !capable)
    return fail(Code::kInvalidArgument, "Failed capabilities check: [" + capable.error().message + "]");
  return config;
}

Result<std::string> channel_of(const common::Block& block) {
  if (block.data().data_size() == 0)
    return fail(Code::kInvalidArgument, "failed to retrieve channel id - block is empty");
  SELVAGE_TRY(auto envelope, wire::parse<common::Envelope>(block.data().data(0)));
  SELVAGE_TRY(auto header, wire::channel_header_of(envelope));
  return header.channel_id();
}

class Cscc final : public SystemChaincode {
 public:
  Cscc(Channels& channels, AccessCheck access) : channels_(channels), access_(std::move(access)) {}
  std::string_view name() const override { return "cscc"; }

  protos::Response invoke(const Transaction& transaction, const Arguments& arguments) override {
    if (arguments.empty()) return failure("Incorrect number of arguments, 0");
    const std::string& function = arguments[0];
    if (function != "GetChannels" && function != "JoinBySnapshotStatus" && arguments.size() < 2)
      return failure("Incorrect number of arguments, " + std::to_string(arguments.size()));
    LOG_DEBUG(logger(), "Invoke function: {}", escape(function, 60));
    if (transaction.proposal_chaincode != name())
      return failure("Rejecting invoke of CSCC from another chaincode, original invocation for '" +
                     transaction.proposal_chaincode + "'");
    if (function == "JoinChain") return join(transaction, arguments[1]);
    if (function == "JoinChainBySnapshot") {
      if (auto allowed = access_("cscc/JoinChainBySnapshot", "", transaction.creator); !allowed)
        return failure("access denied for [" + function + "]: [" + allowed.error().message + "]");
      return failure("this peer cannot join a channel by snapshot: join it by its genesis block");
    }
    if (function == "JoinBySnapshotStatus") {
      if (auto allowed = access_("cscc/JoinBySnapshotStatus", "", transaction.creator); !allowed)
        return failure("access denied for [" + function + "]: " + allowed.error().message);
      return success(protos::JoinBySnapshotStatus().SerializeAsString());
    }
    if (function == "GetConfigBlock" || function == "GetChannelConfig") return config(transaction, function, arguments[1]);
    if (function == "GetChannels") {
      if (auto allowed = access_("cscc/GetChannels", "", transaction.creator); !allowed)
        return failure("access denied for [" + function + "]: " + allowed.error().message);
      protos::ChannelQueryResponse out;
      for (const std::string& channel : channels_.names()) out.add_channels()->set_channel_id(channel);
      return success(out.SerializeAsString());
    }
    return failure("Requested function " + function + " not found.");
  }

 private:
  protos::Response join(const Transaction& transaction, const Bytes& bytes) {
    if (bytes.empty()) return failure("Cannot join the channel <nil> configuration block provided");
    auto block = wire::parse<common::Block>(bytes);
    if (!block) return failure("Failed to reconstruct the genesis block, " + block.error().message);
    auto channel_id = channel_of(*block);
    if (!channel_id)
      return failure("\"JoinChain\" request failed to extract channel id from the block due to [" +
                     channel_id.error().message + "]");
    if (auto config = config_of(*block); !config)
      return failure("\"JoinChain\" for channelID = " + *channel_id +
                     " failed because of validation of configuration block, because of " + config.error().message);
    if (auto allowed = access_("cscc/JoinChain", "", transaction.creator); !allowed)
      return failure("access denied for [JoinChain][" + *channel_id + "]: [" + allowed.error().message + "]");
    // The transactions filter of a block that no peer has validated is empty; the config transaction counts as valid.
    auto* metadata = block->mutable_metadata();
    while (metadata->metadata_size() <= common::TRANSACTIONS_FILTER) metadata->add_metadata();
    if (metadata->metadata(common::TRANSACTIONS_FILTER).empty())
      metadata->set_metadata(common::TRANSACTIONS_FILTER, Bytes(static_cast<size_t>(block->data().data_size()), '\0'));
    if (auto joined = channels_.join(*channel_id, *block); !joined) return failure(joined.error().message);
    return success();
  }

  protos::Response config(const Transaction& transaction, const std::string& function, const std::string& channel_id) {
    const bool whole_block = function == "GetConfigBlock";
    if (!whole_block && channel_id.empty()) return failure("empty channel name provided");
    if (auto allowed = access_("cscc/" + function, channel_id, transaction.creator); !allowed)
      return failure("access denied for [" + function + "][" + channel_id + "]: " + allowed.error().message);
    auto channel = channels_.find(channel_id);
    if (!channel) return failure((whole_block ? "Unknown channel ID, " : "unknown channel ID, ") + channel_id);
    if (!whole_block) return success(channel->bundle()->config().SerializeAsString());
    auto block = channel->ledger().last_config_block();
    if (!block) return failure(block.error().message);
    return success((*block)->SerializeAsString());
  }

  Channels& channels_;
  AccessCheck access_;
};

}  // namespace

std::unique_ptr<SystemChaincode> make_cscc(Channels& channels, AccessCheck access) {
  return std::make_unique<Cscc>(channels, std::move(access));
}

}  // namespace selvage::chaincode
