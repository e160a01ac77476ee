#include <ostream>

#include "base/log.h"
#include "common/configtx.pb.h"
#include "common/ledger.pb.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "peer/query.pb.h"
#include "tools/go_text.h"
#include "tools/peer/commands.h"
#include "tools/peer/session_client.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;

const log::Logger& logger() {
  static const log::Logger logger("channelCmd");
  return logger;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// Asks a system chaincode of our peer. `unreachable` and `bad` are the words of the command for the two ways to fail.
Result<Bytes> ask_peer(Session& session, const char* chaincode, const std::vector<Bytes>& arguments,
                       const std::string& unreachable, const std::string& bad) {
  auto endorser = session.endorser();
  if (!endorser) return fail(endorser.error().within("error getting endorser client for channel"));
  LOG_INFO(logger(), "Endorser and orderer connections initialized");
  SELVAGE_TRY(const auto proposed, session.propose("", wire::make_call(chaincode, arguments)));
  auto answer = endorser->process(proposed.signed_proposal);
  if (!answer) return fail(answer.error().code, unreachable + answer.error().message);
  const auto& response = answer->response();
  if (response.status() != 200 && response.status() != 0)
    return fail(Code::kUnknown, bad + std::to_string(response.status()) + ": " + response.message());
  return response.payload();
}

Status send_join(Session& session, const std::vector<Bytes>& arguments) {
  auto answer = ask_peer(session, "cscc", arguments, "proposal failed (err: ",
                         "proposal failed (err: bad proposal response ");
  if (!answer) {
    Error error = answer.error();
    if (error.message.starts_with("proposal failed (")) error.message += ")";
    return fail(std::move(error));
  }
  LOG_INFO(logger(), "Successfully submitted proposal to join channel");
  return {};
}

Status join(Call& call, Session& session) {
  const std::string path = call.text("blockpath");
  if (path.empty()) return refuse("Must supply genesis block path");
  call.silence_usage();
  auto block = read_file(path);
  if (!block) return fail(block.error().code, "genesis block file not found " + block.error().message);
  return send_join(session, {"JoinChain", *block});
}

Status joinbysnapshot(Call& call, Session& session) {
  const std::string path = call.text("snapshotpath");
  if (path.empty())
    return refuse("the required parameter 'snapshotpath' is empty. Rerun the command with --snapshotpath flag");
  call.silence_usage();
  SELVAGE_CHECK(send_join(session, {"JoinChainBySnapshot", path}));
  LOG_INFO(logger(),
           "The joinbysnapshot operation is in progress. Use \"peer channel joinbysnapshotstatus\" to check the status.");
  return {};
}

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return "[" + text + "]";
}

Status list(Call& call, Session& session) {
  if (!call.arguments().empty()) return refuse("trailing args detected: " + list_text(call.arguments()));
  call.silence_usage();
  SELVAGE_TRY(const Bytes payload, ask_peer(session, "cscc", {"GetChannels"}, "Failed sending proposal, got ",
                                            "Received bad response, status "));
  auto channels = wire::parse<::protos::ChannelQueryResponse>(payload);
  if (!channels) return fail(channels.error().within("Cannot read channels list response"));
  call.out() << "Channels peers has joined: \n";
  for (const auto& channel : channels->channels()) call.out() << channel.channel_id() << "\n";
  return {};
}

Status joinbysnapshotstatus(Call& call, Session& session) {
  if (!call.arguments().empty()) return refuse("trailing args detected: " + list_text(call.arguments()));
  call.silence_usage();
  SELVAGE_TRY(const Bytes payload, ask_peer(session, "cscc", {"JoinBySnapshotStatus"},
                                            "failed sending proposal, due to ", "received bad response, status "));
  auto status = wire::parse<::protos::JoinBySnapshotStatus>(payload);
  if (!status) return refuse("cannot query joinbysnapshot status, due to " + status.error().message);
  if (status->in_progress()) {
    call.out() << "A joinbysnapshot operation is in progress for snapshot at " << status->bootstrapping_snapshot_dir()
               << "\n";
  } else {
    call.out() << "No joinbysnapshot operation is in progress\n";
  }
  return {};
}

Status getinfo(Call& call, Session& session) {
  const std::string channel = call.text("channelID");
  if (channel.empty()) return refuse("Must supply channel ID");
  call.silence_usage();
  SELVAGE_TRY(const Bytes payload, ask_peer(session, "qscc", {"GetChainInfo", channel},
                                            "failed sending proposal: ", "received bad response, status "));
  auto info = wire::parse<::common::BlockchainInfo>(payload);
  if (!info) return fail(info.error().within("cannot read qscc response"));
  call.out() << "Blockchain info: " << go_json(*info, "") << "\n";
  return {};
}

