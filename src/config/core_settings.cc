#include "config/core_settings.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

#include "base/bytes.h"

namespace selvage::config {

TlsExplain read_explain(Reader& read, std::string_view key) {
  const std::string mode = read.text(key, "log");
  if (mode == "off" || mode == "false") return TlsExplain::kOff;  // YAML reads a bare off as false
  if (mode == "client") return TlsExplain::kClient;
  if (mode != "log" && !mode.empty()) {
    read.refuse(key, "\"" + escape(mode, 64) + "\" is none of off, log, client", "set it to one of these");
  }
  return TlsExplain::kLog;
}

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// Fabric takes a default for zero too.
nanoseconds or_default(nanoseconds given, nanoseconds fallback) { return given == 0ns ? fallback : given; }

void need_pair(Reader& read, const std::string& certificate, const File& certificate_file, const std::string& key, const File& key_file) {
  if (certificate_file.path.empty() == key_file.path.empty()) return;
  const std::string& missing = certificate_file.path.empty() ? certificate : key;
  read.refuse(missing, "is not set though its other half is: " + key + " and " + certificate + " must both be set or must both be empty",
              "name both files, or neither");
}

void read_tls(Reader& read, CoreSettings* out) {
  PeerTls& tls = out->tls;
  tls.enabled = read.flag("peer.tls.enabled");
  tls.client_auth_required = read.flag("peer.tls.clientAuthRequired");
  tls.certificate = read.path("peer.tls.cert.file");
  tls.key = read.path("peer.tls.key.file");
  tls.root = read.path("peer.tls.rootcert.file");
  tls.client_roots = read.paths("peer.tls.clientRootCAs.files");
  tls.client_certificate = read.path("peer.tls.clientCert.file");
  tls.client_key = read.path("peer.tls.clientKey.file");
  tls.explain = read_explain(read, "peer.tls.explain");
  tls.resumption = read.flag("peer.tls.resumption", false);
  tls.revocation = read.flag("peer.tls.revocation");
  tls.client_names = read.list("peer.tls.clientNames");
  tls.client_names_origin = read.origin("peer.tls.clientNames");
  tls.handshakes_max = read.number("peer.tls.pendingHandshakes", 1024, 1, 1000000);
  tls.handshakes_per_source_max = read.number("peer.tls.pendingHandshakesPerSource", 0, 0, 1000000);
  tls.server_host_override = read.text("peer.tls.serverhostoverride");
  tls.time_shift = read.duration("peer.tls.handshakeTimeShift", 0s);
  tls.enabled_origin = read.origin("peer.tls.enabled");
  tls.client_auth_origin = read.origin("peer.tls.clientAuthRequired");
  tls.client_roots_origin = read.origin("peer.tls.clientRootCAs.files");
  need_pair(read, "peer.tls.clientCert.file", tls.client_certificate, "peer.tls.clientKey.file", tls.client_key);
}

void read_connections(Reader& read, CoreSettings* out) {
  out->keepalive.interval = read.duration("peer.keepalive.interval", 2h);
  out->keepalive.timeout = read.duration("peer.keepalive.timeout", 20s);
  out->keepalive_min_interval = read.duration("peer.keepalive.minInterval", 60s);
  out->client_keepalive.interval = read.duration("peer.keepalive.client.interval", 60s);
  out->client_keepalive.timeout = read.duration("peer.keepalive.client.timeout", 20s);
  out->delivery_keepalive.interval = read.duration("peer.keepalive.deliveryClient.interval", 60s);
  out->delivery_keepalive.timeout = read.duration("peer.keepalive.deliveryClient.timeout", 20s);
  out->handshake_timeout = or_default(read.duration("peer.connectiontimeout", 0s), 5s);
  out->client_connect_timeout = or_default(read.duration("peer.client.connTimeout", 0s), 3s);
  out->endorser_limit = static_cast<int>(read.number("peer.limits.concurrency.endorserService", 0));
  out->deliver_limit = static_cast<int>(read.number("peer.limits.concurrency.deliverService", 0));
  out->gateway_limit = static_cast<int>(read.number("peer.limits.concurrency.gatewayService", 0));
  out->receive_bytes_max = read.bytes("peer.maxRecvMsgSize", 100u << 20);
  out->send_bytes_max = read.bytes("peer.maxSendMsgSize", 100u << 20);
  out->gateway.enabled = read.flag("peer.gateway.enabled", true);
  out->gateway.endorsement_timeout = read.duration("peer.gateway.endorsementTimeout", 30s);
  out->gateway.broadcast_timeout = read.duration("peer.gateway.broadcastTimeout", 30s);
  out->gateway.dial_timeout = read.duration("peer.gateway.dialTimeout", 30s);
}

void read_delivery(Reader& read, CoreSettings* out) {
  DeliveryClient& delivery = out->delivery;
  const std::string group = "peer.deliveryclient.";
  delivery.block_gossip_enabled = read.flag(group + "blockGossipEnabled", true);
  delivery.reconnect_total_time = or_default(read.duration(group + "reconnectTotalTimeThreshold", 0s), 1h);
  delivery.reconnect_backoff_max = or_default(read.duration(group + "reConnectBackoffThreshold", 0s), 1h);
  delivery.reconnect_interval_min = or_default(read.duration(group + "minimalReconnectInterval", 0s), 100ms);
  delivery.connect_timeout = or_default(read.duration(group + "connTimeout", 0s), 3s);
  delivery.censorship_timeout = read.duration(group + "blockCensorshipTimeoutKey", 30s);
  delivery.policy = read.text(group + "policy", "cluster");
  if (delivery.policy != "simple") delivery.policy = "cluster";
  for (const Node& record : read.records(group + "addressOverrides")) {
    AddressOverride one;
    if (const Node* from = record.find("from")) one.from = from->text;
    if (const Node* to = record.find("to")) one.to = to->text;
    // Fabric quirk: core/deliverservice/config.go reads this path as it stands, not relative to core.yaml.
    if (const Node* file = record.find("caCertsFile")) one.ca_certificates = File{file->text, record.origin};
    delivery.address_overrides.push_back(std::move(one));
  }
}

void read_gossip(Reader& read, CoreSettings* out) {
  Gossip& gossip = out->gossip;
  gossip.bootstrap = read.list("peer.gossip.bootstrap");
  gossip.endpoint = read.text("peer.gossip.endpoint");
  gossip.external_endpoint = read.text("peer.gossip.externalEndpoint");
  gossip.use_leader_election = read.flag("peer.gossip.useLeaderElection");
  gossip.org_leader = read.flag("peer.gossip.orgLeader");
  const auto duration = [&](const char* key, nanoseconds fallback) {
    return or_default(read.duration(std::string("peer.gossip.") + key, 0s), fallback);
  };
  // Fabric takes a default for zero, but for those that zero turns off.
  const auto count = [&](const char* key, int64_t fallback) {
    const auto given = read.number(std::string("peer.gossip.") + key, fallback, 0, INT32_MAX);
    return static_cast<int>(given == 0 ? fallback : given);
  };
  gossip.membership_tracker = duration("membershipTrackerInterval", 5s);
  gossip.blocks_stored = count("maxBlockCountToStore", 10);
  gossip.propagate_iterations = static_cast<int>(read.number("peer.gossip.propagateIterations", 1, 0, INT32_MAX));
  gossip.propagate_peers = count("propagatePeerNum", 3);
  gossip.pull_interval = duration("pullInterval", 4s);
  gossip.pull_peers = count("pullPeerNum", 3);
  gossip.request_state_info = duration("requestStateInfoInterval", 4s);
  gossip.publish_state_info = duration("publishStateInfoInterval", 4s);
  gossip.publish_certificate = duration("publishCertPeriod", 10s);
  gossip.request_wait = duration("requestWaitTime", 1500ms);
  gossip.dial_timeout = duration("dialTimeout", 3s);
  gossip.connection_timeout = duration("connTimeout", 2s);
  gossip.receive_buffer = count("recvBuffSize", 20);
  gossip.send_buffer = count("sendBuffSize", 200);
  gossip.alive_interval = duration("aliveTimeInterval", 5s);
  gossip.alive_expiration = duration("aliveExpirationTimeout", 5 * gossip.alive_interval);
  gossip.reconnect_interval = duration("reconnectInterval", gossip.alive_expiration);
  gossip.connection_attempts_max = count("maxConnectionAttempts", 120);
  gossip.message_expiration_factor = count("msgExpirationFactor", 20);
  gossip.election_startup_grace = duration("election.startupGracePeriod", 15s);
  gossip.election_membership_sample = duration("election.membershipSampleInterval", 1s);
  gossip.election_leader_alive = duration("election.leaderAliveThreshold", 10s);
  gossip.election_duration = duration("election.leaderElectionDuration", 5s);
  gossip.state_enabled = read.flag("peer.gossip.state.enabled");
  gossip.state_check_interval = duration("state.checkInterval", 10s);
  gossip.state_response_timeout = duration("state.responseTimeout", 3s);
  gossip.state_batch_blocks = static_cast<uint64_t>(count("state.batchSize", 10));
  gossip.state_retries_max = count("state.maxRetries", 3);
  if (gossip.use_leader_election && gossip.org_leader) {
    read.refuse("peer.gossip.useLeaderElection",
                "Setting both orgLeader and useLeaderElection to true isn't supported, aborting execution",
                "set peer.gossip.orgLeader (CORE_PEER_GOSSIP_ORGLEADER) or peer.gossip.useLeaderElection "
                "(CORE_PEER_GOSSIP_USELEADERELECTION) to false");
  }
  PrivateData& data = out->private_data;
  data.reconciliation_enabled = read.flag("peer.gossip.pvtData.reconciliationEnabled", true);
  data.reconcile_batch = static_cast<uint64_t>(count("pvtData.reconcileBatchSize", 10));
  data.reconcile_interval = duration("pvtData.reconcileSleepInterval", 1min);
  data.skip_pulling_invalid = read.flag("peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit");
  data.pull_retry = read.duration("peer.gossip.pvtData.pullRetryThreshold", 60s);
  data.transient_blocks_max = static_cast<uint64_t>(read.number("peer.gossip.pvtData.transientstoreMaxBlockRetention", 20000));
  if (data.transient_blocks_max == 0) data.transient_blocks_max = 20000;
  data.push_ack_timeout = read.duration("peer.gossip.pvtData.pushAckTimeout", 3s);
  data.btl_pull_margin = static_cast<uint64_t>(read.number("peer.gossip.pvtData.btlPullMargin", 10));
  const std::string policy = "peer.gossip.pvtData.implicitCollectionDisseminationPolicy.";
  data.implicit_required_peers = static_cast<int>(read.number(policy + "requiredPeerCount", 0));
  data.implicit_max_peers = static_cast<int>(read.number(policy + "maxPeerCount", 1));
  data.purge_interval_blocks = static_cast<uint64_t>(read.number("ledger.pvtdataStore.purgeInterval", 100));
  if (data.purge_interval_blocks == 0) data.purge_interval_blocks = 100;
}

void read_builders(Reader& read, CoreSettings* out) {
  for (const Node& record : read.records("chaincode.externalBuilders")) {
    ExternalBuilder one;
    if (const Node* name = record.find("name")) one.name = name->text;
    if (const Node* path = record.find("path")) one.path = path->text;
    for (const char* key : {"propagateEnvironment", "environmentWhitelist"}) {
      const Node* names = record.find(key);
      if (names == nullptr || !one.propagate_environment.empty()) continue;
      for (const Node& item : names->items) one.propagate_environment.push_back(item.text);
    }
    if (one.path.empty()) {
      read.refuse("chaincode.externalBuilders", "invalid external builder configuration, path attribute missing in one or more builders",
                  "give each builder a path");
    } else if (one.name.empty()) {
      read.refuse("chaincode.externalBuilders", "external builder at path " + one.path + " has no name attribute", "give it a name");
    }
    out->chaincode.external_builders.push_back(std::move(one));
  }
}

void read_chaincode(Reader& read, const Tree& tree, CoreSettings* out) {
  Chaincode& chaincode = out->chaincode;
  read_builders(read, out);
  chaincode.install_timeout = or_default(read.duration("chaincode.installTimeout", 0s), 300s);
  chaincode.startup_timeout = std::max<nanoseconds>(read.duration("chaincode.startuptimeout", 300s), 5s);
  chaincode.execute_timeout = read.duration("chaincode.executetimeout", 30s);
  if (chaincode.execute_timeout < 1s) chaincode.execute_timeout = 30s;
  chaincode.mode = read.text("chaincode.mode", "net");
  // A bare number of seconds, as Fabric reads it.
  chaincode.keepalive = std::chrono::seconds(read.number("chaincode.keepalive", 0));
  for (const char* name : {"_lifecycle", "cscc", "lscc", "qscc"}) chaincode.system[name] = false;
  if (const Node* system = tree.find("chaincode.system")) {
    for (const auto& [name, value] : system->fields) {
      chaincode.system[name] = value.text == "enable" || value.text == "true" || value.text == "yes";
    }
  }
  chaincode.log_level = read.text("chaincode.logging.level", "info");
  chaincode.shim_log_level = read.text("chaincode.logging.shim", "warning");
  chaincode.log_format = read.text("chaincode.logging.format");
  chaincode.use_write_batch = read.flag("chaincode.runtimeParams.useWriteBatch", true);
  chaincode.write_batch_max = static_cast<uint32_t>(read.number("chaincode.runtimeParams.maxSizeWriteBatch", 1000));
  chaincode.use_get_multiple_keys = read.flag("chaincode.runtimeParams.useGetMultipleKeys", true);
  chaincode.get_multiple_keys_max = static_cast<uint32_t>(read.number("chaincode.runtimeParams.maxSizeGetMultipleKeys", 1000));
}

Handler handler_of(const Node& node) {
  const auto text = [&node](const char* name) {
    const Node* field = node.find(name);
    return field == nullptr || field->kind != Node::Kind::kScalar ? std::string() : field->text;
  };
  return {text("name"), text("library")};
}

std::vector<Handler> handler_list(Reader& read, std::string_view key) {
  std::vector<Handler> out;
  for (const Node& record : read.records(key)) out.push_back(handler_of(record));
  return out;
}

std::map<std::string, Handler> handler_map(Reader& read, const Tree& tree, const std::string& key) {
  std::map<std::string, Handler> out;
  read.accept(key);
  const Node* const node = tree.find(key);
  if (node == nullptr || node->kind == Node::Kind::kNull) return out;
  if (node->kind != Node::Kind::kMap) read.refuse(key, "is no group of settings", "write it as {name: {library: path}}");
  for (const auto& [name, value] : node->fields) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    out[lower] = handler_of(value);
  }
  return out;
}

