#include "tools/configtxgen/profile.h"

#include "base/log.h"
#include "tools/configtxgen/yaml_fields.h"

namespace selvage::tools::configtxgen {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("common.tools.configtxgen.localconfig");
  return logger;
}

PolicyRules read_policies(YamlFields& owner, YamlErrors& errors) {
  PolicyRules policies;
  for (const auto& [name, node] : owner.fields("Policies")) {
    YamlFields fields(node, errors);
    policies[name] = {fields.text("Type"), fields.text("Rule")};
    fields.done();
  }
  return policies;
}

Capabilities read_capabilities(YamlFields& owner, YamlErrors& errors, const char* key = "Capabilities") {
  Capabilities capabilities;
  for (const auto& [name, node] : owner.fields(key)) {
    const auto value = config::parse_bool(node->text);
    if (!value) errors.refuse(node->origin, "is neither true nor false");
    capabilities[name] = value.value_or(false);
  }
  return capabilities;
}

Organization read_organization(const config::Node* node, const config::Tree& tree, YamlErrors& errors) {
  YamlFields fields(node, errors);
  Organization organization;
  organization.name = fields.text("Name");
  organization.mspid = fields.text("ID");
  organization.msp_folder = tree.absolute(fields.text("MSPDir"));
  if (fields.has("MSPType")) organization.msp_type = fields.text("MSPType");
  organization.policies = read_policies(fields, errors);
  for (const config::Node* item : fields.items("AnchorPeers")) {
    YamlFields peer(item, errors);
    organization.anchor_peers.push_back({peer.text("Host"), static_cast<int32_t>(peer.number("Port", INT32_MAX))});
    peer.done();
  }
  organization.orderer_endpoints = fields.texts("OrdererEndpoints");
  organization.skip_as_foreign = fields.flag("SkipAsForeign");
  fields.ignore("AdminPrincipal");
  fields.ignore("MSPType");
  fields.done();
  return organization;
}

std::vector<Organization> read_organizations(YamlFields& owner, const config::Tree& tree, YamlErrors& errors) {
  std::vector<Organization> organizations;
  for (const config::Node* node : owner.items("Organizations"))
    organizations.push_back(read_organization(node, tree, errors));
  return organizations;
}

Application read_application(const config::Node* node, const config::Tree& tree, YamlErrors& errors) {
  YamlFields fields(node, errors);
  Application application;
  application.organizations = read_organizations(fields, tree, errors);
  application.capabilities = read_capabilities(fields, errors);
  application.policies = read_policies(fields, errors);
  for (const auto& [name, value] : fields.fields("ACLs")) application.acls[name] = value->text;
  fields.done();
  return application;
}

// As Go prints a time.Duration: "2s", "1m30s", "500ms".
std::string duration_text(std::chrono::nanoseconds value) {
  const int64_t ns = value.count();
  if (ns == 0) return "0s";
  auto decimal = [](int64_t units, int64_t per_unit, const char* unit) {
    std::string text = std::to_string(units / per_unit);
    std::string fraction = std::to_string(per_unit + units % per_unit).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return text + (fraction.empty() ? "" : "." + fraction) + unit;
  };
  if (ns < 1000) return std::to_string(ns) + "ns";
  if (ns < 1000000) return decimal(ns, 1000, "µs");
  if (ns < 1000000000) return decimal(ns, 1000000, "ms");
  const int64_t minutes = ns / 60000000000;
  std::string text = decimal(ns % 60000000000, 1000000000, "s");
  if (minutes > 0) text = std::to_string(minutes % 60) + "m" + text;
  if (minutes >= 60) text = std::to_string(minutes / 60) + "h" + text;
  return text;
}

