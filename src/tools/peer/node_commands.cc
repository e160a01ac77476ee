#include "tools/peer/node_commands.h"

#include "base/log.h"
#include "config/reader.h"
#include "config/tree.h"
#include "ledger/offline.h"
#include "os/posix_disk.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;
using ledger::OfflineLedgers;

const log::Logger& logger() {
  static const log::Logger logger("kvledger");
  return logger;
}

// <peer.fileSystemPath>/ledgersData, where the peer would look.
Result<std::string> ledger_folder() {
  const config::Environment environment = config::process_environment();
  SELVAGE_TRY(const std::string file, config::find_file("core", environment));
  SELVAGE_TRY(const config::Tree tree, config::Tree::load(file, "CORE", environment));
  config::Reader read(tree);
  const std::string folder = read.path("peer.fileSystemPath").path;
  SELVAGE_CHECK(read.status());
  if (folder.empty())
    return fail(Code::kInvalidArgument, "peer.fileSystemPath is not set", "",
                "set it in core.yaml, or CORE_PEER_FILESYSTEMPATH");
  return folder + "/ledgersData";
}

using Act = Status (*)(const Call&, OfflineLedgers&);

Status with_ledgers(Call& call, Act act) {
  SELVAGE_TRY(const std::string folder, ledger_folder());

  LOG_INFO(logger(), "Ledger data folder from config = [{}]", folder);
  SELVAGE_TRY(auto ledgers, OfflineLedgers::open(os::posix_disk(), folder));
  return act(call, ledgers);
}

Status needs_channel(Call& call) {
  if (!call.text("channelID").empty()) return {};
  return fail(Code::kInvalidArgument, "Must supply channel ID");
}

Status pause(const Call& call, OfflineLedgers& ledgers) {
  SELVAGE_CHECK(ledgers.pause(call.text("channelID")));
  LOG_INFO(logger(), "The channel [{}] has been successfully paused", call.text("channelID"));
  return {};
}

Status resume(const Call& call, OfflineLedgers& ledgers) {
  SELVAGE_CHECK(ledgers.resume(call.text("channelID")));
  LOG_INFO(logger(), "The channel [{}] has been successfully resumed", call.text("channelID"));
  return {};
}

Status unjoin(const Call& call, OfflineLedgers& ledgers) {
  SELVAGE_CHECK(ledgers.unjoin(call.text("channelID")));
  LOG_INFO(logger(), "channel has been successfully unjoined ledgerID={}", call.text("channelID"));
  return {};
}

Status rollback(const Call& call, OfflineLedgers& ledgers) {
  const std::string typed = call.text("blockNumber");
  const uint64_t block = typed.empty() ? 0 : std::stoull(typed);
  SELVAGE_CHECK(ledgers.roll_back(call.text("channelID"), block));
  LOG_INFO(logger(), "The channel [{}] has been successfully rolled back to the block number [{}]",
           call.text("channelID"), block);
  return {};
}

Status reset(const Call&, OfflineLedgers& ledgers) {
  LOG_INFO(logger(), "Resetting all channel ledgers to genesis block");
  SELVAGE_CHECK(ledgers.reset());
  LOG_INFO(logger(), "All channel ledgers have been successfully reset to the genesis block");
  return {};
}

Status rebuild(const Call&, OfflineLedgers& ledgers) { return ledgers.rebuild(); }

// There has been one format only.
Status upgrade(const Call&, OfflineLedgers&) {
  return fail(Code::kFailedPrecondition, "the data format is already up to date. No upgrade is required");
}

template <Act act>
cobra::Command command(const char* name, const char* summary, const std::string& help, std::vector<cobra::Flag> flags) {
  cobra::Command made;
  made.use = name;
  made.summary = summary;
  made.help = help;
  const bool of_channel = !flags.empty();
  made.flags = std::move(flags);
  made.run = [of_channel](Call& call) -> Status {
    if (of_channel) SELVAGE_CHECK(needs_channel(call));
    return with_ledgers(call, act);
  };
  return made;
}

std::vector<cobra::Flag> channel_flag(const char* help) { return {{"channelID", 'c', Kind::kText, help, ""}}; }

}  // namespace

std::vector<cobra::Command> offline_node_commands() {
  const std::string offline = " When the command is executed, the peer must be offline.";
  const std::string no_snapshots =
      " The command is not supported if the peer contains any channel that was bootstrapped from a snapshot.";
  auto rollback_flags = channel_flag("Channel to rollback.");
  rollback_flags.push_back(
      {"blockNumber", 'b', Kind::kUnsigned, "Block number to which the channel needs to be rolled back to.", ""});
  return {
      command<reset>("reset", "Resets the node.",
                     "Resets all channels to the genesis block." + offline +
                         " When the peer starts after the reset, it will receive blocks starting with block number one "
                         "from an orderer or another peer to rebuild the block store and state database." +
                         no_snapshots,
                     {}),
      command<rollback>("rollback", "Rolls back a channel.",
                        "Rolls back a channel to a specified block number." + offline +
                            " When the peer starts after the rollback, it will receive blocks, which got removed during "
                            "the rollback, from an orderer or another peer to rebuild the block store and state "
                            "database." +
                            no_snapshots,
                        rollback_flags),
      command<pause>("pause", "Pauses a channel on the peer.",
                     "Pauses a channel on the peer." + offline +
                         " When the peer starts after pause, it will not receive blocks for the paused channel.",
                     channel_flag("Channel to pause.")),
      command<resume>("resume", "Resumes a channel on the peer.",
                      "Resumes a channel on the peer." + offline +
                          " When the peer starts after resume, it will receive blocks for the resumed channel.",
                      channel_flag("Channel to resume.")),
      command<rebuild>("rebuild-dbs", "Rebuilds databases.",
                       "Drops the databases for all the channels and rebuilds them upon peer restart." + offline +
                           no_snapshots,
                       {}),
      command<unjoin>("unjoin", "Unjoin the peer from a channel.", "Unjoin the peer from a channel. " + offline,
                      channel_flag("Channel to unjoin.")),
      command<upgrade>("upgrade-dbs", "Upgrades databases.",
                       "Upgrades databases by directly updating the database format or dropping the databases. Dropped "
                       "databases will be rebuilt with new format upon peer restart." +
                           offline,
                       {}),
  };
}

}  // namespace selvage::tools::peer