void read_handlers(Reader& read, const Tree& tree, Handlers* out) {
  if (tree.is_set("peer.handlers")) {
    out->auth_filters = handler_list(read, "peer.handlers.authFilters");
    out->decorators = handler_list(read, "peer.handlers.decorators");
  } else {
    out->auth_filters = {{"ExpirationCheck", ""}, {"TimeWindowCheck", ""}};
  }
  out->endorsers = handler_map(read, tree, "peer.handlers.endorsers");
  out->validators = handler_map(read, tree, "peer.handlers.validators");
  out->endorsers.try_emplace("escc", Handler{"DefaultEndorsement", ""});
  out->validators.try_emplace("vscc", Handler{"DefaultValidation", ""});
}

void read_ledger(Reader& read, CoreSettings* out) {
  out->filesystem_path = read.path("peer.fileSystemPath", "/var/hyperledger/production").path;
  out->ledger.state_database = read.text("ledger.state.stateDatabase", "goleveldb");
  out->ledger.total_query_limit = static_cast<uint32_t>(read.number("ledger.state.totalQueryLimit", 10000));
  out->ledger.history_enabled = read.flag("ledger.history.enableHistoryDatabase");
  out->ledger.snapshots_directory = read.text("ledger.snapshots.rootDir");
  if (out->ledger.snapshots_directory.empty()) out->ledger.snapshots_directory = out->filesystem_path + "/snapshots";
}

