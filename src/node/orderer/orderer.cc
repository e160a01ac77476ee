#include "node/orderer/orderer.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "deliver/serve/deliver_service.h"
#include "http/server.h"
#include "identity/posix_msp_directory.h"
#include "node/orderer/channel_sources.h"
#include "node/orderer/cluster.h"
#include "node/orderer/listeners.h"
#include "node/orderer/tls_upkeep.h"
#include "node/tls_settings.h"
#include "ops/operations_service.h"
#include "order/broadcast_service.h"
#include "order/cluster/step_service.h"
#include "order/cluster/transport_client.h"
#include "order/participation_service.h"
#include "order/registrar.h"
#include "os/posix_disk.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "os/worker_pool.h"
#include "policy/policy_manager.h"
#include "rpc/health.h"
#include "rpc/server.h"
#include "tls/expiry.h"
#include "wire/signer.h"

namespace selvage::node {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr auto kStopGrace = milliseconds(500);

log::Logger& logger() {
  static log::Logger instance("orderer.common.server");
  return instance;
}

// Settings that cannot work, before anything is opened.
Status check_settings(const config::OrdererSettings& settings) {
  if (settings.bootstrap_method == "file") {
    return fail(Code::kInvalidArgument,
                "Bootstrap method: 'file' is forbidden, since system channel is no longer supported", "",
                "set General.BootstrapMethod to none in " + settings.file + " and join channels with osnadmin");
  }
  if (settings.bootstrap_method != "none") {
    return fail(Code::kInvalidArgument, "Unknown bootstrap method: " + settings.bootstrap_method, "",
                "set General.BootstrapMethod to none in " + settings.file);
  }
  if (!settings.tls.enabled) {
    return fail(Code::kInvalidArgument, "TLS is required for running ordering nodes of cluster type.", "",
                "set " + settings.tls.enabled_origin.to_string() +
                    " to true, with General.TLS.Certificate and General.TLS.PrivateKey");
  }
  return {};
}

Result<identity::LocalMsp> load_msp(const config::OrdererSettings& settings) {
  // Recovery: held against a time at which nothing had expired.
  const SystemTime now = settings.start_with_expired_identity ? SystemTime() : os::system_clock().now();
  auto msp = identity::load_local_msp(settings.msp_directory.path, settings.msp_id, now);
  if (msp) return msp;
  constexpr const char* kWhat = "Failed to setup local msp with config";
  Error error = msp.error().message.starts_with(kWhat) ? msp.error() : msp.error().within(kWhat);
  if (error.message.find("signing identity expired") != std::string::npos) {
    error.hint += ", or start with the expired one to recover: ORDERER_GENERAL_STARTWITHEXPIREDIDENTITY=true";
  }
  const std::string where = settings.msp_directory.origin.to_string() + ", " + settings.msp_id_origin.to_string();
  error.hint = error.hint.empty() ? "settings: " + where : error.hint + " (settings: " + where + ")";
  return fail(std::move(error));
}

rpc::ServerSettings general_server(const config::OrdererSettings& settings, const Listener& listener,
                                   metrics::Provider& metrics) {
  rpc::ServerSettings server;
  server.listen_address = fmt::format("{}:{}", settings.listen_address, settings.listen_port);
  server.tls = listener.context;
  server.name = "Orderer";
  server.receive_bytes_max = settings.receive_bytes_max;
  server.send_bytes_max = settings.send_bytes_max;
  server.handshake_timeout = duration_cast<milliseconds>(settings.handshake_timeout);
  server.handshakes_max = static_cast<size_t>(settings.tls.handshakes_max);
  server.handshakes_per_source_max = static_cast<size_t>(settings.tls.handshakes_per_source_max);
  server.keepalive.interval = duration_cast<milliseconds>(settings.keepalive.interval);
  server.keepalive.timeout = duration_cast<milliseconds>(settings.keepalive.timeout);
  server.keepalive.min_interval = duration_cast<milliseconds>(settings.keepalive_min_interval);
  server.metrics = &metrics;
  return server;
}

ops::OperationsSettings operations_settings(const config::OrdererSettings& settings,
                                            std::shared_ptr<tls::ServerContext> tls) {
  ops::OperationsSettings operations;
  operations.http.listen_address = settings.operations.listen_address;
  operations.http.tls = std::move(tls);
  operations.http.name = "Operations";
  operations.http.logger = "orderer.operations";
  operations.metrics_provider = settings.metrics.provider;
  operations.statsd_network = settings.metrics.statsd_network;
  operations.statsd_address = settings.metrics.statsd_address;
  operations.statsd_write_interval = duration_cast<milliseconds>(settings.metrics.statsd_write_interval);
  operations.statsd_prefix = settings.metrics.statsd_prefix;
  operations.version = "0.1.0";
  operations.commit = "development build";
  return operations;
}

deliver::Settings deliver_settings(const config::OrdererSettings& settings) {
  deliver::Settings deliver;
  deliver.rules.time_window = settings.authentication_window;
  deliver.rules.bind_to_tls_certificate = settings.tls.enabled && settings.tls.client_auth_required;
  if (!settings.no_expiration_checks) {
    deliver.expiry_of = [](BytesView identity) { return order::identity_expiry(identity, nullptr); };
  }
  return deliver;
}

// Fabric's words at start, as its logger of certificates.
void note_expiry(const std::string& role, const crypto::Certificate& certificate, const std::string& file) {
  static const log::Logger monitor("certmonitor");
  const auto now = std::chrono::floor<std::chrono::seconds>(os::system_clock().now());
  for (const auto& note : tls::expiry_notes(role, certificate, file, now).due) SELVAGE_LOG(monitor, note.level, "{}", note.text);
}

Status may_read(const channel::Bundle& bundle, const deliver::SeekRequest& request) {
  return order::check_signature({request.envelope.payload(), request.envelope.signature()}, bundle,
                                policy::kChannelReaders, "/Channel/Orderer/Readers");
}

}  // namespace

