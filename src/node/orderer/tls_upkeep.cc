#include "node/orderer/tls_upkeep.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "channel/tls_notes.h"
#include "node/channel_trust.h"
#include "node/tls_settings.h"
#include "order/consensus_metadata.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("certmonitor");
  return instance;
}

// Every consenter's certificates, as the channel's configuration names them.
std::vector<tls::Watched> consenters_of(const channel::Bundle& bundle) {
  std::vector<tls::Watched> all;
  const auto add = [&](const std::string& place, const std::string& server, const std::string& client) {
    for (const auto& [what, pem] : {std::pair("server", &server), std::pair("client", &client)}) {
      if (std::string(what) == "client" && server == client) continue;
      auto certificate = crypto::Certificate::from_pem(*pem);
      if (certificate) {
        all.push_back({"consenter", fmt::format("channel {}, consenter {} ({})", bundle.channel_id(), place, what), std::move(*certificate)});
      }
    }
  };
  if (bundle.orderer() == nullptr) return all;
  for (const auto& one : bundle.orderer()->consenters) {
    add(fmt::format("{} {}:{}", one.id, one.host, one.port), one.server_tls_cert, one.client_tls_cert);
  }
  if (auto metadata = order::config_metadata_of(bundle)) {
    for (const auto& one : metadata->consenters()) {
      add(fmt::format("{}:{}", one.host(), one.port()), one.server_tls_cert(), one.client_tls_cert());
    }
  }
  return all;
}

std::vector<std::string> hosts_of(const channel::Bundle& bundle) {
  std::vector<std::string> hosts;
  for (const std::string& address : bundle.global_orderer_addresses()) hosts.push_back(tls::host_of(address));
  if (bundle.orderer() != nullptr) {
    for (const auto& [name, org] : bundle.orderer()->orgs) {
      for (const std::string& address : org.endpoints) hosts.push_back(tls::host_of(address));
    }
  }
  if (auto metadata = bundle.orderer() == nullptr ? fail(Code::kNotFound, "") : order::config_metadata_of(bundle)) {
    for (const auto& one : metadata->consenters()) hosts.push_back(one.host());
  }
  return hosts;
}

}  // namespace

OrdererTlsUpkeep::OrdererTlsUpkeep(const config::OrdererSettings& settings, const crypto::Certificate& enrolment,
                                   const Listener& general, tls::Registry& registry, ops::Operations& operations,
                                   const Clock& clock)
    : TlsUpkeep(registry, operations, enrolment, settings.msp_directory.path, general.visitors, clock),
      general_(general) {
  const auto& cluster = settings.cluster.client_certificate.path;
  pairs_.push_back({.role = "server TLS", .store = general_.credentials, .as_server = true, .as_client = cluster.empty(), .hosts = {},
                    .trusted_by = general_.trust, .judge = {}});
  register_pairs();
  registry.add_pool({.name = "Orderer", .of_clients = true, .store = general_.trust});
  register_roots(registry, general_.would_be ? general_.would_be : general_.trust, "files", settings.tls.client_roots);
}

OrdererTlsUpkeep::~OrdererTlsUpkeep() { stop(); }

void OrdererTlsUpkeep::add_cluster_pair(tls::Pair pair) {
  {
    std::lock_guard lock(mutex_);
    pairs_.push_back(std::move(pair));
  }
  register_pairs();
}

// Anew at every configuration: the hosts under which this node may be dialled are those of all orderers that the pair in
// force covers.
void OrdererTlsUpkeep::register_pairs() {
  std::vector<tls::Pair> pairs;
  std::vector<std::string> hosts;
  {
    std::lock_guard lock(mutex_);
    pairs = pairs_;
    for (const auto& [channel, some] : endpoints_) {
      for (const std::string& host : some) {
        if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
      }
    }
  }
  for (tls::Pair& pair : pairs) {
    pair.hosts_of_many = pair.as_server;
    if (pair.as_server) pair.hosts = hosts;
    pair.judge = [this](const tls::Credentials& now, const tls::Credentials& next) { return judge(now, next); };
    registry().add_pair(std::move(pair));
  }
}

void OrdererTlsUpkeep::follow(const channel::Bundle& bundle) {
  for (const std::string& note : channel::notes_on_tls_roots(bundle)) LOG_WARN(logger(), "{}", note);
  const std::string source = "channel " + bundle.channel_id();
  auto roots = roots_of(bundle, Organisations::kAll);
  std::vector<tls::Revocations> revocations;
  if (general_.context->policy().revocation) revocations = revocations_of(bundle, Organisations::kAll);
  if (general_.would_be) general_.would_be->set_source(source, roots);
  general_.trust->set_source(source, std::move(roots), std::move(revocations));
  auto consenters = consenters_of(bundle);
  registry().set_watched(source, consenters);
  {
    std::lock_guard lock(mutex_);
    consenters_[bundle.channel_id()] = std::move(consenters);
    endpoints_[bundle.channel_id()] = hosts_of(bundle);
  }
  register_pairs();
  look_soon();  // a pair that was refused may be what this configuration names
}

void OrdererTlsUpkeep::forget(const std::string& channel) {
  general_.trust->remove_source("channel " + channel);
  if (general_.would_be) general_.would_be->remove_source("channel " + channel);
  registry().set_watched("channel " + channel, {});
  {
    std::lock_guard lock(mutex_);
    consenters_.erase(channel);
    endpoints_.erase(channel);
  }
  register_pairs();
}

Status OrdererTlsUpkeep::judge(const tls::Credentials& now, const tls::Credentials& next) {
  std::lock_guard lock(mutex_);
  for (const auto& [channel, consenters] : consenters_) {
    // By name: clang 14 captures no bindings.
    const auto names = [&consenters = consenters](const crypto::Certificate& leaf) {
      return std::any_of(consenters.begin(), consenters.end(),
                         [&](const tls::Watched& one) { return one.certificate.spki_der() == leaf.spki_der(); });
    };
    if (names(now.leaf()) && !names(next.leaf())) {
      return fail(Code::kFailedPrecondition,
                  "its public key is a new one, and channel " + channel + " names this consenter by the old one", "",
                  "renew the certificate with the same key, or put the new one into the consenter's entry of channel " +
                      channel + " first (selvage rotate orderer)");
    }
  }
  return {};
}

}  // namespace selvage::node