void read_operations(Reader& read, CoreSettings* out) {
  out->operations.listen_address = read.text("operations.listenAddress");
  HttpTls& tls = out->operations.tls;
  tls.enabled = read.flag("operations.tls.enabled");
  tls.certificate = read.path("operations.tls.cert.file");
  tls.key = read.path("operations.tls.key.file");
  tls.client_auth_required = read.flag("operations.tls.clientAuthRequired");
  tls.client_roots = read.paths("operations.tls.clientRootCAs.files");
  tls.client_auth_origin = read.origin("operations.tls.clientAuthRequired");
  tls.client_roots_origin = read.origin("operations.tls.clientRootCAs.files");
  Metrics& metrics = out->metrics;
  metrics.provider = read.text("metrics.provider", "disabled");
  metrics.statsd_network = read.text("metrics.statsd.network");
  metrics.statsd_address = read.text("metrics.statsd.address");
  metrics.statsd_write_interval = read.duration("metrics.statsd.writeInterval", 10s);
  metrics.statsd_prefix = read.text("metrics.statsd.prefix");
}

bool split_address(const std::string& address, std::string* host, std::string* port) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  *host = address.substr(0, colon);
  *port = address.substr(colon + 1);
  if (host->size() > 1 && host->front() == '[' && host->back() == ']') {
    *host = host->substr(1, host->size() - 2);
    return true;
  }
  return host->find(':') == std::string::npos;
}

