#include <algorithm>
#include <ostream>

#include "base/log.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/lifecycle.pb.h"
#include "tools/go_text.h"
#include "tools/peer/commands.h"
#include "tools/peer/definition_flags.h"
#include "tools/peer/session_client.h"
#include "tools/peer/submit_client.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;

const log::Logger& logger() {
  static const log::Logger logger("cli.lifecycle.chaincode");
  return logger;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Result<std::vector<client::EndorserClient>> endorsers_of(Call& call, Session& session, bool several) {
  SELVAGE_TRY(const auto peers, session.choose_peers(call, several, true));
  auto endorsers = session.endorsers(peers);
  if (!endorsers) return fail(endorsers.error().within("failed to retrieve endorser client for " + call.name()));
  return endorsers;
}

Result<Session::Proposed> propose(Session& session, const std::string& channel, const char* function,
                                  const google::protobuf::Message& arguments) {
  const std::vector<Bytes> words{function, wire::marshal(arguments)};
  return session.propose(channel, wire::make_call("_lifecycle", words));
}

// One call of _lifecycle on one peer; gives the answer's payload. `unreachable` and `refused` are the command's words.
Result<Bytes> ask(Call& call, Session& session, const std::string& channel, const char* function,
                  const google::protobuf::Message& arguments, const std::string& unreachable,
                  const std::string& refused) {
  SELVAGE_TRY(const auto endorsers, endorsers_of(call, session, false));
  call.silence_usage();
  SELVAGE_TRY(const auto proposed, propose(session, channel, function, arguments));
  auto answer = endorsers.front().process(proposed.signed_proposal);
  if (!answer) return fail(answer.error().within(unreachable));
  const auto& response = answer->response();
  if (response.status() != 200)
    return fail(Code::kUnknown, refused + " with status: " + std::to_string(response.status()) + " - " + response.message());
  if (std::string(function) == "InstallChaincode") LOG_INFO(logger(), "Installed remotely: {}", go_text(*answer));
  return response.payload();
}

Result<Bytes> query(Call& call, Session& session, const std::string& channel, const char* function,
                    const google::protobuf::Message& arguments) {
  return ask(call, session, channel, function, arguments, "failed to endorse proposal", "query failed");
}

bool wants_json(const Call& call) {
  std::string format = call.text("output");
  for (char& c : format) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return format == "json";
}

template <class M>
Result<M> result_of(const Bytes& payload) {
  auto result = wire::parse<M>(payload);
  if (!result) return fail(result.error().within("failed to unmarshal proposal response's response payload"));
  return result;
}

Status install(Call& call, Session& session) {
  call.silence_usage();
  if (call.arguments().empty() || call.arguments()[0].empty()) return refuse("chaincode install package must be provided");
  ::lifecycle::InstallChaincodeArgs arguments;
  const std::string& path = call.arguments()[0];
  auto package = read_file(path);
  if (!package) return fail(package.error().within("failed to read chaincode package at '" + path + "'"));
  arguments.set_chaincode_install_package(std::move(*package));
  SELVAGE_TRY(const Bytes payload, ask(call, session, "", "InstallChaincode", arguments,
                                       "failed to endorse chaincode install", "chaincode install failed"));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::InstallChaincodeResult>(payload));
  LOG_INFO(logger(), "Chaincode code package identifier: {}", result.package_id());
  return {};
}

Status queryinstalled(Call& call, Session& session) {
  SELVAGE_TRY(const Bytes payload,
              query(call, session, "", "QueryInstalledChaincodes", ::lifecycle::QueryInstalledChaincodesArgs()));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryInstalledChaincodesResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Installed chaincodes on peer:\n";
  for (const auto& chaincode : result.installed_chaincodes())
    call.out() << "Package ID: " << chaincode.package_id() << ", Label: " << chaincode.label() << "\n";
  return {};
}

