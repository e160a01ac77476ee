#include "config/orderer_settings.h"

namespace selvage::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr uint64_t kMessageBytes = 100u << 20;

HttpTls read_http_tls(Reader& read, const std::string& group) {
  HttpTls tls;
  tls.enabled = read.flag(group + ".Enabled");
  tls.certificate = read.path(group + ".Certificate");
  tls.key = read.path(group + ".PrivateKey");
  tls.client_auth_required = read.flag(group + ".ClientAuthRequired");
  tls.client_roots = read.paths(group + ".ClientRootCAs");
  tls.time_shift = read.duration(group + ".TLSHandshakeTimeShift", 0s);
  tls.client_auth_origin = read.origin(group + ".ClientAuthRequired");
  tls.client_roots_origin = read.origin(group + ".ClientRootCAs");
  read.accept(group + ".RootCAs");  // taken and unused, as in Fabric
  if (tls.enabled && tls.certificate.path.empty()) {
    read.refuse(group + ".Certificate", "is not set though TLS is on", "name the certificate file, or set " + group + ".Enabled to false");
  }
  if (tls.enabled && tls.key.path.empty()) {
    read.refuse(group + ".PrivateKey", "is not set though TLS is on", "name the key file, or set " + group + ".Enabled to false");
  }
  return tls;
}

void read_tls(Reader& read, OrdererSettings* out) {
  OrdererTls& tls = out->tls;
  tls.enabled = read.flag("General.TLS.Enabled");
  tls.certificate = read.path("General.TLS.Certificate");
  tls.key = read.path("General.TLS.PrivateKey");
  tls.roots = read.paths("General.TLS.RootCAs");
  tls.client_auth_required = read.flag("General.TLS.ClientAuthRequired");
  tls.client_roots = read.paths("General.TLS.ClientRootCAs");
  tls.time_shift = read.duration("General.TLS.TLSHandshakeTimeShift", 0s);
  tls.explain = read_explain(read, "General.TLS.Explain");
  tls.resumption = read.flag("General.TLS.Resumption");
  tls.revocation = read.flag("General.TLS.Revocation");
  tls.client_names = read.list("General.TLS.ClientNames");
  tls.client_names_origin = read.origin("General.TLS.ClientNames");
  tls.handshakes_max = read.number("General.TLS.PendingHandshakes", 1024, 1, 1000000);
  tls.handshakes_per_source_max = read.number("General.TLS.PendingHandshakesPerSource", 0, 0, 1000000);
  tls.enabled_origin = read.origin("General.TLS.Enabled");
  tls.client_auth_origin = read.origin("General.TLS.ClientAuthRequired");
  tls.client_roots_origin = read.origin("General.TLS.ClientRootCAs");
  for (const auto& [key, file] : {std::pair{"General.TLS.Certificate", &tls.certificate}, {"General.TLS.PrivateKey", &tls.key}}) {
    if (tls.enabled && file->path.empty()) read.refuse(key, "is not set though TLS is on", "name the file, or set General.TLS.Enabled to false");
  }
}

// A default also takes the place of zero and of empty text (Fabric: localconfig.completeInitialization).
nanoseconds or_default(nanoseconds given, nanoseconds fallback) { return given == 0ns ? fallback : given; }

