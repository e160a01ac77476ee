#include <ostream>

#include "base/log.h"
#include "tools/peer/commands.h"
#include "tools/peer/node_commands.h"
#include "tools/peer/peer.h"
#include "tools/peer/session_client.h"

namespace selvage::tools::peer {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("main");
  return logger;
}

Status version(cobra::Call& call) {
  if (!call.arguments().empty()) return fail(Code::kInvalidArgument, "trailing args detected");
  call.out() << version_banner("peer")
             << " Chaincode:\n  Base Docker Label: org.hyperledger.fabric\n  Docker Namespace: hyperledger\n\n";
  return {};
}

Status init(Context& context, cobra::Call& call) {
  auto settings = read_settings(call);
  if (!settings) {
    LOG_ERROR(logger(), "Fatal error when initializing core config : {}", to_string(settings.error()));
    return fail(Code::kInvalidArgument, "");
  }
  auto session = Session::open(*settings);
  if (!session) {
    LOG_ERROR(logger(), "Cannot run peer because {}", to_string(session.error()));
    return fail(Code::kInvalidArgument, "");
  }
  context.session = std::move(*session);
  return {};
}

}  // namespace

std::function<Status(cobra::Call&)> open_session(Context& context) {
  return [&context](cobra::Call& call) { return init(context, call); };
}

int run(const Arguments& arguments, Terminal terminal, std::vector<cobra::Command> node_commands) {
  Context context;
  cobra::Command root;
  root.use = "peer";
  root.commands = {channel_command(context), chaincode_command(context), lifecycle_command(context),
                   snapshot_command(context)};
  root.commands.push_back({"version",
                           "Print fabric peer version.",
                           "Print current version of the fabric peer server.",
                           {},
                           {},
                           {},
                           version,
                           nullptr});
  if (!node_commands.empty()) {
    for (auto& command : offline_node_commands()) node_commands.push_back(std::move(command));
    std::string names;
    for (const auto& command : node_commands) names += (names.empty() ? "" : "|") + command.name();
    const std::string summary = "Operate a peer node: " + names + ".";
    root.commands.push_back({"node", summary, summary, {}, {}, std::move(node_commands), nullptr, nullptr});
  }
  return cobra::run(root, arguments, terminal);
}

}  // namespace selvage::tools::peer
