#include "kit/channels.h"

#include <cstdio>
#include <cstdlib>

#include "channel/config_update.h"
#include "common/configuration.pb.h"
#include "common/policies.pb.h"
#include "msp/msp_config.pb.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "policy/signature_policy.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/genesis.h"
#include "wire/marshal.h"
#include "wire/signer.h"

namespace selvage::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "test kit: %s\n", to_string(result.error()).c_str());
  std::abort();
}

void set_value(::common::ConfigGroup& group, const char* key, const google::protobuf::Message& message,
               const char* mod_policy = "Admins") {
  auto& value = (*group.mutable_values())[key];
  value.set_value(wire::marshal(message));
  value.set_mod_policy(mod_policy);
}

void set_capability(::common::ConfigGroup& group, const char* name) {
  ::common::Capabilities capabilities;
  (*capabilities.mutable_capabilities())[name];
  set_value(group, "Capabilities", capabilities);
}

void set_meta(::common::ConfigGroup& group, const char* name, const char* text) {
  auto& policy = (*group.mutable_policies())[name];
  policy.set_mod_policy("Admins");
  policy.mutable_policy()->set_type(::common::Policy::IMPLICIT_META);
  policy.mutable_policy()->set_value(wire::marshal(must(policy::parse_implicit_meta_policy(text))));
}

void set_signature(::common::ConfigGroup& group, const char* name, const std::string& text) {
  auto& policy = (*group.mutable_policies())[name];
  policy.set_mod_policy("Admins");
  policy.mutable_policy()->set_type(::common::Policy::SIGNATURE);
  policy.mutable_policy()->set_value(wire::marshal(must(policy::parse_signature_policy(text))));
}

std::string group_name(const std::string& mspid) {
  return mspid.ends_with("MSP") ? mspid.substr(0, mspid.size() - 3) : mspid;
}

void set_standard_policies(::common::ConfigGroup& group) {
  set_meta(group, "Readers", "ANY Readers");
  set_meta(group, "Writers", "ANY Writers");
  set_meta(group, "Admins", "MAJORITY Admins");
  group.set_mod_policy("Admins");
}

const SystemTime kNow{kGoodNow};

}  // namespace

::common::ConfigGroup organization_group(const Organization& organization, bool application) {
  ::common::ConfigGroup group;
  const std::string& id = organization.mspid();
  group.set_mod_policy("Admins");
  set_value(group, "MSP", organization.msp_config());
  set_signature(group, "Readers", "OR('" + id + ".member')");
  set_signature(group, "Writers", "OR('" + id + ".member')");
  set_signature(group, "Admins", "OR('" + id + ".admin')");
  if (application) set_signature(group, "Endorsement", "OR('" + id + ".peer')");
  return group;
}

