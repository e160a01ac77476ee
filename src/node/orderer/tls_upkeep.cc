#include "node/orderer/tls_upkeep.h"

#include <fmt/format.h>

#include <algorithm>

#include "order/consensus_metadata.h"
#include "tls/failure_count.h"
#include "tls/files_service.h"

namespace selvage::node {
namespace {

void add_roots(tls::Registry& registry, const Listener& listener, const std::vector<config::File>& files, const Origin& setting) {
  tls::RootFiles roots;
  roots.store = listener.trust;
  roots.source = "files";
  for (const config::File& file : files) roots.paths.push_back(file.path);
  roots.load = [paths = roots.paths, setting] { return tls::load_roots(paths, setting); };
  if (!roots.paths.empty()) registry.add_root_files(std::move(roots));
}

void add_https(tls::Registry& registry, const char* name, const char* role, const Listener& listener, const config::HttpTls& tls) {
  if (!listener.context) return;
  registry.add_pair({.role = role, .store = listener.credentials, .as_server = true, .as_client = false, .hosts = {},
                     .trusted_by = nullptr, .judge = {}});
  registry.add_pool({.name = name, .of_clients = true, .store = listener.trust});
  add_roots(registry, listener, tls.client_roots, tls.client_roots_origin);
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

OrdererTlsUpkeep::OrdererTlsUpkeep(const config::OrdererSettings& settings, const crypto::Certificate& enrolment, const Listener& general,
                     const Listener& admin, const Listener& operations_listener, ops::Operations& operations,
                     const Clock& clock)
    : general_(general), upkeep_(registry_, clock, operations.metrics(), {}) {
  register_general();
  registry_.add_pool({.name = "Orderer", .of_clients = true, .store = general_.trust});
  if (settings.tls.client_auth_required) {
    add_roots(registry_, general_, settings.tls.client_roots, settings.tls.client_roots_origin);
  }
  add_https(registry_, "Admin", "admin TLS", admin, settings.admin.tls);
  add_https(registry_, "Operations", "operations TLS", operations_listener, settings.operations.tls);
  registry_.set_watched("msp", {{"enrollment", settings.msp_directory.path + "/signcerts", enrolment}});
  tls::count_failures_in(&operations.metrics());
  upkeep_.also_watch([this] {
    std::vector<tls::Expiring> ends;
    for (const ops::TlsConnection& one : connections()) {
      auto certificate = one.verified ? crypto::Certificate::from_der(one.certificate) : fail(Code::kNotFound, "");
      if (certificate) ends.push_back({"peer", one.listener, std::move(*certificate), "its owner should renew it"});
    }
    return ends;
  });
  ops::add_tls_pages(operations.server(), {&registry_, [this] { return connections(); }, [this] { return upkeep_.reload(); }, general_.visitors});
}

OrdererTlsUpkeep::~OrdererTlsUpkeep() { stop(); }

// Anew at every configuration: the hosts under which this node may be dialled are those of all orderers that the pair in
// force covers.
void OrdererTlsUpkeep::register_general() {
  tls::Pair pair;
  pair.role = "server TLS";
  pair.store = general_.credentials;
  pair.as_server = pair.as_client = true;
  pair.hosts_of_many = true;
  pair.trusted_by = general_.trust;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [channel, hosts] : endpoints_) {
      for (const std::string& host : hosts) {
        if (std::find(pair.hosts.begin(), pair.hosts.end(), host) == pair.hosts.end()) pair.hosts.push_back(host);
      }
    }
  }
  pair.judge = [this](const tls::Credentials& now, const tls::Credentials& next) { return judge(now, next); };
  registry_.add_pair(std::move(pair));
}

void OrdererTlsUpkeep::follow(const channel::Bundle& bundle) {
  general_.trust->set_source("channel " + bundle.channel_id(), client_roots_of(bundle),
                             general_.context->policy().revocation ? revocations_of(bundle) : std::vector<tls::Revocations>());
  if (general_.would_be) general_.would_be->set_source("channel " + bundle.channel_id(), client_roots_of(bundle));
  auto consenters = consenters_of(bundle);
  registry_.set_watched("channel " + bundle.channel_id(), consenters);
  {
    std::lock_guard lock(mutex_);
    consenters_[bundle.channel_id()] = std::move(consenters);
    endpoints_[bundle.channel_id()] = hosts_of(bundle);
  }
  register_general();
  upkeep_.look_soon();  // a pair that was refused may be what this configuration names
}

void OrdererTlsUpkeep::forget(const std::string& channel) {
  general_.trust->remove_source("channel " + channel);
  if (general_.would_be) general_.would_be->remove_source("channel " + channel);
  registry_.set_watched("channel " + channel, {});
  {
    std::lock_guard lock(mutex_);
    consenters_.erase(channel);
    endpoints_.erase(channel);
  }
  register_general();
}

// Other orderers know this one by its public key: a new one must stand in the channels' configurations first.
Status OrdererTlsUpkeep::judge(const tls::Credentials& now, const tls::Credentials& next) {
  std::lock_guard lock(mutex_);
  for (const auto& [channel, consenters] : consenters_) {
    const auto names = [&](const crypto::Certificate& leaf) {
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

void OrdererTlsUpkeep::add_server(const rpc::Server& server, std::string binding) {
  std::lock_guard lock(mutex_);
  servers_.push_back({&server, std::move(binding)});
}

void OrdererTlsUpkeep::start() { upkeep_.start(); }

void OrdererTlsUpkeep::stop() {
  upkeep_.stop();
  tls::count_failures_in(nullptr);
  std::lock_guard lock(mutex_);
  servers_.clear();
}

std::vector<ops::TlsConnection> OrdererTlsUpkeep::connections() {
  std::vector<ops::TlsConnection> all;
  std::lock_guard lock(mutex_);
  for (const Served& one : servers_) {
    for (const auto& peer : one.server->connections()) {
      if (!peer->tls) continue;
      all.push_back({one.server->name(), peer->address, peer->verified, peer->certificate, peer->tls_version, peer->tls_cipher,
                     peer->tls_group, peer->certificate.empty() ? "" : one.binding});
    }
  }
  return all;
}

}  // namespace selvage::node