Status getinstalledpackage(Call& call, Session& session) {
  const std::string id = call.text("package-id");
  if (id.empty()) return refuse("The required parameter 'package-id' is empty. Rerun the command with --package-id flag");
  ::lifecycle::GetInstalledChaincodePackageArgs arguments;
  arguments.set_package_id(id);
  SELVAGE_TRY(const Bytes payload, ask(call, session, "", "GetInstalledChaincodePackage", arguments,
                                       "failed to endorse proposal", "proposal failed"));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::GetInstalledChaincodePackageResult>(payload));
  std::string name = id + ".tar.gz";
  std::replace(name.begin(), name.end(), ':', '.');
  const std::string folder = call.text("output-directory");
  const std::string path = (folder.empty() ? "." : folder) + "/" + name;
  if (auto written = write_file(path, result.chaincode_install_package(), 0600); !written)
    return fail(written.error().within("failed to write chaincode package to " + path));
  return {};
}

// approveformyorg and commit.
Status submit_definition(Call& call, Session& session, const char* function,
                         const google::protobuf::Message& arguments) {
  const std::string channel = call.text("channelID");
  SELVAGE_TRY(const auto endorsers, endorsers_of(call, session, true));
  auto broadcast = session.broadcast(channel, &endorsers.front(), logger());
  if (!broadcast) {
    const bool asked = broadcast.error().message.starts_with("error getting channel");
    return fail(asked ? broadcast.error() : broadcast.error().within("failed to retrieve broadcast client"));
  }
  SELVAGE_CHECK(check_definition_flags(call));
  call.silence_usage();
  SELVAGE_TRY(const auto proposed, propose(session, channel, function, arguments));
  auto responses = client::process_on_all(endorsers, proposed.signed_proposal);
  if (!responses) return fail(responses.error().within("failed to endorse proposal"));
  const auto& first = responses->front().response();
  if (first.status() != 200)
    return fail(Code::kUnknown, "proposal failed with status: " + std::to_string(first.status()) + " - " + first.message());
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

// Which flags a mismatch is about.
std::string describe(const std::string& item) {
  static const std::map<std::string, std::string> flags{
      {"ChaincodeParameters", "Sequence, ChaincodeName"},
      {"EndorsementInfo", "Version, InitRequired, EndorsementPlugin"},
      {"ValidationInfo", "ValidationParameter, ValidationPlugin"},
      {"Collections", "Collections"},
  };
  const auto found = flags.find(item);
  return found == flags.end() ? item : item + " (Check the " + found->second + ")";
}

Status checkcommitreadiness(Call& call, Session& session) {
  ::lifecycle::CheckCommitReadinessArgs arguments;
  SELVAGE_CHECK(fill_definition(call, arguments));
  SELVAGE_CHECK(check_definition_flags(call));
  SELVAGE_TRY(const Bytes payload, query(call, session, call.text("channelID"), "CheckCommitReadiness", arguments));
  SELVAGE_TRY(auto result, result_of<::lifecycle::CheckCommitReadinessResult>(payload));
  const bool inspect = call.flag("inspect");
  if (wants_json(call)) {
    if (!inspect) result.clear_mismatches();
    for (auto& [org, mismatches] : *result.mutable_mismatches())
      for (std::string& item : *mismatches.mutable_items()) item = describe(item);
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Chaincode definition for chaincode '" << call.text("name") << "', version '" << call.text("version")
             << "', sequence '" << call.number("sequence") << "' on channel '" << call.text("channelID")
             << "' approval status by org:\n";
  const std::map<std::string, bool> approvals(result.approvals().begin(), result.approvals().end());
  for (const auto& [org, approved] : approvals) {
    call.out() << org << ": " << (approved ? "true" : "false");
    const auto mismatch = result.mismatches().find(org);
    if (inspect && mismatch != result.mismatches().end() && mismatch->second.items_size() > 0) {
      std::string items;
      for (const std::string& item : mismatch->second.items()) items += (items.empty() ? "" : ", ") + item;
      call.out() << " (mismatch: [" << items << "])";
    }
    call.out() << "\n";
  }
  return {};
}

template <class Definition>
std::string definition_text(const Definition& definition) {
  return "Version: " + definition.version() + ", Sequence: " + std::to_string(definition.sequence()) +
         ", Endorsement Plugin: " + definition.endorsement_plugin() +
         ", Validation Plugin: " + definition.validation_plugin();
}

Status querycommitted_one(Call& call, Session& session, const std::string& channel, const std::string& name) {
  ::lifecycle::QueryChaincodeDefinitionArgs arguments;
  arguments.set_name(name);
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryChaincodeDefinition", arguments));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryChaincodeDefinitionResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  std::string approvals;
  for (const auto& [org, approved] : std::map<std::string, bool>(result.approvals().begin(), result.approvals().end()))
    approvals += (approvals.empty() ? "" : ", ") + org + ": " + (approved ? "true" : "false");
  call.out() << "Committed chaincode definition for chaincode '" << name << "' on channel '" << channel << "':\n"
             << definition_text(result) << ", Approvals: [" << approvals << "]\n";
  return {};
}

Status querycommitted(Call& call, Session& session) {
  call.silence_usage();
  const std::string channel = call.text("channelID");
  if (channel.empty()) return refuse("channel name must be specified");
  if (const std::string name = call.text("name"); !name.empty())
    return querycommitted_one(call, session, channel, name);
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryChaincodeDefinitions",
                                         ::lifecycle::QueryChaincodeDefinitionsArgs()));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryChaincodeDefinitionsResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Committed chaincode definitions on channel '" << channel << "':\n";
  for (const auto& definition : result.chaincode_definitions())
    call.out() << "Name: " << definition.name() << ", " << definition_text(definition) << "\n";
  return {};
}