Result<::common::Block> fetch_wanted(client::DeliverClient& deliver, const std::string& wanted) {
  if (wanted == "oldest") return deliver.fetch(client::Oldest{});
  if (wanted == "newest") return deliver.fetch(client::Newest{});
  if (wanted == "config") {
    SELVAGE_TRY(const auto newest, deliver.fetch(client::Newest{}));
    SELVAGE_TRY(const uint64_t last, wire::last_config_index(newest));
    LOG_INFO(logger(), "Retrieving last config block: {}", last);
    return deliver.fetch(last);
  }
  if (wanted.empty() || wanted.size() > 19 || wanted.find_first_not_of("0123456789") != std::string::npos)
    return refuse("fetch target illegal: " + wanted);
  return deliver.fetch(uint64_t{std::stoull(wanted)});
}

Status fetch(Call& call, Session& session) {
  const auto& words = call.arguments();
  if (words.empty()) return refuse("fetch target required, oldest, newest, config, or a number");
  if (words.size() > 2) return refuse("trailing args detected");
  call.silence_usage();
  const std::string channel = call.text("channelID");
  SELVAGE_TRY(auto deliver, session.deliver(channel, call.flag("bestEffort")));
  LOG_INFO(logger(), "Endorser and orderer connections initialized");
  SELVAGE_TRY(const auto block, fetch_wanted(deliver, words[0]));
  return write_file(words.size() == 2 ? words[1] : channel + "_" + words[0] + ".block", wire::marshal(block));
}

// Adds our signature to a config update and wraps it anew, signed by us.
Result<::common::Envelope> sign_update(const Bytes& file, const std::string& channel_id, const wire::Signer& signer) {
  SELVAGE_TRY(const auto envelope, wire::parse<::common::Envelope>(file));
  auto invalid = [](const std::string& text) { return refuse("Invalid channel create transaction : " + text); };
  auto payload = wire::parse<::common::Payload>(envelope.payload());
  if (!payload) return invalid("bad payload");
  if (!payload->has_header()) return invalid("bad header");
  auto header = wire::parse<::common::ChannelHeader>(payload->header().channel_header());
  if (!header) return invalid("could not unmarshall channel header");
  if (header->type() != ::common::CONFIG_UPDATE) return invalid("bad type");
  if (header->channel_id().empty()) return invalid("empty channel id");
  if (!channel_id.empty() && header->channel_id() != channel_id)
    return invalid("mismatched channel ID " + header->channel_id() + " != " + channel_id);
  auto update = wire::parse<::common::ConfigUpdateEnvelope>(payload->data());
  if (!update) return invalid("Bad config update env");
  auto* signature = update->add_signatures();
  signature->set_signature_header(wire::marshal(wire::make_signature_header(signer.serialized, os::system_random())));
  SELVAGE_TRY(*signature->mutable_signature(), signer.sign(signature->signature_header() + update->config_update()));
  return wire::make_signed_envelope(::common::CONFIG_UPDATE, header->channel_id(), signer, *update,
                                    os::system_clock().now(), os::system_random());
}

Result<::common::Envelope> sign_file(Call& call, Session& session, const std::string& channel_id) {
  const std::string path = call.text("file");
  if (path.empty()) return refuse("Invalid channel create transaction : No configtx file name supplied");
  call.silence_usage();
  auto content = read_file(path);
  if (!content)
    return fail(content.error().code, "channel create configuration tx file not found " + content.error().message);
  return sign_update(*content, channel_id, session.signer());
}

Status signconfigtx(Call& call, Session& session) {
  SELVAGE_TRY(const auto envelope, sign_file(call, session, ""));
  return write_file(call.text("file"), wire::marshal(envelope), 0660);
}

Status update(Call& call, Session& session) {
  const std::string channel = call.text("channelID");
  if (channel.empty()) return refuse("Must supply channel ID");
  SELVAGE_TRY(const auto envelope, sign_file(call, session, channel));
  auto broadcast = session.broadcast(channel, nullptr, logger());
  if (!broadcast) return fail(broadcast.error().within("Error getting broadcast client"));
  SELVAGE_CHECK((*broadcast)->send(envelope));
  LOG_INFO(logger(), "Successfully submitted channel update");
  return {};
}

