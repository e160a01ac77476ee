#include "tools/peer/lifecycle_calls_client.h"

#include "base/log.h"
#include "tools/go_text.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;

const log::Logger& logger() {
  static const log::Logger logger("cli.lifecycle.chaincode");
  return logger;
}

}  // namespace

Result<std::vector<client::EndorserClient>> lifecycle_endorsers(Call& call, Session& session, bool several) {
  SELVAGE_TRY(const auto peers, session.choose_peers(call, several, true));
  auto endorsers = session.endorsers(peers);
  // Fabric prints its usage below such an error; what is wrong with a connection is to be the last thing one reads.
  if (!endorsers && endorsers.error().message.find("failed to create new connection") != std::string::npos) call.silence_usage();
  if (!endorsers) return fail(endorsers.error().within("failed to retrieve endorser client for " + call.name()));
  return endorsers;
}

Result<Session::Proposed> propose_lifecycle(Session& session, const std::string& channel, const char* function,
                                            const google::protobuf::Message& arguments) {
  const std::vector<Bytes> words{function, wire::marshal(arguments)};
  return session.propose(channel, wire::make_call("_lifecycle", words));
}

Result<Bytes> ask_lifecycle(Call& call, Session& session, const std::string& channel, const char* function,
                            const google::protobuf::Message& arguments, const std::string& unreachable,
                            const std::string& refused) {
  SELVAGE_TRY(const auto endorsers, lifecycle_endorsers(call, session, false));
  call.silence_usage();
  SELVAGE_TRY(const auto proposed, propose_lifecycle(session, channel, function, arguments));
  auto answer = endorsers.front().process(proposed.signed_proposal);
  if (!answer) return fail(answer.error().within(unreachable));
  const auto& response = answer->response();
  if (response.status() != 200)
    return fail(Code::kUnknown,
                refused + " with status: " + std::to_string(response.status()) + " - " + response.message());
  if (std::string(function) == "InstallChaincode") LOG_INFO(logger(), "Installed remotely: {}", go_text(*answer));
  return response.payload();
}

}  // namespace selvage::tools::peer