// The first IPv4 address of this machine that is not loopback; empty when there is none.
std::string local_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "";
  std::string found;
  for (const ifaddrs* at = list; at != nullptr && found.empty(); at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) found = text;
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace

Result<CoreSettings> read_core_settings(const Tree& tree) {
  Reader read(tree);
  CoreSettings out;
  out.file = tree.file();
  out.effective = tree.to_yaml();
  out.peer_id = read.text("peer.id");
  out.network_id = read.text("peer.networkId");
  out.listen_address = read.text("peer.listenAddress");
  out.address = read.text("peer.address");
  out.address_auto_detect = read.flag("peer.addressAutoDetect");
  out.chaincode_listen_address = read.text("peer.chaincodeListenAddress");
  out.chaincode_address = read.text("peer.chaincodeAddress");
  out.authentication_window = or_default(read.duration("peer.authentication.timewindow", 0s), 15min);
  out.msp_directory = read.path("peer.mspConfigPath");
  out.msp_id = read.text("peer.localMspId");
  out.msp_id_origin = read.origin("peer.localMspId");
  out.start_with_expired_identity = read.flag("peer.startWithExpiredIdentity");
  out.msp_type = read.text("peer.localMspType", "bccsp");
  if (out.msp_type.empty()) out.msp_type = "bccsp";
  out.bccsp.provider = read.text("peer.BCCSP.Default", "SW");
  out.bccsp.hash = read.text("peer.BCCSP.SW.Hash", "SHA2");
  out.bccsp.security = static_cast<int>(read.number("peer.BCCSP.SW.Security", 256));
  out.bccsp.keystore = read.path("peer.BCCSP.SW.FileKeyStore.KeyStore");
  out.validator_pool_size = static_cast<int>(read.number("peer.validatorPoolSize", 0));
  out.discovery_enabled = read.flag("peer.discovery.enabled");
  out.discovery_org_members = read.flag("peer.discovery.orgMembersAllowedAccess");
  auto& cache = out.discovery_cache;
  cache.enabled = read.flag("peer.discovery.authCacheEnabled", true);
  cache.entries_max = static_cast<size_t>(read.number("peer.discovery.authCacheMaxSize", 1000));
  cache.retention_ratio = std::clamp(std::strtod(read.text("peer.discovery.authCachePurgeRetentionRatio", "0.75").c_str(),
                                                 nullptr), 0.0, 1.0);
  cache.bind_to_tls_certificate = read.flag("peer.discovery.bindToTLSCertificate", false);
  out.docker_endpoint = read.text("vm.endpoint");
  read_tls(read, &out);
  read_connections(read, &out);
  read_delivery(read, &out);
  read_gossip(read, &out);
  read_handlers(read, tree, &out.handlers);
  read_chaincode(read, tree, &out);
  read_ledger(read, &out);
  read_operations(read, &out);
  SELVAGE_CHECK(read.status());
  return out;
}