void read_cluster(Reader& read, OrdererSettings* out) {
  Cluster& cluster = out->cluster;
  const std::string group = "General.Cluster.";
  cluster.listen_address = read.text(group + "ListenAddress");
  cluster.listen_port = static_cast<uint16_t>(read.number(group + "ListenPort", 0, 0, 65535));
  cluster.server_certificate = read.path(group + "ServerCertificate");
  cluster.server_key = read.path(group + "ServerPrivateKey");
  cluster.client_certificate = read.path(group + "ClientCertificate");
  cluster.client_key = read.path(group + "ClientPrivateKey");
  cluster.roots = read.paths(group + "RootCAs");
  cluster.dial_timeout = or_default(read.duration(group + "DialTimeout", 0s), 5s);
  cluster.rpc_timeout = or_default(read.duration(group + "RPCTimeout", 0s), 7s);
  cluster.replication_buffer_bytes = read.bytes(group + "ReplicationBufferSize", 0);
  if (cluster.replication_buffer_bytes == 0) cluster.replication_buffer_bytes = 20u << 20;
  cluster.replication_pull_timeout = or_default(read.duration(group + "ReplicationPullTimeout", 0s), 5s);
  cluster.replication_retry_timeout = or_default(read.duration(group + "ReplicationRetryTimeout", 0s), 5s);
  cluster.replication_retries_max = static_cast<int>(read.number(group + "ReplicationMaxRetries", 0));
  if (cluster.replication_retries_max == 0) cluster.replication_retries_max = 12;
  cluster.replication_policy = read.text(group + "ReplicationPolicy");
  if (cluster.replication_policy != "simple") cluster.replication_policy = "consensus";
  cluster.send_buffer_size = static_cast<int>(read.number(group + "SendBufferSize", 0));
  if (cluster.send_buffer_size == 0) cluster.send_buffer_size = 100;
  cluster.expiry_warning = or_default(read.duration(group + "CertExpirationWarningThreshold", 0s), 168h);
  cluster.time_shift = read.duration(group + "TLSHandshakeTimeShift", 0s);
  const int given = !cluster.listen_address.empty() + (cluster.listen_port != 0) + !cluster.server_certificate.path.empty() +
                    !cluster.server_key.path.empty();
  if (given != 0 && given != 4) {
    read.refuse("General.Cluster",
                "options: ListenAddress, ListenPort, ServerCertificate, ServerPrivateKey, should be defined altogether or none of them",
                "set all four for a listener of its own, or none to share the general one");
  }
}

void read_general(Reader& read, OrdererSettings* out) {
  out->listen_address = read.text("General.ListenAddress");
  if (out->listen_address.empty()) out->listen_address = "127.0.0.1";
  out->listen_port = static_cast<uint16_t>(read.number("General.ListenPort", 0, 0, 65535));
  if (out->listen_port == 0) out->listen_port = 7050;
  out->keepalive.interval = read.duration("General.Keepalive.ServerInterval", 2h);
  out->keepalive.timeout = read.duration("General.Keepalive.ServerTimeout", 20s);
  out->keepalive_min_interval = read.duration("General.Keepalive.ServerMinInterval", 60s);
  out->backoff_base = read.duration("General.Backoff.BaseDelay", 1s);
  out->backoff_multiplier = read.fraction("General.Backoff.Multiplier", 1.6);
  out->backoff_max = read.duration("General.Backoff.MaxDelay", 2min);
  out->handshake_timeout = or_default(read.duration("General.ConnectionTimeout", 0s), 5s);
  const std::string genesis_method = read.text("General.GenesisMethod");
  out->bootstrap_method = read.text("General.BootstrapMethod", genesis_method);
  if (out->bootstrap_method.empty()) out->bootstrap_method = "none";
  const File genesis_file = read.path("General.GenesisFile");
  out->bootstrap_file = read.path("General.BootstrapFile", genesis_file.path).path;
  out->profile_enabled = read.flag("General.Profile.Enabled");
  out->profile_address = read.text("General.Profile.Address", "0.0.0.0:6060");
  out->msp_directory = read.path("General.LocalMSPDir", "msp");
  out->msp_id = read.text("General.LocalMSPID");
  if (out->msp_id.empty()) out->msp_id = "SampleOrg";
  out->msp_id_origin = read.origin("General.LocalMSPID");
  out->start_with_expired_identity = read.flag("General.StartWithExpiredIdentity");
  read.accept("General.BCCSP");
  out->bccsp.provider = read.text("General.BCCSP.Default", "SW");
  out->bccsp.hash = read.text("General.BCCSP.SW.Hash", "SHA2");
  out->bccsp.security = static_cast<int>(read.number("General.BCCSP.SW.Security", 256));
  out->bccsp.keystore = read.path("General.BCCSP.SW.FileKeyStore.KeyStore");
  out->authentication_window = or_default(read.duration("General.Authentication.TimeWindow", 0s), 15min);
  out->no_expiration_checks = read.flag("General.Authentication.NoExpirationChecks");
  out->receive_bytes_max = read.bytes("General.MaxRecvMsgSize", 0);
  if (out->receive_bytes_max == 0) out->receive_bytes_max = kMessageBytes;
  out->send_bytes_max = read.bytes("General.MaxSendMsgSize", 0);
  if (out->send_bytes_max == 0) out->send_bytes_max = kMessageBytes;
  out->throttle_rate = static_cast<int>(read.number("General.Throttling.Rate", 0));
  out->throttle_inactivity = or_default(read.duration("General.Throttling.InactivityTimeout", 0s), 5s);
}

