#include <nlohmann/json.hpp>
#include <ostream>

#include "base/log.h"
#include "peer/proposal.pb.h"
#include "tools/go_text.h"
#include "tools/peer/commands.h"
#include "tools/peer/session_client.h"
#include "tools/peer/submit_client.h"
#include "tools/protolator/json_tree.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;
using Json = nlohmann::json;

const log::Logger& logger() {
  static const log::Logger logger("chaincodeCmd");
  return logger;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// In the words of Go's encoding/json.
std::string go_type_error(const Json& value, const char* field, const char* type) {
  return std::string("chaincode argument error: json: cannot unmarshal ") + go_json_kind(value) +
         " into Go struct field " + field + " of type " + type;
}

// {"Args":["f","a"]} or {"Function":"f","Args":["a"]}, keys in any case.
Result<std::vector<Bytes>> parse_arguments(const std::string& text) {
  const std::string keys = "JSON chaincode parameters must contain the following keys: 'Args' or 'Function' and 'Args'";
  if (text == "{}") return refuse("empty " + keys);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return refuse("chaincode argument error: " + protolator::grammar_error(text));
  if (!json.is_object()) return refuse("non-empty " + keys);
  const Json* function = nullptr;
  const Json* arguments = nullptr;
  for (const auto& [key, value] : json.items()) {
    if (lower(key) == "function") function = &value;
    if (lower(key) == "args") arguments = &value;
  }
  if (arguments == nullptr || json.size() > 2 || (json.size() == 2 && function == nullptr))
    return refuse("non-empty " + keys);
  std::vector<Bytes> parsed;
  if (function != nullptr) {
    if (!function->is_string()) return refuse(go_type_error(*function, ".Function", "string"));
    if (!function->get<std::string>().empty()) parsed.push_back(function->get<std::string>());
  }
  if (!arguments->is_array()) return refuse(go_type_error(*arguments, ".Args", "[]string"));
  for (const Json& argument : *arguments) {
    if (!argument.is_string()) return refuse(go_type_error(argument, ".Args", "string"));
    parsed.push_back(argument.get<std::string>());
  }
  return parsed;
}

// {"key":"<base64>"}.
Result<std::map<std::string, Bytes>> parse_transient(const std::string& text) {
  std::map<std::string, Bytes> values;
  if (text.empty()) return values;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    const std::string grammar = protolator::grammar_error(text);
    return refuse("error parsing transient string: " +
                  (grammar.empty() ? std::string("json: cannot unmarshal ") + go_json_kind(json) +
                                         " into Go value of type map[string][]uint8"
                                   : grammar) +
                  " - proposal response: <nil>");
  }
  for (const auto& [key, value] : json.items()) {
    const auto decoded = value.is_string() ? from_base64(value.get<std::string>()) : std::nullopt;
    if (!decoded) return refuse("error parsing transient string: the value of \"" + escape(key) + "\" is not base64 - proposal response: <nil>");
    values[key] = *decoded;
  }
  return values;
}

Result<Session::Proposed> propose(Call& call, Session& session) {
  // These are mistakes in the call, though connections are up by now.
  call.show_usage();
  const std::string name = call.text("name");
  if (name.empty()) return refuse("must supply value for chaincode name parameter");
  SELVAGE_TRY(const auto arguments, parse_arguments(call.text("ctor")));
  call.silence_usage();
  SELVAGE_TRY(const auto transient, parse_transient(call.text("transient")));
  return session.propose(call.text("channelID"), wire::make_call(name, arguments, call.flag("isInit")), transient);
}

// "endorsement failure during invoke. response: status:500 message:"..."".
tl::unexpected<Error> endorsement_failure(const std::string& what, const ::protos::ProposalResponse& answer) {
  return fail(Code::kUnknown, "endorsement failure during " + what + ". response: " + go_text(answer.response()));
}

// Go prints the answer that there is none of.
constexpr const char* kNoResponse = " - proposal response: <nil>";

tl::unexpected<Error> endorsing_error(const char* what, const Error& cause) {
  Error error = cause.within(std::string("error endorsing ") + what);
  error.message += kNoResponse;
  return fail(std::move(error));
}

struct Connections {
  std::vector<client::EndorserClient> endorsers;
  std::unique_ptr<client::BroadcastClient> broadcast;  // null for queries
};

Result<Connections> connect(Call& call, Session& session, bool invoke) {
  const std::string channel = call.text("channelID");
  if (channel.empty()) return refuse("The required parameter 'channelID' is empty. Rerun the command with -C flag");
  call.silence_usage();
  LOG_INFO(logger(), "InitCmdFactory: Entry: {}, true, {}", call.name(), invoke);
  SELVAGE_TRY(const auto peers, session.choose_peers(call, invoke, false));
  Connections made;
  auto endorsers = session.endorsers(peers);
  if (!endorsers) return fail(endorsers.error().within("error getting endorser client for " + call.name()));
  made.endorsers = std::move(*endorsers);
  if (!invoke) return made;
  auto broadcast = session.broadcast(channel, &made.endorsers.front(), logger());
  if (!broadcast) {
    const bool asked = broadcast.error().message.starts_with("error getting channel");
    return fail(asked ? broadcast.error() : broadcast.error().within("error getting broadcast client"));
  }
  made.broadcast = std::move(*broadcast);
  return made;
}