// Fabric quirk: internal/peer/channel/create.go is still there, though no v3 orderer makes a channel of it.
Status create(Call& call, Session& session) {
  const std::string channel = call.text("channelID");
  if (channel.empty()) return refuse("must supply channel ID");
  SELVAGE_TRY(const auto envelope, sign_file(call, session, channel));
  auto broadcast = session.broadcast(channel, nullptr, logger());
  if (!broadcast) return fail(broadcast.error().within("error getting broadcast client"));
  if (auto sent = (*broadcast)->send(envelope); !sent) {
    Error error = sent.error();
    if (error.hint.empty()) error.hint = "channels are created by osnadmin channel join, with the block that configtxgen makes";
    return fail(std::move(error));
  }
  SELVAGE_TRY(auto deliver, session.deliver(channel, false));
  auto block = deliver.fetch(uint64_t{0});
  if (!block) return fail(block.error().within("timeout waiting for channel creation"));
  const std::string output = call.text("outputBlock");
  return write_file(output.empty() ? channel + ".block" : output, wire::marshal(*block));
}

}  // namespace

std::vector<cobra::Flag> pick(const std::vector<cobra::Flag>& all, std::initializer_list<const char*> names) {
  std::vector<cobra::Flag> flags;
  for (const char* name : names)
    for (const cobra::Flag& flag : all)
      if (flag.name == name) flags.push_back(flag);
  return flags;
}

cobra::Command channel_command(Context& context) {
  const std::vector<cobra::Flag> flags{
      {"blockpath", 'b', Kind::kText, "Path to file containing genesis block", ""},
      {"channelID", 'c', Kind::kText,
       "In case of a newChain command, the channel ID to create. It must be all lower case, less than 250 characters "
       "long "
       "and match the regular expression: [a-z][a-z0-9.-]*",
       ""},
      {"file", 'f', Kind::kText,
       "Configuration transaction file generated by a tool such as configtxgen for submitting to orderer", ""},
      {"bestEffort", 0, Kind::kSwitch,
       "Whether fetch requests should ignore errors and return blocks on a best effort basis", ""},
      {"snapshotpath", 0, Kind::kText, "Path to the snapshot directory", ""},
      {"outputBlock", 0, Kind::kText,
       "The path to write the genesis block for the channel. (default ./<channelID>.block)", ""},
      {"timeout", 't', Kind::kDuration, "Channel creation timeout", "10s"},
  };
  auto with_session = [&context](Status (*run)(Call&, Session&)) {
    return [&context, run](Call& call) { return run(call, *context.session); };
  };
  const std::string summary =
      "Operate a channel: create|fetch|join|joinbysnapshot|joinbysnapshotstatus|list|update|signconfigtx|getinfo.";
  cobra::Command channel{"channel", summary, summary, {}, orderer_flags(), {}, nullptr, open_session(context)};
  channel.commands = {
      {"join",
       "Joins the peer to a channel.",
       "Joins the peer to a channel.",
       pick(flags, {"blockpath"}),
       {},
       {},
       with_session(join),
       nullptr},
      {"create",
       "[DEPRECATED] Create a channel",
       "[DEPRECATED] Create a channel and write the genesis block to a file. Instead of this command, use Orderer Service "
       "Node (OSN).",
       pick(flags, {"channelID", "file", "outputBlock", "timeout"}),
       {},
       {},
       with_session(create),
       nullptr},
      {"joinbysnapshot",
       "Joins the peer to a channel by the specified snapshot",
       "Joins the peer to a channel by the specified snapshot",
       pick(flags, {"snapshotpath"}),
       {},
       {},
       with_session(joinbysnapshot),
       nullptr},
      {"joinbysnapshotstatus",
       "Query if joinbysnapshot is running for any channel",
       "Query if joinbysnapshot is running for any channel",
       {},
       {},
       {},
       with_session(joinbysnapshotstatus),
       nullptr},
      {"list",
       "List of channels peer has joined.",
       "List of channels peer has joined.",
       {},
       {},
       {},
       with_session(list),
       nullptr},
      {"getinfo",
       "get blockchain information of a specified channel.",
       "get blockchain information of a specified channel. Requires '-c'.",
       pick(flags, {"channelID"}),
       {},
       {},
       with_session(getinfo),
       nullptr},
      {"fetch <newest|oldest|config|(number)> [outputfile]",
       "Fetch a block",
       "Fetch a specified block, writing it to a file.",
       pick(flags, {"channelID", "bestEffort"}),
       {},
       {},
       with_session(fetch),
       nullptr},
      {"update",
       "Send a configtx update.",
       "Signs and sends the supplied configtx update file to the channel. Requires '-f', '-o', '-c'.",
       pick(flags, {"channelID", "file"}),
       {},
       {},
       with_session(update),
       nullptr},
      {"signconfigtx",
       "Signs a configtx update.",
       "Signs the supplied configtx update file in place on the filesystem. Requires '-f'.",
       pick(flags, {"file"}),
       {},
       {},
       with_session(signconfigtx),
       nullptr},
  };
  return channel;
}

}  // namespace selvage::tools::peer
