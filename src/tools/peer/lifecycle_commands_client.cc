#include <ostream>

#include "base/log.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/lifecycle.pb.h"
#include "tools/peer/commands.h"
#include "tools/peer/definition_flags.h"
#include "tools/peer/lifecycle_calls_client.h"
#include "tools/peer/submit_client.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;

const log::Logger& logger() {
  static const log::Logger logger("cli.lifecycle.chaincode");
  return logger;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Status install(Call& call, Session& session) {
  call.silence_usage();
  if (call.arguments().empty() || call.arguments()[0].empty())
    return refuse("chaincode install package must be provided");
  ::lifecycle::InstallChaincodeArgs arguments;
  const std::string& path = call.arguments()[0];
  auto package = read_file(path);
  if (!package) return fail(package.error().within("failed to read chaincode package at '" + path + "'"));
  arguments.set_chaincode_install_package(std::move(*package));
  SELVAGE_TRY(const Bytes payload, ask_lifecycle(call, session, "", "InstallChaincode", arguments,
                                                 "failed to endorse chaincode install", "chaincode install failed"));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::InstallChaincodeResult>(payload));
  LOG_INFO(logger(), "Chaincode code package identifier: {}", result.package_id());
  return {};
}

// approveformyorg and commit.
Status submit_definition(Call& call, Session& session, const char* function,
                         const google::protobuf::Message& arguments) {
  const std::string channel = call.text("channelID");
  SELVAGE_TRY(const auto endorsers, lifecycle_endorsers(call, session, true));
  auto broadcast = session.broadcast(channel, &endorsers.front(), logger());
  if (!broadcast) {
    const bool asked = broadcast.error().message.starts_with("error getting channel");
    return fail(asked ? broadcast.error() : broadcast.error().within("failed to retrieve broadcast client"));
  }
  SELVAGE_CHECK(check_definition_flags(call));
  call.silence_usage();
  SELVAGE_TRY(const auto proposed, propose_lifecycle(session, channel, function, arguments));
  auto responses = client::process_on_all(endorsers, proposed.signed_proposal);
  if (!responses) return fail(responses.error().within("failed to endorse proposal"));
  const auto& first = responses->front().response();
  if (first.status() != 200)
    return fail(Code::kUnknown,
                "proposal failed with status: " + std::to_string(first.status()) + " - " + first.message());
  Submission submission;
  submission.channel_id = channel;
  submission.proposed = &proposed;
  submission.responses = *responses;
  if (call.flag("waitForEvent"))
    submission.wait = std::chrono::ceil<std::chrono::milliseconds>(call.duration("waitForEventTimeout"));
  submission.assemble_error = "failed to create signed transaction";
  submission.send_error = "failed to send transaction";
  return submit(session, endorsers, **broadcast, submission);
}

Status approveformyorg(Call& call, Session& session) {
  ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs arguments;
  SELVAGE_CHECK(fill_definition(call, arguments));
  if (const std::string id = call.text("package-id"); !id.empty()) {
    arguments.mutable_source()->mutable_local_package()->set_package_id(id);
  } else {
    arguments.mutable_source()->mutable_unavailable();
  }
  return submit_definition(call, session, "ApproveChaincodeDefinitionForMyOrg", arguments);
}

Status commit(Call& call, Session& session) {
  ::lifecycle::CommitChaincodeDefinitionArgs arguments;
  SELVAGE_CHECK(fill_definition(call, arguments));
  return submit_definition(call, session, "CommitChaincodeDefinition", arguments);
}

std::vector<cobra::Flag> lifecycle_flags() {
  return {
      {"name", 'n', Kind::kText, "Name of the chaincode", ""},
      {"version", 'v', Kind::kText, "Version of the chaincode", ""},
      {"channelID", 'C', Kind::kText, "The channel on which this command should be executed", ""},
      {"signature-policy", 0, Kind::kText,
       "The endorsement policy associated to this chaincode specified as a signature policy", ""},
      {"channel-config-policy", 0, Kind::kText,
       "The endorsement policy associated to this chaincode specified as a channel config policy reference", ""},
      {"endorsement-plugin", 'E', Kind::kText, "The name of the endorsement plugin to be used for this chaincode", ""},
      {"validation-plugin", 'V', Kind::kText, "The name of the validation plugin to be used for this chaincode", ""},
      {"collections-config", 0, Kind::kText,
       "The fully qualified path to the collection JSON file including the file name", ""},
      {"peerAddresses", 0, Kind::kTexts, "The addresses of the peers to connect to", ""},
      {"tlsRootCertFiles", 0, Kind::kTexts,
       "If TLS is enabled, the paths to the TLS root cert files of the peers to connect to. The order and number of "
       "certs "
       "specified should match the --peerAddresses flag",
       ""},
      {"connectionProfile", 0, Kind::kText,
       "The fully qualified path to the connection profile that provides the necessary connection information for the "
       "network. Note: currently only supported for providing peer connection information",
       ""},
      {"targetPeer", 0, Kind::kText, "When using a connection profile, the name of the peer to target for this action",
       ""},
      {"waitForEvent", 0, Kind::kSwitch,
       "Whether to wait for the event from each peer's deliver filtered service signifying that the transaction has "
       "been "
       "committed successfully",
       "true"},
      {"waitForEventTimeout", 0, Kind::kDuration,
       "Time to wait for the event from each peer's deliver filtered service signifying that the 'invoke' transaction "
       "has "
       "been committed successfully",
       "30s"},
      {"package-id", 0, Kind::kText, "The identifier of the chaincode install package", ""},
      {"sequence", 0, Kind::kNumber, "The sequence number of the chaincode definition for the channel", ""},
      {"init-required", 0, Kind::kSwitch, "Whether the chaincode requires invoking 'init'", ""},
      {"output", 'O', Kind::kText,
       "The output format for query results. Default is human-readable plain-text. json is currently the only "
       "supported "
       "format.",
       ""},
      {"inspect", 0, Kind::kSwitch,
       "If inspect is enabled, output additional information to identify discrepancies when an organization's approval "
       "is "
       "false",
       ""},
      {"output-directory", 0, Kind::kText,
       "The output directory to use when writing a chaincode install package to disk. Default is the current working "
       "directory.",
       ""},
  };
}

}  // namespace

