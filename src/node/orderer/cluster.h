// What an orderer needs to speak with other orderers, out of the settings: the certificate it shows, whom it believes, and
// the listener that the others dial, which is the general one unless General.Cluster has one of its own.
//
// Both stores follow the process: `credentials` the files (Upkeep::watch), `roots` the channels (set_source("channel ch1")),
// beside General.Cluster.RootCAs as source "files". How connections are pinned: order/cluster/members.h.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "config/orderer_settings.h"
#include "node/orderer/listeners.h"
#include "order/block_source.h"
#include "order/cluster/transport_client.h"
#include "wire/signer.h"

namespace selvage::node {

class OrdererTlsUpkeep;

struct ClusterTls {
  std::shared_ptr<tls::CredentialStore> credentials;  // client side
  std::shared_ptr<tls::TrustStore> roots;             // client side
  std::shared_ptr<tls::TrustStore> configured;        // General.Cluster.RootCAs alone
  std::optional<Listener> listener;                   // nullopt: the general listener is shared
  std::string certificate_path;                       // of `credentials`, for messages
  std::chrono::seconds time_shift{0};

  // Trust follows the channels. Any thread.
  void follow(const channel::Bundle& bundle) const;
  void forget(const std::string& channel) const;
  // Pairs, pools and files that the general listener does not have already.
  void register_in(OrdererTlsUpkeep& upkeep, const Listener& general, const config::Cluster& settings) const;
};

// Errors: one line for the operator, with setting, file and remedy.
[[nodiscard]] Result<ClusterTls> cluster_tls(const config::OrdererSettings& settings, const Listener& general,
                                             std::shared_ptr<const ConsenterKeys> keys);

[[nodiscard]] order::cluster::Transport::Settings transport_settings(const config::OrdererSettings& settings,
                                                                     const ClusterTls& tls);

// Blocks from other orderers. `own_server` is what our listener shows to clients. References outlive what is made.
[[nodiscard]] order::MakeBlockSource block_sources(const config::OrdererSettings& settings, const ClusterTls& tls,
                                                   std::shared_ptr<tls::CredentialStore> own_server, wire::Signer signer,
                                                   const Clock& clock, Random& random);

}  // namespace selvage::node