void read_raft(const config::Node* node, const config::Tree& tree, YamlErrors& errors, Orderer& orderer) {
  YamlFields fields(node, errors);
  for (const config::Node* item : fields.items("Consenters")) {
    YamlFields consenter(item, errors);
    RaftConsenter read;
    read.host = consenter.text("Host");
    read.port = static_cast<uint32_t>(consenter.number("Port", 65535));
    read.client_tls_cert = tree.absolute(consenter.text("ClientTLSCert"));
    read.server_tls_cert = tree.absolute(consenter.text("ServerTLSCert"));
    consenter.done();
    orderer.consenters.push_back(std::move(read));
  }
  YamlFields options(fields.map("Options"), errors);
  orderer.raft.tick_interval = options.text("TickInterval");
  orderer.raft.election_tick = static_cast<uint32_t>(options.number("ElectionTick", UINT32_MAX));
  orderer.raft.heartbeat_tick = static_cast<uint32_t>(options.number("HeartbeatTick", UINT32_MAX));
  orderer.raft.max_inflight_blocks = static_cast<uint32_t>(options.number("MaxInflightBlocks", UINT32_MAX));
  orderer.raft.snapshot_interval_size = options.size("SnapshotIntervalSize");
  options.done();
  fields.done();
}

Orderer read_orderer(const config::Node* node, const config::Tree& tree, YamlErrors& errors) {
  YamlFields fields(node, errors);
  Orderer orderer;
  orderer.type = fields.text("OrdererType");
  orderer.addresses = fields.texts("Addresses");
  if (const config::Node* timeout = fields.map("BatchTimeout")) {
    const auto duration = config::parse_duration(timeout->text);
    if (!duration) errors.refuse(timeout->origin, "is not a duration such as 2s or 500ms");
    if (duration && duration->count() != 0) orderer.batch_timeout = duration_text(*duration);
  }
  YamlFields batch(fields.map("BatchSize"), errors);
  orderer.max_message_count = static_cast<uint32_t>(batch.number("MaxMessageCount", UINT32_MAX));
  orderer.absolute_max_bytes = batch.size("AbsoluteMaxBytes");
  orderer.preferred_max_bytes = batch.size("PreferredMaxBytes");
  batch.done();
  read_raft(fields.map("EtcdRaft"), tree, errors, orderer);
  orderer.organizations = read_organizations(fields, tree, errors);
  orderer.max_channels = fields.number("MaxChannels", UINT64_MAX);
  orderer.capabilities = read_capabilities(fields, errors);
  orderer.policies = read_policies(fields, errors);
  orderer.bft = read_bft(fields, tree, errors);
  fields.ignore("Kafka");
  fields.done();
  return orderer;
}

template <class T>
void fill(T& value, const T& fallback, const char* key) {
  if (value != T{}) return;
  LOG_INFO(logger(), "{} unset, setting to {}", key, fallback);
  value = fallback;
}

