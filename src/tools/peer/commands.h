// The command tree of the peer program. Each function makes one branch of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "tools/cobra.h"

namespace selvage::tools::peer {

class Session;

// What one run of the program has beyond its flags. The Session is opened before a command runs, after the flags were
// parsed, so that a broken configuration is told first, as in Fabric.
struct Context {
  std::unique_ptr<Session> session;
};

[[nodiscard]] cobra::Command channel_command(Context& context);
[[nodiscard]] cobra::Command chaincode_command(Context& context);
[[nodiscard]] cobra::Command lifecycle_command(Context& context);
[[nodiscard]] cobra::Command snapshot_command(Context& context);
// package and calculatepackageid: files only.
[[nodiscard]] std::vector<cobra::Command> package_commands();

// Reads the configuration and opens the session; what goes wrong is logged and ends the program.
[[nodiscard]] std::function<Status(cobra::Call&)> open_session(Context& context);

// Flags that several commands have, by name ("channelID", "peerAddresses", ...).
[[nodiscard]] std::vector<cobra::Flag> pick(const std::vector<cobra::Flag>& all,
                                            std::initializer_list<const char*> names);

}  // namespace selvage::tools::peer