Channel::Channel(ChannelOptions options) : options_(std::move(options)) {
  for (const std::string& mspid : options_.orgs) orgs_.emplace_back(mspid);
  orderer_ = std::make_unique<Organization>(options_.orderer_org);
  consenter_tls_.push_back(orderer_->tls_ca().server("orderer0", {"localhost", "127.0.0.1"}));

  ::common::ConfigGroup& root = *config_.mutable_channel_group();
  set_standard_policies(root);
  set_capability(root, "V3_0");
  ::common::HashingAlgorithm hashing;
  hashing.set_name("SHA256");
  set_value(root, "HashingAlgorithm", hashing);
  ::common::BlockDataHashingStructure structure;
  structure.set_width(UINT32_MAX);
  set_value(root, "BlockDataHashingStructure", structure);

  ::common::ConfigGroup& orderer = (*root.mutable_groups())["Orderer"];
  set_standard_policies(orderer);
  set_meta(orderer, "BlockValidation", "ANY Writers");
  set_capability(orderer, "V2_0");
  ::orderer::BatchSize batch_size;
  batch_size.set_max_message_count(options_.max_message_count);
  batch_size.set_absolute_max_bytes(99 << 20);
  batch_size.set_preferred_max_bytes(2 << 20);
  set_value(orderer, "BatchSize", batch_size);
  ::orderer::BatchTimeout batch_timeout;
  batch_timeout.set_timeout(options_.batch_timeout);
  set_value(orderer, "BatchTimeout", batch_timeout);
  set_value(orderer, "ChannelRestrictions", ::orderer::ChannelRestrictions());
  ::etcdraft::ConfigMetadata raft;
  auto* consenter = raft.add_consenters();
  const size_t colon = options_.orderer_endpoint.rfind(':');
  consenter->set_host(options_.orderer_endpoint.substr(0, colon));
  consenter->set_port(static_cast<uint32_t>(std::atoi(options_.orderer_endpoint.c_str() + colon + 1)));
  const std::string pem =
      options_.consenter_tls_pem.empty() ? consenter_tls().certificate_pem() : options_.consenter_tls_pem;
  consenter->set_client_tls_cert(pem);
  consenter->set_server_tls_cert(pem);
  raft.mutable_options()->set_tick_interval("500ms");
  raft.mutable_options()->set_election_tick(10);
  raft.mutable_options()->set_heartbeat_tick(1);
  raft.mutable_options()->set_max_inflight_blocks(5);
  raft.mutable_options()->set_snapshot_interval_size(16 << 20);
  ::orderer::ConsensusType consensus;
  consensus.set_type("etcdraft");
  consensus.set_metadata(wire::marshal(raft));
  set_value(orderer, "ConsensusType", consensus);
  ::common::ConfigGroup orderer_org = organization_group(*orderer_, false);
  ::common::OrdererAddresses endpoints;
  endpoints.add_addresses(options_.orderer_endpoint);
  set_value(orderer_org, "Endpoints", endpoints);
  (*orderer.mutable_groups())[group_name(options_.orderer_org)] = std::move(orderer_org);

  ::common::ConfigGroup& application = (*root.mutable_groups())["Application"];
  set_standard_policies(application);
  set_meta(application, "Endorsement", "MAJORITY Endorsement");
  set_meta(application, "LifecycleEndorsement", "MAJORITY Endorsement");
  set_capability(application, "V2_5");
  for (const Organization& org : orgs_) {
    (*application.mutable_groups())[group_name(org.mspid())] = organization_group(org, true);
  }
}

channel::BundlePtr Channel::bundle() const { return must(channel::Bundle::from_config(options_.id, config_)); }

::common::Block Channel::genesis_block() {
  return wire::make_genesis_block(options_.id, config_.channel_group(), kNow, random_);
}

::common::Block Channel::block(uint64_t number, const Bytes& previous_hash, std::vector<Bytes> transactions, bool sign) {
  ::common::Block block = wire::make_block(number, previous_hash);
  for (Bytes& transaction : transactions) block.mutable_data()->add_data(std::move(transaction));
  block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
  if (sign) this->sign(block);
  return block;
}

void Channel::sign(::common::Block& block) {
  const identity::SigningIdentity& signer = orderer_->orderer();
  ::common::Metadata metadata;
  metadata.set_value(wire::orderer_metadata_value(0, ""));
  auto* signature = metadata.add_signatures();
  signature->set_signature_header(wire::marshal(wire::make_signature_header(signer.serialized(), random_)));
  signature->set_signature(
      must(signer.sign(wire::orderer_signed_bytes(metadata.value(), signature->signature_header(), block.header()))));
  wire::init_metadata(block);
  block.mutable_metadata()->set_metadata(::common::SIGNATURES, wire::marshal(metadata));
}

::common::Envelope Channel::signed_update(const ::common::Config& updated,
                                          const std::vector<const identity::SigningIdentity*>& signers) {
  ::common::ConfigUpdate update = must(channel::compute_config_update(config_, updated));
  update.set_channel_id(options_.id);
  ::common::ConfigUpdateEnvelope envelope;
  envelope.set_config_update(wire::marshal(update));
  for (const identity::SigningIdentity* signer : signers) {
    auto* signature = envelope.add_signatures();
    signature->set_signature_header(wire::marshal(wire::make_signature_header(signer->serialized(), random_)));
    signature->set_signature(must(signer->sign(signature->signature_header() + envelope.config_update())));
  }
  return must(wire::make_signed_envelope(::common::CONFIG_UPDATE, options_.id, wire::signer_of(*signers.at(0)), envelope,
                                         kNow, random_));
}

::common::Envelope Channel::config_envelope(const ::common::Envelope& update) {
  const ::common::ConfigEnvelope next = must(bundle()->propose_update(update));
  return must(wire::make_signed_envelope(::common::CONFIG, options_.id, wire::signer_of(orderer_->orderer()), next, kNow,
                                         random_));
}

}  // namespace selvage::test
