// The checks of `selvage doctor tls` that need the network: handshakes with live nodes, and a channel's configuration
// from one of them. Blocks for at most a few seconds an address.
#pragma once

#include <memory>
#include <string>

#include "channel/bundle.h"
#include "tls/context.h"
#include "tools/selvage/doctor/channel_checks.h"
#include "tools/selvage/doctor/node_tls.h"
#include "tools/selvage/doctor/report.h"

namespace selvage::tools::doctor {

// Who we are on the wire, and whom we believe.
struct LiveSettings {
  std::shared_ptr<const tls::Credentials> credentials;  // null: we have none to show
  std::vector<tls::Root> roots;
  tls::ClientPolicy policy;  // of the handshake: an override of the server's name
};

// Tries a handshake; section "live". `expected` is a consenter's server certificate from the channel's configuration,
// or null. True when we were accepted.
bool check_live(const LiveSettings& settings, const std::string& address, const std::string& what,
                const ChannelConsenter* expected, Report& report);

// The channel's latest configuration from an orderer (`from_orderer`) or a peer, asked for with the node's own
// identity.
[[nodiscard]] Result<channel::BundlePtr> fetch_channel(const LiveSettings& settings, const NodeTls& node,
                                                       const std::string& channel, const std::string& address,
                                                       bool from_orderer);

}  // namespace selvage::tools::doctor