Status invoke(Call& call, Session& session) {
  SELVAGE_TRY(const Connections connections, connect(call, session, true));
  SELVAGE_TRY(const auto proposed, propose(call, session));
  auto responses = client::process_on_all(connections.endorsers, proposed.signed_proposal);
  if (!responses) return endorsing_error("invoke", responses.error());
  const ::protos::ProposalResponse& first = responses->front();
  if (first.response().status() >= 400 || !first.has_endorsement()) return endorsement_failure("invoke", first);

  Submission submission;
  submission.channel_id = call.text("channelID");
  submission.proposed = &proposed;
  submission.responses = *responses;
  if (call.flag("waitForEvent"))
    submission.wait = std::chrono::ceil<std::chrono::milliseconds>(call.duration("waitForEventTimeout"));
  submission.assemble_error = "could not assemble transaction";
  submission.send_error = "error sending transaction for invoke";
  submission.send_suffix = " - proposal response: " + go_text(first);
  submission.wait_suffix = kNoResponse;
  SELVAGE_CHECK(submit(session, connections.endorsers, *connections.broadcast, submission));
  SELVAGE_TRY(const auto payload, wire::parse<::protos::ProposalResponsePayload>(first.payload()));
  SELVAGE_TRY(const auto action, wire::parse<::protos::ChaincodeAction>(payload.extension()));
  LOG_INFO(logger(), "Chaincode invoke successful. result: {}", go_text(action.response()));
  return {};
}

Status query(Call& call, Session& session) {
  SELVAGE_TRY(const Connections connections, connect(call, session, false));
  SELVAGE_TRY(const auto proposed, propose(call, session));
  auto answer = connections.endorsers.front().process(proposed.signed_proposal);
  if (!answer) return endorsing_error("query", answer.error());
  if (!answer->has_endorsement()) return endorsement_failure("query", *answer);
  const bool raw = call.flag("raw");
  const bool hex = call.flag("hex");
  if (raw && hex) return refuse("options --raw (-r) and --hex (-x) are not compatible");
  const Bytes& result = answer->response().payload();
  if (hex) {
    call.out() << to_hex(result) << "\n";
  } else if (raw) {
    std::string numbers;  // as Go prints a byte slice
    for (const char c : result) numbers += (numbers.empty() ? "" : " ") + std::to_string(static_cast<uint8_t>(c));
    call.out() << "[" << numbers << "]\n";
  } else {
    call.out() << result << "\n";
  }
  return {};
}

}  // namespace

cobra::Command chaincode_command(Context& context) {
  const std::vector<cobra::Flag> flags{
      {"ctor", 'c', Kind::kText, "Constructor message for the chaincode in JSON format", "{}"},
      {"name", 'n', Kind::kText, "Name of the chaincode", ""},
      {"channelID", 'C', Kind::kText, "The channel on which this command should be executed", ""},
      {"isInit", 'I', Kind::kSwitch,
       "Is this invocation for init (useful for supporting legacy chaincodes in the new lifecycle)", ""},
      {"peerAddresses", 0, Kind::kTexts, "The addresses of the peers to connect to", ""},
      {"tlsRootCertFiles", 0, Kind::kTexts,
       "If TLS is enabled, the paths to the TLS root cert files of the peers to connect to. The order and number of "
       "certs "
       "specified should match the --peerAddresses flag",
       ""},
      {"connectionProfile", 0, Kind::kText,
       "Connection profile that provides the necessary connection information for the network. Note: currently only "
       "supported for providing peer connection information",
       ""},
      {"waitForEvent", 0, Kind::kSwitch,
       "Whether to wait for the event from each peer's deliver filtered service signifying that the 'invoke' "
       "transaction "
       "has been committed successfully",
       ""},
      {"waitForEventTimeout", 0, Kind::kDuration,
       "Time to wait for the event from each peer's deliver filtered service signifying that the 'invoke' transaction "
       "has "
       "been committed successfully",
       "30s"},
      {"raw", 'r', Kind::kSwitch,
       "If true, output the query value as raw bytes, otherwise format as a printable string", ""},
      {"hex", 'x', Kind::kSwitch, "If true, output the query value byte array in hexadecimal. Incompatible with --raw",
       ""},
  };
  const std::string summary = "Query or invoke a chaincode: invoke|query.";
  cobra::Command chaincode{"chaincode", summary, summary, {}, orderer_flags(), {}, nullptr, open_session(context)};
  chaincode.persistent_flags.push_back(
      {"transient", 0, Kind::kText, "Transient map of arguments in JSON encoding", ""});
  chaincode.commands = {
      {"invoke",
       "Invoke the specified chaincode.",
       "Invoke the specified chaincode. It will try to commit the endorsed transaction to the network.",
       pick(flags, {"name", "ctor", "isInit", "channelID", "peerAddresses", "tlsRootCertFiles", "connectionProfile",
                    "waitForEvent", "waitForEventTimeout"}),
       {},
       {},
       [&context](Call& call) { return invoke(call, *context.session); },
       nullptr},
      {"query",
       "Query using the specified chaincode.",
       "Get endorsed result of chaincode function call and print it. It won't generate transaction.",
       pick(flags,
            {"ctor", "name", "channelID", "peerAddresses", "tlsRootCertFiles", "connectionProfile", "raw", "hex"}),
       {},
       {},
       [&context](Call& call) { return query(call, *context.session); },
       nullptr},
  };
  return chaincode;
}

}  // namespace selvage::tools::peer
