#include "node/peer/peer_settings.h"

#include <fmt/format.h>

#include "base/log.h"
#include "node/peer/collection_membership.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}

std::chrono::milliseconds milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time);
}

constexpr const char* kVersion = "v3.1.5";  // of the Fabric whose behaviour this is

}  // namespace

rpc::ServerSettings server_settings(const config::CoreSettings& core, const PeerTls& tls, metrics::Provider& metrics) {
  rpc::ServerSettings settings;
  settings.listen_address = core.listen_address;
  settings.tls = tls.server();
  settings.name = "PeerServer";
  settings.receive_bytes_max = core.receive_bytes_max;
  settings.send_bytes_max = core.send_bytes_max;
  settings.handshake_timeout = milliseconds(core.handshake_timeout);
  settings.handshakes_max = static_cast<size_t>(core.tls.handshakes_max);
  settings.handshakes_per_source_max = static_cast<size_t>(core.tls.handshakes_per_source_max);
  settings.keepalive.interval = milliseconds(core.keepalive.interval);
  settings.keepalive.timeout = milliseconds(core.keepalive.timeout);
  settings.keepalive.min_interval = milliseconds(core.keepalive_min_interval);
  if (core.endorser_limit > 0) settings.concurrency_limits["/protos.Endorser"] = core.endorser_limit;
  if (core.deliver_limit > 0) settings.concurrency_limits["/protos.Deliver"] = core.deliver_limit;
  if (core.gateway_limit > 0) settings.concurrency_limits["/gateway.Gateway"] = core.gateway_limit;
  settings.metrics = &metrics;
  return settings;
}

deliver::PullSettings pull_settings(const config::CoreSettings& core, const PeerTls& tls) {
  deliver::PullSettings settings;
  settings.dial.tls = core.tls.enabled;
  settings.dial.credentials = tls.client();
  settings.dial.connect_timeout = milliseconds(core.delivery.connect_timeout);
  settings.dial.keepalive_interval = milliseconds(core.delivery_keepalive.interval);
  settings.dial.keepalive_timeout = milliseconds(core.delivery_keepalive.timeout);
  settings.overrides = tls.overrides();
  settings.pause_first = milliseconds(core.delivery.reconnect_interval_min);
  settings.pause_max = milliseconds(core.delivery.reconnect_backoff_max);
  settings.pauses_total = milliseconds(core.delivery.reconnect_total_time);
  settings.watch_bft = core.delivery.policy == "cluster";
  if (core.delivery.censorship_timeout.count() > 0)
    settings.censorship_timeout = milliseconds(core.delivery.censorship_timeout);
  return settings;
}

PeerChannel::Settings channel_settings(const config::CoreSettings& core) {
  PeerChannel::Settings settings;
  settings.transient_blocks_max = core.private_data.transient_blocks_max;
  settings.pull_invalid = !core.private_data.skip_pulling_invalid;
  return settings;
}

plugin::Settings plugin_settings(const config::CoreSettings& core) {
  plugin::Settings settings;
  const auto listed = [](const char* key, const std::vector<config::Handler>& from, std::vector<plugin::Handler>* to) {
    for (size_t i = 0; i < from.size(); i++) {
      to->push_back({fmt::format("peer.handlers.{}[{}]", key, i), from[i].name, from[i].library});
    }
  };
  const auto named = [](const char* key, const auto& from, auto* to) {
    for (const auto& [name, handler] : from) {
      to->emplace(name, plugin::Handler{fmt::format("peer.handlers.{}.{}", key, name), handler.name, handler.library});
    }
  };
  listed("authFilters", core.handlers.auth_filters, &settings.auth_filters);
  listed("decorators", core.handlers.decorators, &settings.decorators);
  named("endorsers", core.handlers.endorsers, &settings.endorsers);
  named("validators", core.handlers.validators, &settings.validators);
  return settings;
}

