#include "sim/consortium.h"

#include <cstdio>
#include <cstdlib>

#include "channel/config_update.h"
#include "common/configtx.pb.h"
#include "kit/certificates.h"
#include "order/consensus_metadata.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::sim {
namespace {

::common::ConfigValue& orderer_value(::common::Config& config, const char* key) {
  return (*(*config.mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())[key];
}

test::ChannelOptions channel_options() {
  test::ChannelOptions options;
  options.id = "simulated";
  options.batch_timeout = "500ms";
  return options;
}

// DER makes signatures of 70 to 72 bytes; what a run does must not depend on which.
wire::Signer steady_signer(const identity::SigningIdentity& identity) {
  return {identity.serialized(), [identity](BytesView message) -> Result<Bytes> {
            for (;;) {
              auto signature = identity.sign(message);
              if (!signature || signature->size() == 71) return signature;
            }
          }};
}

}  // namespace

Consortium& Consortium::shared() {
  static Consortium made;
  return made;
}

SystemTime Consortium::FixedClock::now() const { return SystemTime{test::kGoodNow}; }

Consortium::Consortium()
    : channel_(channel_options()),
      processor_(steady_signer(channel_.orderer().orderer()), clock_, dice_, true),
      block_signer_{channel_.orderer().orderer().serialized(), [](BytesView) -> Result<Bytes> { return Bytes("signed"); }},
      metrics_(metrics::disabled()) {
  for (Slot slot = 0; slot < kSlots; ++slot) {
    const std::string name = "orderer" + std::to_string(slot);
    pems_.push_back(channel_.orderer().tls_ca().server(name, {name}).certificate_pem());
  }
  const wire::Signer client = steady_signer(channel_.org(0).client());
  for (uint64_t i = 0; i < 16; ++i) {
    ::common::ConfigValue payload;  // anything
    payload.set_version(i);
    messages_.push_back(wire::marshal(*wire::make_signed_envelope(::common::ENDORSER_TRANSACTION, channel_.id(), client,
                                                                  payload, clock_.now(), dice_)));
  }
}

void Consortium::set_consenters(::common::Config& config, const Options& options) const {
  ::orderer::ConsensusType type;
  type.ParseFromString(orderer_value(config, "ConsensusType").value());
  ::etcdraft::ConfigMetadata raft;
  raft.ParseFromString(type.metadata());
  raft.clear_consenters();
  for (Slot slot : options.consenters) {
    auto* consenter = raft.add_consenters();
    consenter->set_host("orderer" + std::to_string(slot));
    consenter->set_port(7050);
    consenter->set_client_tls_cert(pems_[slot]);
    consenter->set_server_tls_cert(pems_[slot]);
  }
  raft.mutable_options()->set_tick_interval("100ms");
  if (options.election_ticks != 0) raft.mutable_options()->set_election_tick(options.election_ticks);
  if (options.snapshot_interval_bytes != 0) {
    raft.mutable_options()->set_snapshot_interval_size(static_cast<uint32_t>(options.snapshot_interval_bytes));
  }
  type.set_metadata(wire::marshal(raft));
  orderer_value(config, "ConsensusType").set_value(wire::marshal(type));
}

std::vector<Slot> Consortium::consenters_of(const channel::Bundle& bundle) {
  std::vector<Slot> slots;
  const auto config = order::config_metadata_of(bundle);
  for (const auto& consenter : config->consenters()) slots.push_back(std::stoul(consenter.host().substr(7)));
  return slots;
}

::common::Block Consortium::genesis(const Options& options) {
  const ::common::Config before = channel_.config();
  set_consenters(channel_.config(), options);
  ::orderer::BatchSize size;
  size.ParseFromString(orderer_value(channel_.config(), "BatchSize").value());
  size.set_max_message_count(options.messages_max);
  size.set_preferred_max_bytes(options.preferred_bytes);
  orderer_value(channel_.config(), "BatchSize").set_value(wire::marshal(size));
  ::common::Block block = channel_.genesis_block();
  channel_.config() = before;
  return block;
}

Dice& Consortium::begin(uint64_t seed) {
  dice_.seed(seed);
  return dice_;
}

Result<::common::Envelope> Consortium::signed_update(const ::common::Config& current, const ::common::Config& next) {
  SELVAGE_TRY(::common::ConfigUpdate update, channel::compute_config_update(current, next));
  update.set_channel_id(channel_.id());
  ::common::ConfigUpdateEnvelope envelope;
  envelope.set_config_update(wire::marshal(update));
  const wire::Signer admin = steady_signer(channel_.orderer().admin());
  auto* signature = envelope.add_signatures();
  signature->set_signature_header(wire::marshal(wire::make_signature_header(admin.serialized, dice_)));
  SELVAGE_TRY(Bytes signed_bytes, admin.sign(signature->signature_header() + envelope.config_update()));
  signature->set_signature(std::move(signed_bytes));
  return wire::make_signed_envelope(::common::CONFIG_UPDATE, channel_.id(), admin, envelope, clock_.now(),
                                    dice_);
}

Result<Bytes> Consortium::update(const channel::Bundle& current, const ::common::Config& next,
                                 const order::MsgProcessor::ConsensusView& view) {
  SELVAGE_TRY(const auto update, signed_update(current.config(), next));
  SELVAGE_TRY(const auto envelope, processor_.process_config_update(update, current, view));
  return wire::marshal(envelope);
}

Result<Bytes> Consortium::change_consenters(const channel::Bundle& current, const std::vector<Slot>& consenters,
                                            const order::MsgProcessor::ConsensusView& view) {
  ::common::Config next = current.config();
  set_consenters(next, {.consenters = consenters, .snapshot_interval_bytes = 0, .election_ticks = 0});
  return update(current, next, view);
}

Result<Bytes> Consortium::change_batches(const channel::Bundle& current, uint32_t messages_max,
                                         const order::MsgProcessor::ConsensusView& view) {
  ::common::Config next = current.config();
  ::orderer::BatchSize size;
  size.ParseFromString(orderer_value(next, "BatchSize").value());
  if (size.max_message_count() == messages_max) ++messages_max;
  size.set_max_message_count(messages_max);
  orderer_value(next, "BatchSize").set_value(wire::marshal(size));
  return update(current, next, view);
}

channel::BundlePtr Consortium::bundle_of(const ::common::Block& config_block) {
  const Bytes hash = wire::header_hash(config_block.header());
  for (const auto& [known, bundle] : bundles_) {
    if (known == hash) return bundle;
  }
  auto bundle = channel::Bundle::from_block(config_block);
  if (!bundle) {
    std::fprintf(stderr, "sim: %s\n", to_string(bundle.error()).c_str());
    std::abort();
  }
  if (bundles_.size() >= 32) bundles_.erase(bundles_.begin());
  bundles_.emplace_back(hash, *bundle);
  return *bundle;
}

}  // namespace selvage::sim
