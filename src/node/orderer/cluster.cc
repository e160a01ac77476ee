#include "node/orderer/cluster.h"

#include <utility>

#include "deliver/pull/range_client.h"
#include "node/channel_trust.h"
#include "node/orderer/tls_upkeep.h"
#include "node/tls_settings.h"
#include "tls/files_service.h"

namespace selvage::node {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

Result<std::shared_ptr<tls::CredentialStore>> load_pair(const config::File& certificate, const config::File& key,
                                                        const char* what) {
  auto pair = node::load_pair(certificate, key);
  if (!pair) return fail(pair.error().within(what));
  return pair;
}

// deliver's client as what order/ asks for.
class Source final : public order::BlockSource {
 public:
  Source(std::string channel, deliver::RangeSettings settings, wire::Signer signer, const Clock& clock, Random& random)
      : client_(std::move(channel), std::move(settings), std::move(signer), clock, random) {}
  Result<uint64_t> newest_height(const channel::Bundle& bundle) override { return client_.newest_height(bundle); }
  Result<::common::Block> newest_config(const channel::BundlePtr& bundle) override {
    return client_.newest_config(bundle);
  }
  Status pull(Position from, uint64_t until, const channel::BundlePtr& endpoints, const Take& take) override {
    return client_.pull(from.next_number, std::move(from.last_hash), std::move(from.bundle), until, endpoints, take);
  }
  void stop() override { client_.stop(); }

 private:
  deliver::RangeClient client_;
};

}  // namespace

void ClusterTls::follow(const channel::Bundle& bundle) const {
  const std::string source = "channel " + bundle.channel_id();
  roots->set_source(source, roots_of(bundle, Organisations::kOrderer));
  // Fabric quirk: orderer/common/server/main.go lets the clients of all organisations in here, too.
  if (listener) listener->trust->set_source(source, roots_of(bundle, Organisations::kAll));
}

void ClusterTls::forget(const std::string& channel) const {
  roots->remove_source("channel " + channel);
  if (listener) listener->trust->remove_source("channel " + channel);
}

void ClusterTls::register_in(OrdererTlsUpkeep& upkeep, const Listener& general, const config::Cluster& settings) const {
  tls::Registry& registry = upkeep.registry();
  // Whom we believe among orderers stands for what the others believe of us.
  if (credentials != general.credentials) {
    upkeep.add_cluster_pair({.role = "cluster client TLS", .store = credentials, .as_client = true, .hosts = {},
                             .trusted_by = roots, .judge = {}});
  }
  registry.add_pool({.name = "Cluster client", .of_clients = false, .store = roots});
  for (const auto& store : {configured, roots}) register_roots(registry, store, "files", settings.roots);
  if (!listener) return;
  upkeep.add_cluster_pair({.role = "cluster server TLS", .store = listener->credentials, .as_server = true, .hosts = {},
                           .trusted_by = roots, .judge = {}});
  registry.add_pool({.name = "Cluster", .of_clients = true, .store = listener->trust});
  register_roots(registry, listener->trust, "files", settings.roots);
}