void read_rest(Reader& read, OrdererSettings* out) {
  out->ledger_directory = read.path("FileLedger.Location", "/var/hyperledger/production/orderer");
  read.accept("FileLedger.Prefix");
  out->broadcast_trace_directory = read.text("Debug.BroadcastTraceDir");
  out->deliver_trace_directory = read.text("Debug.DeliverTraceDir");
  read.accept("Consensus");
  const std::string data = out->ledger_directory.path + "/etcdraft/";
  out->wal_directory = read.text("Consensus.WALDir", data + "wal");
  out->snapshot_directory = read.text("Consensus.SnapDir", data + "snapshot");
  out->eviction_suspicion = or_default(read.duration("Consensus.EvictionSuspicion", 0s), 10min);
  out->tick_interval_override = read.duration("Consensus.TickIntervalOverride", 0s);
  out->operations.listen_address = read.text("Operations.ListenAddress", "127.0.0.1:0");
  out->operations.tls = read_http_tls(read, "Operations.TLS");
  out->metrics.provider = read.text("Metrics.Provider", "disabled");
  out->metrics.statsd_network = read.text("Metrics.Statsd.Network");
  out->metrics.statsd_address = read.text("Metrics.Statsd.Address");
  out->metrics.statsd_write_interval = read.duration("Metrics.Statsd.WriteInterval", 30s);
  out->metrics.statsd_prefix = read.text("Metrics.Statsd.Prefix");
  out->admin.listen_address = read.text("Admin.ListenAddress", "127.0.0.1:0");
  out->admin.tls = read_http_tls(read, "Admin.TLS");
  if (out->admin.tls.enabled && !out->admin.tls.client_auth_required) {
    read.refuse("Admin.TLS.ClientAuthRequired", "must be set to true if Admin.TLS.Enabled is set to true", "set it to true");
  }
  (void)read.flag("ChannelParticipation.Enabled", true);  // Fabric takes it and is always on
  out->join_bytes_max = read.bytes("ChannelParticipation.MaxRequestBodySize", 1u << 20);
}

}  // namespace

Result<OrdererSettings> read_orderer_settings(const Tree& tree) {
  Reader read(tree);
  OrdererSettings out;
  out.file = tree.file();
  read_general(read, &out);
  read_tls(read, &out);
  read_cluster(read, &out);
  read_rest(read, &out);
  if (auto status = read.status_exact(); !status) {
    return fail(status.error().within("Error unmarshalling config into struct"));
  }
  return out;
}

Result<OrdererSettings> load_orderer_settings(const Environment& environment) {
  auto file = find_file("orderer", environment, true);
  if (!file) return fail(file.error().within("Error reading configuration"));
  auto tree = Tree::load(*file, "ORDERER", environment);
  if (!tree) return fail(tree.error().within("Error reading configuration"));
  return read_orderer_settings(*tree);
}

}  // namespace selvage::config