EndorsementSettings endorsement_settings(const config::CoreSettings& core) {
  EndorsementSettings settings;
  settings.chaincode_directory = core.filesystem_path + "/lifecycle/chaincodes";
  settings.endorser.time_window = core.authentication_window;
  settings.execute.execute_timeout = core.chaincode.execute_timeout;
  settings.execute.install_timeout = core.chaincode.install_timeout;
  settings.launch.startup_timeout = core.chaincode.startup_timeout;
  settings.launch.keepalive = core.chaincode.keepalive;
  auto& session = settings.launch.session;
  session.total_query_limit = static_cast<int>(core.ledger.total_query_limit);
  session.use_write_batch = core.chaincode.use_write_batch;
  session.max_size_write_batch = core.chaincode.write_batch_max;
  session.use_get_multiple_keys = core.chaincode.use_get_multiple_keys;
  session.max_size_get_multiple_keys = core.chaincode.get_multiple_keys_max;
  const auto environment = config::process_environment();
  if (const auto found = environment.find("CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"); found != environment.end()) {
    settings.run.ccaas.builder_config = found->second;
  }
  settings.run.ccaas.docker = !core.docker_endpoint.empty();
  settings.run.builds.directory = core.filesystem_path + "/externalbuilder/builds";
  settings.run.builds.timeout = core.chaincode.install_timeout;
  for (const auto& builder : core.chaincode.external_builders)
    settings.run.builds.builders.push_back({builder.name, builder.path, builder.propagate_environment});
  settings.development = settings.execute.development = core.chaincode.mode == "dev";
  for (const auto& [name, enabled] : core.chaincode.system)
    if (enabled) settings.system.insert(name);
  return settings;
}

ledger::LedgerSet::Settings ledger_settings(const config::CoreSettings& core) {
  ledger::LedgerSet::Settings settings;
  settings.root = core.filesystem_path + "/ledgersData";
  settings.history = core.ledger.history_enabled;
  settings.blocks_to_live = blocks_to_live;
  settings.definition_changes = definition_changes(core.msp_id);
  return settings;
}

ops::OperationsSettings operations_settings(const config::CoreSettings& core, std::shared_ptr<tls::ServerContext> tls) {
  ops::OperationsSettings settings;
  settings.http.listen_address = core.operations.listen_address;
  settings.http.tls = std::move(tls);
  settings.metrics_provider = core.metrics.provider;
  settings.statsd_network = core.metrics.statsd_network;
  settings.statsd_address = core.metrics.statsd_address;
  settings.statsd_write_interval = milliseconds(core.metrics.statsd_write_interval);
  settings.statsd_prefix = core.metrics.statsd_prefix;
  settings.version = kVersion;
  return settings;
}

Status check_settings(const config::CoreSettings& core) {
  if (core.msp_type != "bccsp" && !core.msp_type.empty()) {
    return fail(Code::kInvalidArgument, "Unsupported msp type " + core.msp_type, "",
                "set peer.localMspType (CORE_PEER_LOCALMSPTYPE) to bccsp");
  }
  const std::string& database = core.ledger.state_database;
  if (!database.empty() && database != "goleveldb" && database != "rocksdb") {
    return fail(Code::kInvalidArgument, "ledger.state.stateDatabase: " + database + " is not supported by this peer", "",
                "set ledger.state.stateDatabase (CORE_LEDGER_STATE_STATEDATABASE) to goleveldb: keys and values are then "
                "kept in the peer's own RocksDB");
  }
  if (core.bccsp.provider != "SW" && !core.bccsp.provider.empty()) {
    return fail(Code::kInvalidArgument, "peer.BCCSP.Default: " + core.bccsp.provider + " is not supported by this peer", "",
                "set peer.BCCSP.Default (CORE_PEER_BCCSP_DEFAULT) to SW");
  }
  if (!core.docker_endpoint.empty()) {
    LOG_WARN(logger(), "vm.endpoint is set to {}, but this peer builds no chaincode with Docker: chaincode as a service "
                       "and external builders work, other packages are refused at installation",
             core.docker_endpoint);
  }
  return {};
}

}  // namespace selvage::node