cobra::Command lifecycle_command(Context& context) {
  const auto flags = lifecycle_flags();
  auto command = [&](const char* use, const char* summary, const char* help, std::initializer_list<const char*> names,
                     Status (*run)(Call&, Session&)) {
    return cobra::Command{use,
                          summary,
                          help,
                          pick(flags, names),
                          {},
                          {},
                          [&context, run](Call& call) { return run(call, *context.session); },
                          nullptr};
  };
  const std::string summary =
      "Perform chaincode operations: package|install|queryinstalled|getinstalledpackage|"
      "calculatepackageid|approveformyorg|queryapproved|checkcommitreadiness|commit|querycommitted";
  cobra::Command chaincode{"chaincode", summary, summary, {}, orderer_flags(), package_commands(), nullptr, nullptr};
  auto add = [&](cobra::Command made) {
    made.prepare = open_session(context);
    chaincode.commands.push_back(std::move(made));
  };
  add(command("install [packageFile]", "Install a chaincode.", "Install a chaincode on a peer.",
              {"peerAddresses", "tlsRootCertFiles", "connectionProfile", "targetPeer"}, install));
  add(command("queryinstalled", "Query the installed chaincodes on a peer.",
              "Query the installed chaincodes on a peer.",
              {"peerAddresses", "tlsRootCertFiles", "connectionProfile", "targetPeer", "output"}, queryinstalled));
  add(command(
      "getinstalledpackage [outputfile]", "Get an installed chaincode package from a peer.",
      "Get an installed chaincode package from a peer.",
      {"peerAddresses", "tlsRootCertFiles", "connectionProfile", "targetPeer", "package-id", "output-directory"},
      getinstalledpackage));
  add(command("approveformyorg", "Approve the chaincode definition for my org.",
              "Approve the chaincode definition for my organization.",
              {"channelID", "name", "version", "package-id", "sequence", "endorsement-plugin", "validation-plugin",
               "signature-policy", "channel-config-policy", "init-required", "collections-config", "peerAddresses",
               "tlsRootCertFiles", "connectionProfile", "waitForEvent", "waitForEventTimeout"},
              approveformyorg));
  add(command("queryapproved", "Query org's approved chaincode definitions from its peer.",
              "Query organization's approved chaincode definitions from its peer.",
              {"channelID", "name", "sequence", "peerAddresses", "tlsRootCertFiles", "connectionProfile", "output"},
              queryapproved));
  add(command("checkcommitreadiness", "Check whether a chaincode definition is ready to be committed on a channel.",
              "Check whether a chaincode definition is ready to be committed on a channel.",
              {"channelID", "name", "version", "sequence", "endorsement-plugin", "validation-plugin",
               "signature-policy", "channel-config-policy", "init-required", "collections-config", "peerAddresses",
               "tlsRootCertFiles", "connectionProfile", "output", "inspect"},
              checkcommitreadiness));
  add(command("commit", "Commit the chaincode definition on the channel.",
              "Commit the chaincode definition on the channel.",
              {"channelID", "name", "version", "sequence", "endorsement-plugin", "validation-plugin",
               "signature-policy", "channel-config-policy", "init-required", "collections-config", "peerAddresses",
               "tlsRootCertFiles", "connectionProfile", "waitForEvent", "waitForEventTimeout"},
              commit));
  add(command(
      "querycommitted", "Query the committed chaincode definitions by channel on a peer.",
      "Query the committed chaincode definitions by channel on a peer. Optional: provide a chaincode name to query "
      "a specific definition.",
      {"channelID", "name", "peerAddresses", "tlsRootCertFiles", "connectionProfile", "output"}, querycommitted));
  cobra::Command lifecycle;
  lifecycle.use = "lifecycle";
  lifecycle.summary = lifecycle.help = "Perform _lifecycle operations";
  lifecycle.commands.push_back(std::move(chaincode));
  return lifecycle;
}

}  // namespace selvage::tools::peer