Status complete(Orderer& orderer) {
  auto refuse = [](std::string text, std::string hint = "") {
    return fail(Code::kInvalidArgument, std::move(text), "", std::move(hint));
  };
  fill<std::string>(orderer.type, "solo", "Orderer.OrdererType");
  fill<std::string>(orderer.batch_timeout, "2s", "Orderer.BatchTimeout");
  fill<uint32_t>(orderer.max_message_count, 500, "Orderer.BatchSize.MaxMessageCount");
  fill<uint32_t>(orderer.absolute_max_bytes, 10 << 20, "Orderer.BatchSize.AbsoluteMaxBytes");
  fill<uint32_t>(orderer.preferred_max_bytes, 2 << 20, "Orderer.BatchSize.PreferredMaxBytes");
  LOG_INFO(logger(), "orderer type: {}", orderer.type);
  if (orderer.type == "BFT") return complete_bft(orderer.bft);
  if (orderer.type == "solo") return {};
  if (orderer.type != "etcdraft") return refuse("unknown orderer type: " + orderer.type);
  fill<std::string>(orderer.raft.tick_interval, "500ms", "Orderer.EtcdRaft.Options.TickInterval");
  fill<uint32_t>(orderer.raft.election_tick, 10, "Orderer.EtcdRaft.Options.ElectionTick");
  fill<uint32_t>(orderer.raft.heartbeat_tick, 1, "Orderer.EtcdRaft.Options.HeartbeatTick");
  fill<uint32_t>(orderer.raft.max_inflight_blocks, 5, "Orderer.EtcdRaft.Options.MaxInflightBlocks");
  fill<uint32_t>(orderer.raft.snapshot_interval_size, 16 << 20, "Orderer.EtcdRaft.Options.SnapshotIntervalSize");
  if (orderer.consenters.empty()) return refuse("etcdraft configuration did not specify any consenter");
  if (!config::parse_duration(orderer.raft.tick_interval))
    return refuse("Etcdraft TickInterval (" + orderer.raft.tick_interval + ") must be in time duration format");
  if (orderer.raft.election_tick <= orderer.raft.heartbeat_tick)
    return refuse("election tick must be greater than heartbeat tick");
  for (const RaftConsenter& consenter : orderer.consenters) {
    const std::string what = "consenter info in etcdraft configuration did not specify ";
    if (consenter.host.empty()) return refuse(what + "host");
    if (consenter.port == 0) return refuse(what + "port");
    if (consenter.client_tls_cert.empty()) return refuse(what + "client TLS cert");
    if (consenter.server_tls_cert.empty()) return refuse(what + "server TLS cert");
  }
  return {};
}

}  // namespace

Result<config::Tree> load_tree(const std::string& folder) {
  const config::Environment environment = config::process_environment();
  std::string file = folder + "/configtx.yaml";
  if (folder.empty()) {
    auto found = config::find_file("configtx", environment);
    if (!found) return fail(found.error().within("Error reading configuration"));
    file = *found;
  }
  auto tree = config::Tree::load(file, "CONFIGTX", environment);
  if (!tree) return fail(tree.error().within("Error reading configuration"));
  return tree;
}

Result<Profile> load_profile(const config::Tree& tree, const std::string& name) {
  if (!tree.is_set("Profiles." + name)) return fail(Code::kNotFound, "Could not find profile: " + name);
  YamlErrors errors;
  YamlFields fields(tree.find("Profiles." + name), errors);
  Profile profile;
  profile.consortium = fields.text("Consortium");
  if (const config::Node* node = fields.map("Application")) profile.application = read_application(node, tree, errors);
  if (const config::Node* node = fields.map("Orderer")) profile.orderer = read_orderer(node, tree, errors);
  if (fields.has("Consortiums")) profile.consortiums.emplace();
  for (const auto& [name_of_one, node] : fields.fields("Consortiums")) {
    YamlFields consortium(node, errors);
    (*profile.consortiums)[name_of_one] = read_organizations(consortium, tree, errors);
    consortium.done();
  }
  profile.capabilities = read_capabilities(fields, errors);
  profile.policies = read_policies(fields, errors);
  fields.done();
  if (auto status = errors.status(); !status)
    return fail(
        status.error().within("Error loading config from config cache: Error unmarshalling config into struct"));
  if (profile.orderer) SELVAGE_CHECK(complete(*profile.orderer));
  LOG_INFO(logger(), "Loaded configuration: {}", tree.file());
  return profile;
}

Result<std::vector<Organization>> load_organizations(const config::Tree& tree) {
  YamlErrors errors;
  YamlFields top(&tree.root(), errors);
  auto organizations = read_organizations(top, tree, errors);
  SELVAGE_CHECK(errors.status());
  LOG_INFO(logger(), "Loaded configuration: {}", tree.file());
  return organizations;
}

Result<Capabilities> load_channel_capabilities(const config::Tree& tree) {
  YamlErrors errors;
  YamlFields top(tree.find("Capabilities"), errors);
  auto capabilities = read_capabilities(top, errors, "Channel");
  SELVAGE_CHECK(errors.status());
  return capabilities;
}

}  // namespace selvage::tools::configtxgen