template <class Approved>
std::string approved_text(const Approved& approved) {
  return "sequence: " + std::to_string(approved.sequence()) + ", version: " + approved.version() +
         ", init-required: " + (approved.init_required() ? "true" : "false") +
         ", package-id: " + approved.source().local_package().package_id() +
         ", endorsement plugin: " + approved.endorsement_plugin() +
         ", validation plugin: " + approved.validation_plugin();
}

Status queryapproved_one(Call& call, Session& session, const std::string& channel, const std::string& name) {
  ::lifecycle::QueryApprovedChaincodeDefinitionArgs arguments;
  arguments.set_name(name);
  arguments.set_sequence(call.number("sequence"));
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryApprovedChaincodeDefinition", arguments));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryApprovedChaincodeDefinitionResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Approved chaincode definition for chaincode '" << name << "' on channel '" << channel << "':\n"
             << approved_text(result) << "\n";
  return {};
}

Status queryapproved(Call& call, Session& session) {
  call.silence_usage();
  const std::string channel = call.text("channelID");
  const std::string name = call.text("name");
  if (channel.empty()) return refuse("The required parameter 'channelID' is empty. Rerun the command with -C flag");
  if (name.empty() && call.number("sequence") != 0)
    return refuse("Specifying parameter 'sequence' is invalid without parameter 'name'. Rerun the command with -n flag");
  if (!name.empty()) return queryapproved_one(call, session, channel, name);
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryApprovedChaincodeDefinitions",
                                         ::lifecycle::QueryApprovedChaincodeDefinitionsArgs()));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryApprovedChaincodeDefinitionsResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Approved chaincode definitions on channel '" << channel << "':\n";
  for (const auto& approved : result.approved_chaincode_definitions())
    call.out() << "name: " << approved.name() << ", " << approved_text(approved) << "\n";
  return {};
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
       "If TLS is enabled, the paths to the TLS root cert files of the peers to connect to. The order and number of certs "
       "specified should match the --peerAddresses flag", ""},
      {"connectionProfile", 0, Kind::kText,
       "The fully qualified path to the connection profile that provides the necessary connection information for the "
       "network. Note: currently only supported for providing peer connection information", ""},
      {"targetPeer", 0, Kind::kText,
       "When using a connection profile, the name of the peer to target for this action", ""},
      {"waitForEvent", 0, Kind::kSwitch,
       "Whether to wait for the event from each peer's deliver filtered service signifying that the transaction has been "
       "committed successfully", "true"},
      {"waitForEventTimeout", 0, Kind::kDuration,
       "Time to wait for the event from each peer's deliver filtered service signifying that the 'invoke' transaction has "
       "been committed successfully", "30s"},
      {"package-id", 0, Kind::kText, "The identifier of the chaincode install package", ""},
      {"sequence", 0, Kind::kNumber, "The sequence number of the chaincode definition for the channel", ""},
      {"init-required", 0, Kind::kSwitch, "Whether the chaincode requires invoking 'init'", ""},
      {"output", 'O', Kind::kText,
       "The output format for query results. Default is human-readable plain-text. json is currently the only supported "
       "format.", ""},
      {"inspect", 0, Kind::kSwitch,
       "If inspect is enabled, output additional information to identify discrepancies when an organization's approval is "
       "false", ""},
      {"output-directory", 0, Kind::kText,
       "The output directory to use when writing a chaincode install package to disk. Default is the current working "
       "directory.", ""},
  };
}

}  // namespace