// In the order of making; destroyed the other way round.
struct Orderer::Parts {
  explicit Parts(const config::OrdererSettings& s) : settings(s) {}
  ~Parts() { stop(); }

  Status start();
  void stop();

  const config::OrdererSettings settings;
  const std::shared_ptr<ConsenterKeys> consenter_keys = std::make_shared<ConsenterKeys>();
  Listener general;
  ClusterTls cluster;
  std::unique_ptr<ops::Operations> operations;
  tls::Registry tls_registry;
  std::unique_ptr<OrdererTlsUpkeep> tls;
  ChannelSources sources;
  std::unique_ptr<order::cluster::Transport> transport;
  std::unique_ptr<order::Registrar> registrar;
  std::unique_ptr<os::WorkerPool> workers;
  std::unique_ptr<deliver::DeliverService> deliver;
  std::unique_ptr<order::BroadcastService> broadcast;
  std::unique_ptr<order::cluster::StepService> steps;
  rpc::Health health;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<rpc::Server> cluster_server;  // null: `server` has the cluster's service, too
  std::unique_ptr<http::Server> admin;
  bool stopped = false;
};

Status Orderer::Parts::start() {
  SELVAGE_CHECK(check_settings(settings));
  SELVAGE_TRY(const auto msp, load_msp(settings));
  auto listener = general_listener(settings, consenter_keys);
  if (!listener) {
    const bool pair = listener.error().message.starts_with("tls: ");  // Fabric's words for a pair that does not match
    return fail(pair ? listener.error().within("Failed to return new GRPC server") : listener.error());
  }
  general = std::move(*listener);
  LOG_INFO(logger(), "Starting orderer with {} enabled", settings.tls.client_auth_required ? "mutual TLS" : "TLS");
  SELVAGE_TRY(const auto admin_tls, https_context(settings.admin.tls, "Admin"));
  SELVAGE_TRY(const auto operations_tls, https_context(settings.operations.tls, "Operations"));

  operations = std::make_unique<ops::Operations>(operations_settings(settings, operations_tls));
  LOG_INFO(logger(), "Starting without a system channel");
  LOG_INFO(logger(), "Setting up cluster");
  SELVAGE_TRY(cluster, cluster_tls(settings, general, consenter_keys));
  if (!cluster.listener) {
    LOG_INFO(logger(), "Cluster listener is not configured, defaulting to use the general listener on port {}",
             settings.listen_port);
  }

  if (settings.profile_enabled) LOG_WARN(logger(), "General.Profile.Enabled is set, but there is no profiling service");
  if (!settings.broadcast_trace_directory.empty() || !settings.deliver_trace_directory.empty()) {
    LOG_WARN(logger(), "Debug.BroadcastTraceDir and Debug.DeliverTraceDir are not supported");
  }
  const auto own = general.credentials->current();
  note_expiry("enrollment", msp.signer.certificate(), settings.msp_directory.path);
  note_expiry("server TLS", own->leaf(), settings.tls.certificate.path);
  note_expiry("client TLS", cluster.credentials->current()->leaf(), cluster.certificate_path);
  tls = std::make_unique<OrdererTlsUpkeep>(settings, msp.signer.certificate(), general, tls_registry, *operations,
                                           os::system_clock());
  register_https(tls_registry, "admin", settings.admin.tls, admin_tls.get());
  register_https(tls_registry, "operations", settings.operations.tls, operations_tls.get());
  cluster.register_in(*tls, general, settings.cluster);
  transport = std::make_unique<order::cluster::Transport>(
      transport_settings(settings, cluster),
      order::cluster::Transport::Parts{cluster.credentials, cluster.roots, operations->metrics(), os::system_clock()});
  const auto& shown_to_consenters = cluster.listener ? cluster.listener->credentials : general.credentials;
  order::Registrar::Parts parts{
      os::posix_disk(), os::system_random(), os::system_clock(), operations->metrics(), wire::signer_of(msp.signer),
      order::OwnCertificate(shown_to_consenters),
      [this](const channel::BundlePtr& bundle) {
        cluster.follow(*bundle);  // first: a pair of a CA that comes with this configuration is held against that CA, too
        tls->follow(*bundle);
        consenter_keys->follow(*bundle);
      },
      [this](const std::string& channel) { sources.changed(channel); },
      [this](const std::string& channel) {
        tls->forget(channel);
        consenter_keys->forget(channel);
        cluster.forget(channel);
        sources.forget(channel);
      },
      transport.get(),
      block_sources(settings, cluster, general.credentials, wire::signer_of(msp.signer), os::system_clock(),
                    os::system_random())};
  SELVAGE_TRY(registrar, order::Registrar::open({.ledger_directory = settings.ledger_directory.path,
                                                 .wal_directory = settings.wal_directory,
                                                 .snapshot_directory = settings.snapshot_directory,
                                                 .tick_interval_override = settings.tick_interval_override,
                                                 .check_expiry = !settings.no_expiration_checks,
                                                 .eviction_suspicion = settings.eviction_suspicion},
                                                std::move(parts)));
  sources.set_registrar(registrar.get());
  registrar->start();
  operations->health().add("channels", [this]() -> Status {
    const auto failed = registrar->failures();
    if (failed.empty()) return {};
    return fail(Code::kInternal, "channel " + failed.front().first + ": " + failed.front().second);
  });

  workers = std::make_unique<os::WorkerPool>(std::max(2u, std::thread::hardware_concurrency()), "orderer-work");
  const auto post = [this](std::function<void()> task) { workers->post(std::move(task)); };
  deliver = std::make_unique<deliver::DeliverService>(deliver_settings(settings), sources, os::system_clock(),
                                                      operations->metrics(), post);
  order::BroadcastService::Settings broadcasting;
  broadcasting.throttle_rate = settings.throttle_rate;
  broadcasting.throttle_inactivity = settings.throttle_inactivity;
  broadcast = std::make_unique<order::BroadcastService>(broadcasting, *registrar, operations->metrics(), post);
  server = std::make_unique<rpc::Server>(general_server(settings, general, operations->metrics()));
  tls->add_server(*server, settings.tls.client_auth_required ? "certificate hash" : "");
  broadcast->add_to(*server);
  deliver->add_to(*server, "/orderer.AtomicBroadcast/Deliver", std::make_shared<deliver::OrdererRendering>(), may_read);
  health.add_to(*server);
  steps = std::make_unique<order::cluster::StepService>(
      order::cluster::StepService::Settings{.expiry_warning = settings.cluster.expiry_warning}, *registrar,
      operations->metrics(), os::system_clock());
  if (cluster.listener) {
    auto own = general_server(settings, *cluster.listener, operations->metrics());
    own.listen_address = fmt::format("{}:{}", settings.cluster.listen_address, settings.cluster.listen_port);
    cluster_server = std::make_unique<rpc::Server>(std::move(own));
    tls->add_server(*cluster_server, "consenter's key");
  }
  steps->add_to(cluster_server ? *cluster_server : *server);

  http::ServerSettings http;
  http.listen_address = settings.admin.listen_address;
  http.tls = admin_tls;
  http.name = "Admin";
  http.logger = "orderer.admin";
  http.body_bytes_max = settings.join_bytes_max;
  admin = std::make_unique<http::Server>(std::move(http));
  order::add_participation(*admin, *registrar, settings.admin.tls.enabled);

  const auto open = [](Status started, const char* what, const std::string& setting) -> Status {
    if (started) return {};
    Error error = started.error().within(what);
    if (error.hint.empty()) error.hint = "free the address or change " + setting;
    return fail(std::move(error));
  };
  SELVAGE_CHECK(open(operations->start(), "failed to start operations subsystem", "Operations.ListenAddress"));
  SELVAGE_CHECK(open(admin->start(), "failed to start admin server", "Admin.ListenAddress"));
  if (cluster_server) {
    SELVAGE_CHECK(open(cluster_server->start(), "Failed to listen",
                       "General.Cluster.ListenAddress, General.Cluster.ListenPort"));
    LOG_INFO(logger(), "Starting cluster listener on {}", cluster_server->address());
  }
  SELVAGE_CHECK(open(server->start(), "Failed to listen", "General.ListenAddress, General.ListenPort"));
  tls->start();
  LOG_INFO(logger(), "Beginning to serve requests");
  return {};
}

void Orderer::Parts::stop() {
  if (std::exchange(stopped, true)) return;
  health.shut_down();
  if (tls) tls->stop();
  if (admin) admin->stop(kStopGrace);
  if (server) server->stop(kStopGrace);
  if (cluster_server) cluster_server->stop(kStopGrace);
  if (operations) operations->stop();
  if (registrar) registrar->stop();
  if (transport) transport->shut_down();
  if (workers) workers->stop();  // and stays: a connection's loop may have a last word for it
}

Orderer::Orderer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Orderer::~Orderer() = default;

Result<std::unique_ptr<Orderer>> Orderer::start(const config::OrdererSettings& settings) {
  auto parts = std::make_unique<Parts>(settings);
  SELVAGE_CHECK(parts->start());
  return std::unique_ptr<Orderer>(new Orderer(std::move(parts)));
}

void Orderer::stop() { parts_->stop(); }
void Orderer::reload() { parts_->tls->reload(); }
std::string Orderer::address() const { return parts_->server->address(); }
std::string Orderer::admin_address() const { return parts_->admin->address(); }
std::string Orderer::operations_address() const { return parts_->operations->server().address(); }

}  // namespace selvage::node