Result<Tree> load_core_tree(const Environment& environment) {
  auto file = find_file("core", environment);
  if (!file) return fail(file.error().within("error when reading core config file"));
  return Tree::load(*file, "CORE", environment);
}

Result<CoreSettings> load_core_settings(const Environment& environment) {
  SELVAGE_TRY(const Tree tree, load_core_tree(environment));
  return read_core_settings(tree);
}

Result<std::string> advertised_address(const CoreSettings& settings) {
  if (settings.address.empty()) {
    return fail(Code::kInvalidArgument, "peer.address isn't set", "", "set peer.address (CORE_PEER_ADDRESS) to host:port");
  }
  std::string host;
  std::string port;
  if (!split_address(settings.address, &host, &port)) {
    return fail(Code::kInvalidArgument, "peer.address isn't in host:port format: " + settings.address, "",
                "set peer.address (CORE_PEER_ADDRESS) to host:port");
  }
  in6_addr six{};
  const bool unspecified = host == "0.0.0.0" || (::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six));
  if (!unspecified && !settings.address_auto_detect) return settings.address;
  const std::string local = local_address();
  if (local.empty()) {
    return fail(Code::kInvalidArgument, "no non-loopback, IPv4 interface detected", "",
                "set peer.address (CORE_PEER_ADDRESS) to a host and port, and peer.addressAutoDetect to false");
  }
  return local + ":" + port;
}

}  // namespace selvage::config