cobra::Command lifecycle_command(Context& context) {
  const auto flags = lifecycle_flags();
  auto command = [&](const char* use, const char* summary, const char* help, std::initializer_list<const char*> names,
                     Status (*run)(Call&, Session&)) {
    return cobra::Command{use, summary, help, pick(flags, names), {}, {},
                          [&context, run](Call& call) { return run(call, *context.session); }, nullptr};
  };
  const std::string summary = "Perform chaincode operations: package|install|queryinstalled|getinstalledpackage|"
                              "calculatepackageid|approveformyorg|queryapproved|checkcommitreadiness|commit|querycommitted";
  cobra::Command chaincode{"chaincode", summary, summary, {}, orderer_flags(), package_commands(), nullptr, nullptr};
  auto add = [&](cobra::Command made) {
    made.prepare = open_session(context);
    chaincode.commands.push_back(std::move(made));
  };
  add(command("install [packageFile]", "Install a chaincode.", "Install a chaincode on a peer.",
              {"peerAddresses", "tlsRootCertFiles", "connectionProfile", "targetPeer"}, install));
  add(command("queryinstalled", "Query the installed chaincodes on a peer.", "Query the installed chaincodes on a peer.",
              {"peerAddresses", "tlsRootCertFiles", "connectionProfile", "targetPeer", "output"}, queryinstalled));
  add(command("getinstalledpackage [outputfile]", "Get an installed chaincode package from a peer.",
              "Get an installed chaincode package from a peer.",
              {"peerAddresses", "tlsRootCertFiles", "connectionProfile", "targetPeer", "package-id", "output-directory"}, getinstalledpackage));
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
              {"channelID", "name", "version", "sequence", "endorsement-plugin", "validation-plugin", "signature-policy",
               "channel-config-policy", "init-required", "collections-config", "peerAddresses", "tlsRootCertFiles", "connectionProfile",
               "output", "inspect"},
              checkcommitreadiness));
  add(command("commit", "Commit the chaincode definition on the channel.",
              "Commit the chaincode definition on the channel.",
              {"channelID", "name", "version", "sequence", "endorsement-plugin", "validation-plugin", "signature-policy",
               "channel-config-policy", "init-required", "collections-config", "peerAddresses", "tlsRootCertFiles", "connectionProfile",
               "waitForEvent", "waitForEventTimeout"},
              commit));
  add(command("querycommitted", "Query the committed chaincode definitions by channel on a peer.",
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
