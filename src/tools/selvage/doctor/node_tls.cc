#include "tools/selvage/doctor/node_tls.h"

#include <utility>

#include "config/core_settings.h"
#include "config/orderer_settings.h"

namespace selvage::tools::doctor {
namespace {

std::string host_of_address(const std::string& address) {
  size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host == "0.0.0.0" || host == "::" ? "" : host;
}

void add_host(std::vector<std::string>& hosts, const std::string& address) {
  std::string host = host_of_address(address);
  if (!host.empty()) hosts.push_back(std::move(host));
}

void add_listener(NodeTls& node, const char* name, const config::HttpTls& tls) {
  if (!tls.enabled) return;
  ConfiguredPair pair;
  pair.role = name;
  pair.certificate = tls.certificate;
  pair.key = tls.key;
  pair.as_server = true;
  node.pairs.push_back(std::move(pair));
  node.roots.push_back(
      {std::string(name) + " client roots", tls.client_roots_origin, tls.client_roots, true, tls.client_auth_required});
}

NodeTls of_peer(const config::CoreSettings& settings) {
  NodeTls node;
  node.file = settings.file;
  node.enabled = settings.tls.enabled;
  node.client_auth = settings.tls.client_auth_required;
  node.enabled_origin = settings.tls.enabled_origin;
  node.client_auth_origin = settings.tls.client_auth_origin;
  node.msp_directory = settings.msp_directory.path;
  node.msp_id = settings.msp_id;
  if (node.enabled) {
    const bool one_pair = settings.tls.client_certificate.path.empty();
    ConfiguredPair server;
    server.role = "server";
    server.certificate = settings.tls.certificate;
    server.key = settings.tls.key;
    server.as_server = true;
    server.as_client = one_pair;
    add_host(server.hosts, settings.address);
    add_host(server.hosts, settings.gossip.external_endpoint);
    add_host(server.hosts, settings.gossip.endpoint);
    node.pairs.push_back(std::move(server));
    if (!one_pair) {
      ConfiguredPair client;
      client.role = "client";
      client.certificate = settings.tls.client_certificate;
      client.key = settings.tls.client_key;
      client.as_client = true;
      node.pairs.push_back(std::move(client));
    }
    if (!settings.tls.root.path.empty()) {
      node.roots.push_back({"own organisation's roots", settings.tls.root.origin, {settings.tls.root}, true, false});
    }
    node.roots.push_back({"client roots", settings.tls.client_roots_origin, settings.tls.client_roots, true, false});
  }
  add_listener(node, "operations", settings.operations.tls);
  return node;
}

NodeTls of_orderer(const config::OrdererSettings& settings) {
  NodeTls node;
  node.is_orderer = true;
  node.file = settings.file;
  node.enabled = settings.tls.enabled;
  node.client_auth = settings.tls.client_auth_required;
  node.enabled_origin = settings.tls.enabled_origin;
  node.client_auth_origin = settings.tls.client_auth_origin;
  node.msp_directory = settings.msp_directory.path;
  node.msp_id = settings.msp_id;
  node.time_shift = settings.cluster.time_shift;
  const config::Cluster& cluster = settings.cluster;
  if (node.enabled) {
    ConfiguredPair server;
    server.role = "server";
    server.certificate = settings.tls.certificate;
    server.key = settings.tls.key;
    server.as_server = true;
    server.as_client = cluster.client_certificate.path.empty();
    node.pairs.push_back(std::move(server));
    node.roots.push_back({"client roots", settings.tls.client_roots_origin, settings.tls.client_roots, true,
                          settings.tls.client_auth_required});
  }
  if (!cluster.client_certificate.path.empty()) {
    ConfiguredPair client;
    client.role = "cluster client";
    client.certificate = cluster.client_certificate;
    client.key = cluster.client_key;
    client.as_client = true;
    node.pairs.push_back(std::move(client));
  }
  if (!cluster.server_certificate.path.empty()) {
    ConfiguredPair server;
    server.role = "cluster server";
    server.certificate = cluster.server_certificate;
    server.key = cluster.server_key;
    server.as_server = true;
    node.pairs.push_back(std::move(server));
  }
  if (!cluster.roots.empty())
    node.roots.push_back({"cluster roots", cluster.roots.front().origin, cluster.roots, false, false});
  add_listener(node, "operations", settings.operations.tls);
  add_listener(node, "admin", settings.admin.tls);
  return node;
}

Result<NodeTls> read_peer(const std::string& file, const config::Environment& environment) {
  SELVAGE_TRY(auto tree, config::Tree::load(file, "CORE", environment));
  SELVAGE_TRY(auto settings, config::read_core_settings(tree));
  NodeTls node = of_peer(settings);
  // Of the command line alone, whose environment this may be.
  node.server_name = settings.tls.server_host_override;
  node.server_name_origin = config::Reader(tree).origin("peer.tls.serverhostoverride");
  return node;
}

Result<NodeTls> read_orderer(const std::string& file, const config::Environment& environment) {
  SELVAGE_TRY(auto tree, config::Tree::load(file, "ORDERER", environment));
  SELVAGE_TRY(auto settings, config::read_orderer_settings(tree));
  return of_orderer(settings);
}

}  // namespace

Result<NodeTls> read_node_tls(const std::string& file, const config::Environment& environment) {
  if (!file.empty()) {
    SELVAGE_TRY(auto tree, config::Tree::load(file, "", environment));
    if (tree.find("General") != nullptr) return read_orderer(file, environment);
    if (tree.find("peer") != nullptr) return read_peer(file, environment);
    return fail(Code::kInvalidArgument,
                file + " is neither a core.yaml (no key peer) nor an orderer.yaml (no key General)");
  }
  if (auto core = config::find_file("core", environment)) return read_peer(*core, environment);
  auto orderer = config::find_file("orderer", environment);
  if (orderer) return read_orderer(*orderer, environment);
  Error error = orderer.error();
  error.message = "neither core.yaml nor orderer.yaml found";
  error.hint = "name the node's configuration with --config, or set FABRIC_CFG_PATH as the node has it";
  return fail(std::move(error));
}

}  // namespace selvage::tools::doctor
