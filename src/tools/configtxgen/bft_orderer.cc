#include "tools/configtxgen/bft_orderer.h"

#include "base/log.h"
#include "common/configuration.pb.h"
#include "common/policies.pb.h"
#include "msp/identities.pb.h"
#include "msp/msp_principal.pb.h"
#include "tools/terminal.h"
#include "wire/marshal.h"

namespace selvage::tools::configtxgen {
namespace {

using ::orderer::smartbft::Options;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Options default_options() {
  Options options;
  options.set_request_batch_max_count(100);
  options.set_request_batch_max_bytes(10u << 20);
  options.set_request_batch_max_interval("50ms");
  options.set_incoming_message_buffer_size(200);
  options.set_request_pool_size(400);
  options.set_request_forward_timeout("2s");
  options.set_request_complain_timeout("20s");
  options.set_request_auto_remove_timeout("3m0s");
  options.set_view_change_resend_interval("5s");
  options.set_view_change_timeout("20s");
  options.set_leader_heartbeat_timeout("1m0s");
  options.set_leader_heartbeat_count(10);
  options.set_collect_timeout("1s");
  return options;
}

Options read_options(const config::Node* node, YamlErrors& errors) {
  YamlFields fields(node, errors);
  Options options;
  options.set_request_batch_max_count(fields.number("RequestBatchMaxCount", UINT64_MAX));
  options.set_request_batch_max_bytes(fields.number("RequestBatchMaxBytes", UINT64_MAX));
  options.set_request_batch_max_interval(fields.text("RequestBatchMaxInterval"));
  options.set_incoming_message_buffer_size(fields.number("IncomingMessageBufferSize", UINT64_MAX));
  options.set_request_pool_size(fields.number("RequestPoolSize", UINT64_MAX));
  options.set_request_forward_timeout(fields.text("RequestForwardTimeout"));
  options.set_request_complain_timeout(fields.text("RequestComplainTimeout"));
  options.set_request_auto_remove_timeout(fields.text("RequestAutoRemoveTimeout"));
  options.set_request_max_bytes(fields.number("RequestMaxBytes", UINT64_MAX));
  options.set_view_change_resend_interval(fields.text("ViewChangeResendInterval"));
  options.set_view_change_timeout(fields.text("ViewChangeTimeout"));
  options.set_leader_heartbeat_timeout(fields.text("LeaderHeartbeatTimeout"));
  options.set_leader_heartbeat_count(fields.number("LeaderHeartbeatCount", UINT64_MAX));
  options.set_collect_timeout(fields.text("CollectTimeout"));
  options.set_sync_on_start(fields.flag("SyncOnStart"));
  options.set_speed_up_view_change(fields.flag("SpeedUpViewChange"));
  options.set_leader_rotation(static_cast<Options::Rotation>(fields.number("LeaderRotation", INT32_MAX)));
  options.set_decisions_per_leader(fields.number("DecisionsPerLeader", UINT64_MAX));
  fields.done();
  return options;
}

Result<::common::Consenter> with_certificates(const BftConsenter& consenter) {
  ::common::Consenter out;
  out.set_id(consenter.id);
  out.set_host(consenter.host);
  out.set_port(consenter.port);
  out.set_msp_id(consenter.mspid);
  const std::string who = " for consenter " + consenter.host + ":" + std::to_string(consenter.port);
  const auto load = [&](const std::string& file, const char* what, std::string* into) -> Status {
    auto content = read_file(file);
    if (!content) return fail(content.error().within(std::string("cannot load ") + what + who));
    *into = std::move(*content);
    return {};
  };
  SELVAGE_CHECK(load(consenter.client_tls_cert, "client cert", out.mutable_client_tls_cert()));
  SELVAGE_CHECK(load(consenter.server_tls_cert, "server cert", out.mutable_server_tls_cert()));
  SELVAGE_CHECK(load(consenter.identity, "identity", out.mutable_identity()));
  return out;
}

// As many signatures as any two quorums have an honest consenter in common.
::common::SignaturePolicyEnvelope quorum_policy(const ::common::Orderers& orderers) {
  const int n = orderers.consenter_mapping_size();
  const int faulty = (n - 1) / 3;
  ::common::SignaturePolicyEnvelope policy;
  auto* rule = policy.mutable_rule()->mutable_n_out_of();
  rule->set_n((n + faulty + 1 + 1) / 2);
  for (int i = 0; i < n; ++i) {
    rule->add_rules()->set_signed_by(i);
    ::msp::SerializedIdentity identity;
    identity.set_mspid(orderers.consenter_mapping(i).msp_id());
    identity.set_id_bytes(orderers.consenter_mapping(i).identity());
    auto* principal = policy.add_identities();
    principal->set_principal_classification(::common::MSPPrincipal::IDENTITY);
    principal->set_principal(wire::marshal(identity));
  }
  return policy;
}

}  // namespace

BftOrderer read_bft(YamlFields& orderer, const config::Tree& tree, YamlErrors& errors) {
  BftOrderer bft;
  for (const config::Node* item : orderer.items("ConsenterMapping")) {
    YamlFields fields(item, errors);
    BftConsenter consenter;
    consenter.id = static_cast<uint32_t>(fields.number("ID", UINT32_MAX));
    consenter.host = fields.text("Host");
    consenter.port = static_cast<uint32_t>(fields.number("Port", 65535));
    consenter.mspid = fields.text("MSPID");
    consenter.identity = tree.absolute(fields.text("Identity"));
    consenter.client_tls_cert = tree.absolute(fields.text("ClientTLSCert"));
    consenter.server_tls_cert = tree.absolute(fields.text("ServerTLSCert"));
    fields.done();
    bft.consenters.push_back(std::move(consenter));
  }
  bft.has_options = orderer.has("SmartBFT");
  bft.options = read_options(orderer.map("SmartBFT"), errors);
  return bft;
}

Status complete_bft(BftOrderer& orderer) {
  static const log::Logger logger("common.tools.configtxgen.localconfig");
  if (!orderer.has_options) {
    orderer.options = default_options();
    LOG_INFO(logger, "Orderer.SmartBFT.Options unset, setting to {}", orderer.options.ShortDebugString());
  }
  if (orderer.consenters.empty()) return refuse("BFT configuration did not specify any consenter");
  for (const BftConsenter& consenter : orderer.consenters) {
    const std::string what = "consenter info in BFT configuration did not specify ";
    if (consenter.host.empty()) return refuse(what + "host");
    if (consenter.port == 0) return refuse(what + "port");
    if (consenter.client_tls_cert.empty()) return refuse(what + "client TLS cert");
    if (consenter.server_tls_cert.empty()) return refuse(what + "server TLS cert");
    if (consenter.mspid.empty()) return refuse(what + "MSP ID");
    if (consenter.identity.empty()) return refuse(what + "identity certificate");
  }
  return {};
}

Status add_bft(const BftOrderer& orderer, ::common::ConfigGroup& group, ::orderer::ConsensusType& consensus) {
  ::common::Orderers orderers;
  for (const BftConsenter& consenter : orderer.consenters) {
    auto made = with_certificates(consenter);
    if (!made) return fail(made.error().within("cannot load consenter config for orderer type BFT"));
    *orderers.add_consenter_mapping() = std::move(*made);
  }
  ::common::ConfigValue& value = (*group.mutable_values())["Orderers"];
  value.set_value(wire::marshal(orderers));
  value.set_mod_policy("Admins");
  consensus.set_metadata(wire::marshal(orderer.options));
  auto* policy = (*group.mutable_policies())["BlockValidation"].mutable_policy();
  policy->set_type(::common::Policy::SIGNATURE);
  policy->set_value(wire::marshal(quorum_policy(orderers)));
  return {};
}

}  // namespace selvage::tools::configtxgen