Result<ClusterTls> cluster_tls(const config::OrdererSettings& settings, const Listener& general,
                               std::shared_ptr<const ConsenterKeys> keys) {
  const config::Cluster& cluster = settings.cluster;
  ClusterTls tls;
  const bool shared = cluster.listen_port == 0 && cluster.listen_address.empty() &&
                      cluster.server_certificate.path.empty() && cluster.server_key.path.empty();
  if (!shared && (cluster.listen_port == 0 || cluster.listen_address.empty() ||
                  cluster.server_certificate.path.empty() || cluster.server_key.path.empty())) {
    return fail(Code::kInvalidArgument,
                "Options: General.Cluster.ListenPort, General.Cluster.ListenAddress, General.Cluster.ServerCertificate, "
                "General.Cluster.ServerPrivateKey, should be defined altogether.",
                "", "set the other ones in " + settings.file + ", or none of them to share General.ListenPort");
  }
  std::vector<tls::Root> configured;
  for (const config::File& file : cluster.roots) {
    auto roots = tls::load_roots(file.path, file.origin);
    if (!roots) return fail(roots.error().within("Failed to load ServerRootCAs file '" + file.path + "'"));
    for (tls::Root& root : *roots) configured.push_back(std::move(root));
  }
  tls.configured = std::make_shared<tls::TrustStore>(configured);
  tls.roots = std::make_shared<tls::TrustStore>(std::move(configured));
  tls.time_shift = duration_cast<seconds>(shared ? settings.tls.time_shift : cluster.time_shift);
  if (!cluster.client_certificate.path.empty() || !cluster.client_key.path.empty()) {
    SELVAGE_TRY(tls.credentials, load_pair(cluster.client_certificate, cluster.client_key,
                                           "Failed to load client TLS certificate (General.Cluster.ClientCertificate, "
                                           "General.Cluster.ClientPrivateKey)"));
    tls.certificate_path = cluster.client_certificate.path;
  } else if (shared) {
    tls.credentials = general.credentials;
    tls.certificate_path = settings.tls.certificate.path;
  } else {
    // Fabric quirk: orderer/common/server/main.go starts without, and then no other orderer lets it in.
    return fail(Code::kInvalidArgument, "an orderer with a cluster listener of its own has no certificate to show to others",
                "", "set General.Cluster.ClientCertificate and General.Cluster.ClientPrivateKey in " + settings.file);
  }
  if (shared) return tls;
  Listener listener;
  SELVAGE_TRY(listener.credentials,
              load_pair(cluster.server_certificate, cluster.server_key, "Failed to load cluster server certificate"));
  listener.trust = std::make_shared<tls::TrustStore>(tls.configured->current()->roots());
  tls::ServerPolicy policy;
  policy.client_auth = tls::ClientAuth::kRequireAndVerify;
  policy.time_shift = duration_cast<seconds>(cluster.time_shift);
  policy.listener = "Orderer";
  policy.client_auth_setting = {"General.Cluster.ListenPort", settings.file, 0};
  policy.client_roots_setting = {"General.Cluster.RootCAs", settings.file, 0};
  policy.other_key_expected = [keys = std::move(keys), port = cluster.listen_port](const crypto::Certificate& ours) {
    return keys->other_key_for(port, ours);
  };
  listener.context = std::make_shared<tls::ServerContext>(listener.credentials, listener.trust, std::move(policy));
  SELVAGE_CHECK(listener.context->check());
  tls.listener = std::move(listener);
  return tls;
}

order::cluster::Transport::Settings transport_settings(const config::OrdererSettings& settings, const ClusterTls& tls) {
  const config::Cluster& cluster = settings.cluster;
  order::cluster::Transport::Settings made;
  if (cluster.send_buffer_size > 0) made.send_buffer = static_cast<size_t>(cluster.send_buffer_size);
  made.dial_timeout = duration_cast<milliseconds>(cluster.dial_timeout);
  made.rpc_timeout = duration_cast<milliseconds>(cluster.rpc_timeout);
  if (settings.backoff_base.count() > 0) made.backoff_base = duration_cast<milliseconds>(settings.backoff_base);
  if (settings.backoff_multiplier > 0) made.backoff_factor = settings.backoff_multiplier;
  if (settings.backoff_max.count() > 0) made.backoff_max = duration_cast<milliseconds>(settings.backoff_max);
  made.receive_bytes_max = settings.receive_bytes_max;
  made.send_bytes_max = settings.send_bytes_max;
  made.time_shift = tls.time_shift;
  made.expiry_warning = cluster.expiry_warning;
  made.roots_setting = {"General.Cluster.RootCAs", settings.file, 0};
  made.certificate_setting = {tls.credentials ? "General.Cluster.ClientCertificate" : "General.TLS.Certificate",
                              settings.file, 0};
  return made;
}

order::MakeBlockSource block_sources(const config::OrdererSettings& settings, const ClusterTls& tls,
                                     std::shared_ptr<tls::CredentialStore> own_server, wire::Signer signer,
                                     const Clock& clock, Random& random) {
  deliver::RangeSettings range;
  range.credentials = tls.credentials;
  range.more_roots = tls.configured;
  range.time_shift = tls.time_shift;
  range.dial_timeout = duration_cast<milliseconds>(settings.cluster.dial_timeout);
  range.fetch_timeout = duration_cast<milliseconds>(settings.cluster.replication_pull_timeout);
  range.own_listener = std::move(own_server);
  return [range, signer = std::move(signer), &clock, &random](const std::string& channel) -> std::unique_ptr<order::BlockSource> {
    return std::make_unique<Source>(channel, range, signer, clock, random);
  };
}

}  // namespace selvage::node
