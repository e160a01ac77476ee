#include "tools/selvage/doctor/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/log.h"
#include "common/common.pb.h"
#include "os/system_clock.h"
#include "tls/files_service.h"
#include "tools/selvage/doctor/live_client.h"
#include "wire/marshal.h"

namespace selvage::tools::doctor {
namespace {

using std::chrono::sys_seconds;

// The channel's configuration, from the file or from the first node that gives it; a finding when none does.
channel::BundlePtr find_channel(const Wanted& wanted, const LiveSettings& live, const NodeTls& node, Report& report) {
  const std::string section = wanted.channel.empty() ? "channel" : "channel " + wanted.channel;
  if (!wanted.block_file.empty()) {
    auto bytes = read_file(wanted.block_file);
    common::Block block;
    auto read = bytes ? wire::parse_into(*bytes, block) : Status(fail(bytes.error()));
    auto bundle = read ? channel::Bundle::from_block(block) : Result<channel::BundlePtr>(fail(read.error()));
    if (bundle) return *bundle;
    report.fail(section, "configuration", to_string(bundle.error()), "",
                "give a config block: peer channel fetch config F");
    return nullptr;
  }
  if (wanted.channel.empty()) return nullptr;
  std::string last = "no live node to ask";
  const auto ask = [&](const std::string& address, bool orderer) -> channel::BundlePtr {
    auto bundle = fetch_channel(live, node, wanted.channel, address, orderer);
    if (bundle) return *bundle;
    last = address + ": " + bundle.error().message;
    return nullptr;
  };
  for (const std::string& address : wanted.orderers) {
    if (auto bundle = ask(address, true)) return bundle;
  }
  for (const std::string& address : wanted.peers) {
    if (auto bundle = ask(address, false)) return bundle;
  }
  report.fail(section, "configuration", "not to be had: " + last, "",
              "name a node that serves it with --orderer or --peer, or a config block with --config-block");
  return nullptr;
}

void check_all_live(const Wanted& wanted, const NodeTls& node, const LiveSettings& live, const ChannelTls* channel, Report& report) {
  const auto consenter_at = [&](const std::string& address) -> const ChannelConsenter* {
    if (channel == nullptr) return nullptr;
    for (const ChannelConsenter& one : channel->consenters) {
      if (one.address == address) return &one;
    }
    return nullptr;
  };
  LiveSettings of_peers = live;
  of_peers.policy.server_name_override = node.server_name;
  of_peers.policy.server_name_setting = node.server_name_origin;
  for (const std::string& address : wanted.peers) check_live(of_peers, address, "", nullptr, report);
  for (const std::string& address : wanted.orderers) check_live(live, address, "", consenter_at(address), report);
  if (channel == nullptr || !wanted.block_file.empty()) return;
  for (const ChannelConsenter& one : channel->consenters) {
    if (std::find(wanted.orderers.begin(), wanted.orderers.end(), one.address) == wanted.orderers.end()) {
      check_live(live, one.address, one.name, &one, report);
    }
  }
}

}  // namespace

int run(const Wanted& wanted, const config::Environment& environment, Terminal terminal) {
  // What client/ tells of its progress is not what was asked for.
  if (environment.count("FABRIC_LOGGING_SPEC") == 0) (void)log::set_spec("error");
  Report report;
  const auto finish = [&] {
    terminal.out << (wanted.json ? report.to_json() : report.to_text());
    return report.exit_code();
  };
  auto node = read_node_tls(wanted.config_file, environment);
  if (!node) {
    report.fail("own files", "configuration", node.error().message, code_of(node.error(), ""), node.error().hint);
    return finish();
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(os::system_clock().now());
  OwnFiles own = check_own_files(*node, now, report);
  check_identity(*node, now, report);

  LiveSettings live{own.for_dialling(), own.all_roots, {}};
  for (const std::string& file : wanted.ca_files) {
    auto roots = tls::load_roots(file, Origin{"--cafile", "", 0});
    if (!roots) {
      terminal.err << "selvage: error: " << to_string(roots.error()) << "\n";
      return 2;
    }
    live.roots.insert(live.roots.end(), roots->begin(), roots->end());
  }
  std::vector<Ending> endings;
  for (const LoadedPair& pair : own.pairs) {
    endings.push_back({fmt::format("{} certificate ({})", pair.configured->role, pair.configured->certificate.path),
                       pair.credentials->leaf().not_after()});
  }
  for (const tls::Root& root : own.all_roots) {
    endings.push_back(
        {fmt::format("{} ({})", subject_of(root.certificate), root.from.to_string()), root.certificate.not_after()});
  }

  std::optional<ChannelTls> channel;
  if (auto bundle = find_channel(wanted, live, *node, report)) {
    channel = check_channel(*bundle, &*node, own, now, report);
    live.roots.insert(live.roots.end(), channel->roots.begin(), channel->roots.end());
    endings.insert(endings.end(), channel->endings.begin(), channel->endings.end());
  }
  check_all_live(wanted, *node, live, channel ? &*channel : nullptr, report);
  list_expiry(std::move(endings), now, report);
  if (channel) plan_rotation(*channel, "", report);
  return finish();
}

}  // namespace selvage::tools::doctor
