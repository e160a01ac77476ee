#include "node/peer/gossip_network.h"

#include <algorithm>

#include "base/log.h"
#include "common/common.pb.h"
#include "gossip/msp_crypto.h"
#include "gossip/roles/state_transfer.h"
#include "os/worker_pool.h"
#include "tls/context.h"
#include "wire/marshal.h"
#include "wire/signer.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.state");
  return instance;
}
const log::Logger& service_logger() {
  static const log::Logger instance("gossip.service");
  return instance;
}

constexpr size_t kLedgerThreads = 2;       // blocks for neighbours, and blocks from neighbours
constexpr size_t kRequestsWaitingMax = 100;
constexpr size_t kResponseBytesMax = 64u << 20;
constexpr const char* kLifecycleVersion = "1";

gossip::Milliseconds milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<gossip::Milliseconds>(time);
}

Bytes hash_of(const std::shared_ptr<tls::CredentialStore>& store) {
  const auto pair = store ? store->current() : nullptr;
  return pair ? pair->leaf().sha256() : Bytes();
}

gossip::TransportSettings transport_settings(const config::CoreSettings& core, const PeerTls& tls) {
  gossip::TransportSettings settings;
  settings.tls = core.tls.enabled;
  settings.dial.dial_timeout = milliseconds(core.gossip.dial_timeout);
  settings.dial.keepalive_interval = milliseconds(core.client_keepalive.interval);
  settings.dial.keepalive_timeout = milliseconds(core.client_keepalive.timeout);
  settings.dial.receive_bytes_max = core.receive_bytes_max;
  settings.dial.send_bytes_max = core.send_bytes_max;
  settings.dial.receive_queue = static_cast<size_t>(core.gossip.receive_buffer);
  if (!settings.tls) return settings;
  settings.dial.tls = std::make_shared<tls::ClientContext>(tls.member_pair(), tls.members());
  settings.client_hash = [pair = tls.member_pair()] { return hash_of(pair); };
  settings.server_hash = [pair = tls.server_pair()] { return hash_of(pair); };
  return settings;
}

}  // namespace

gossip::Settings gossip_settings(const config::CoreSettings& core) {
  const config::Gossip& from = core.gossip;
  gossip::Settings to;
  to.endpoint = from.endpoint.empty() ? core.address : from.endpoint;
  to.external_endpoint = from.external_endpoint;
  to.bootstrap = from.bootstrap;
  to.use_leader_election = from.use_leader_election;
  to.org_leader = from.org_leader;
  to.alive_interval = milliseconds(from.alive_interval);
  to.alive_expiration = milliseconds(from.alive_expiration);
  to.reconnect_interval = milliseconds(from.reconnect_interval);
  to.connection_attempts_max = from.connection_attempts_max;
  to.message_expiration_factor = from.message_expiration_factor;
  to.pull_interval = milliseconds(from.pull_interval);
  to.pull_peers = static_cast<size_t>(from.pull_peers);
  to.propagate_peers = static_cast<size_t>(from.propagate_peers);
  to.propagate_iterations = from.propagate_iterations;
  to.publish_certificate = milliseconds(from.publish_certificate);
  to.publish_state_info = milliseconds(from.publish_state_info);
  to.request_state_info = milliseconds(from.request_state_info);
  to.request_wait = milliseconds(from.request_wait);
  to.dial_timeout = milliseconds(from.dial_timeout);
  to.connection_timeout = milliseconds(from.connection_timeout);
  to.receive_queue = static_cast<size_t>(from.receive_buffer);
  to.send_queue = static_cast<size_t>(from.send_buffer);
  to.blocks_stored = static_cast<size_t>(from.blocks_stored);
  to.election = {milliseconds(from.election_startup_grace), milliseconds(from.election_membership_sample),
                 milliseconds(from.election_leader_alive), milliseconds(from.election_duration)};
  to.state = {from.state_enabled, milliseconds(from.state_check_interval), milliseconds(from.state_response_timeout),
              from.state_batch_blocks, from.state_retries_max};
  return to;
}

gossip::ChannelConfig gossip_channel(const channel::Bundle& bundle) {
  gossip::ChannelConfig config{bundle.channel_id(), bundle.sequence(), {}};
  if (bundle.application() == nullptr) return config;
  for (const auto& [name, org] : bundle.application()->orgs) {
    auto& anchors = config.orgs[org.mspid()];
    for (const auto& anchor : org.anchor_peers) anchors.push_back({anchor.host, anchor.port});
  }
  return config;
}

struct GossipNetwork::State {
  State(const config::CoreSettings& core, const Parts& parts)
      : settings(gossip_settings(core)), pass_blocks_on(core.delivery.block_gossip_enabled && settings.org_leader),
        crypto(parts.local.msp, wire::signer_of(parts.local.signer)),
        gossip(settings, transport_settings(core, parts.tls), {crypto, parts.clock, parts.random, parts.metrics},
               {[this](const gossip::Outbox::Arrival& arrival) { arrived(arrival); },
                [this](const std::string& channel, bool leader) { leadership(channel, leader); }}) {}

  const gossip::Settings settings;
  const bool pass_blocks_on;
  gossip::MspCrypto crypto;
  PeerChannels* channels = nullptr;
  std::function<void(const gossip::Outbox::Arrival& arrival)> private_arrived;
  std::atomic<size_t> waiting = 0;
  gossip::Gossip gossip;
  os::WorkerPool pool{kLedgerThreads, "gossip-ledger"};

  [[nodiscard]] std::shared_ptr<PeerChannel> find(const std::string& channel) const {
    return channels == nullptr ? nullptr : channels->peer_channel(channel);
  }

  // On gossip's thread: what reads or writes ledgers goes to the pool.
  void arrived(const gossip::Outbox::Arrival& arrival) {
    const auto& message = arrival.message->message;
    if (message.has_private_data() || message.has_privatereq()) {
      if (private_arrived) private_arrived(arrival);
      return;
    }
    if (message.has_data_msg()) {
      if (waiting >= kRequestsWaitingMax) return;
      ++waiting;
      return pool.post([this, arrival] {
        take_passed_block(arrival);
        --waiting;
      });
    }
    const bool request = message.has_state_request();
    if (!request && !message.has_state_response()) return;
    if (!request && !gossip.take_state_answer(message, arrival.from->pki_id)) return;
    if (request && waiting >= kRequestsWaitingMax) return;
    ++waiting;
    pool.post([this, arrival, request] {
      request ? give_blocks(arrival) : take_blocks(arrival);
      --waiting;
    });
  }

  void leadership(const std::string& channel, bool leader) {
    if (leader) {
      LOG_INFO(service_logger(), "Elected as a leader, starting delivery service for channel {}", channel);
    } else {
      LOG_INFO(service_logger(), "Renounced leadership, stopping delivery service for channel {}", channel);
    }
    pool.post([this, channel, leader] {
      if (const auto found = find(channel)) found->lead(leader);
    });
  }

  void give_blocks(const gossip::Outbox::Arrival& arrival) {
    const auto& message = arrival.message->message;
    const auto& request = message.state_request();
    if (auto good = gossip::StateTransfer::check_request(request, settings.state.batch_blocks); !good) {
      LOG_ERROR(logger(), "State request validation failed, {}. Ignoring request...", good.error().message);
      return;
    }
    const auto channel = find(message.channel());
    if (!channel) return;
    ::gossip::GossipMessage answer;
    answer.set_nonce(message.nonce());
    answer.set_tag(::gossip::GossipMessage::CHAN_OR_ORG);
    answer.set_channel(message.channel());
    auto& response = *answer.mutable_state_response();
    const uint64_t height = channel->height();
    size_t bytes = 0;
    for (uint64_t number = request.start_seq_num(); number <= request.end_seq_num() && number < height; ++number) {
      const auto block = channel->block(number);
      if (!block) {
        LOG_ERROR(logger(), "cannot read block number {} from ledger, because {}, skipping...", number,
                  to_string(block.error()));
        break;
      }
      Bytes data = wire::marshal(**block);
      bytes += data.size();
      if (response.payloads_size() > 0 && bytes > kResponseBytesMax) break;
      auto& payload = *response.add_payloads();
      payload.set_seq_num(number);
      payload.set_data(std::move(data));
    }
    gossip.send({arrival.from->pki_id, ""}, std::move(answer));
  }

  // A block that a leader of our organisation passes on (peer.deliveryclient.blockGossipEnabled, off by default): taken when
  // it is the next one, and passed on once.
  void take_passed_block(const gossip::Outbox::Arrival& arrival) {
    const auto& message = arrival.message->message;
    const auto channel = find(message.channel());
    auto block = std::make_shared<::common::Block>();
    if (!channel || !wire::parse_into(message.data_msg().payload().data(), *block)) return;
    if (block->header().number() != channel->next_number()) return;  // known, or asked for by range
    if (const auto taken = channel->offer(std::move(block)); !taken) {
      LOG_WARN(logger(), "Received fabricated block from {}: {}", escape(arrival.from->address), to_string(taken.error()));
      return;
    }
    gossip.pass_block_on(arrival.message, arrival.from->pki_id);
  }

  void pass_own_block_on(const std::string& channel, uint64_t number) {
    const auto found = find(channel);
    const auto block = found ? found->block(number) : Result<std::shared_ptr<const ::common::Block>>(fail(Code::kNotFound, ""));
    if (!block) return;
    ::gossip::GossipMessage message;
    message.set_tag(::gossip::GossipMessage::CHAN_AND_ORG);
    message.set_channel(channel);
    message.mutable_data_msg()->mutable_payload()->set_seq_num(number);
    message.mutable_data_msg()->mutable_payload()->set_data(wire::marshal(**block));
    gossip.pass_block_on(gossip::make_unsigned(std::move(message)), "");
  }

  void take_blocks(const gossip::Outbox::Arrival& arrival) {
    const auto& message = arrival.message->message;
    const auto channel = find(message.channel());
    bool good = channel != nullptr;
    for (const auto& payload : message.state_response().payloads()) {
      if (!good) break;
      auto block = std::make_shared<::common::Block>();
      Status taken = wire::parse_into(payload.data(), *block);
      if (taken && block->header().number() != payload.seq_num()) {
        taken = fail(Code::kInvalidArgument, "Claimed seqNum is [" + std::to_string(payload.seq_num()) +
                                                 "] but actual seqNum inside block is [" +
                                                 std::to_string(block->header().number()) + "]");
      }
      if (taken) taken = channel->offer(std::move(block));
      if (!taken) {
        LOG_WARN(logger(), "Error verifying block with sequence number {} from {}, due to {}", payload.seq_num(),
                 escape(arrival.from->address), to_string(taken.error()));
        good = false;
      }
    }
    if (channel) gossip.set_transfer_height(message.channel(), channel->next_number());
    gossip.state_taken(message.channel(), good);
  }
};

GossipNetwork::GossipNetwork(const config::CoreSettings& core, Parts parts) : state_(std::make_unique<State>(core, parts)) {}

GossipNetwork::~GossipNetwork() { stop(); }

bool GossipNetwork::leads_at_start() const { return state_->settings.org_leader && !state_->settings.use_leader_election; }

bool GossipNetwork::elects_leaders() const { return state_->settings.use_leader_election; }

void GossipNetwork::on_private(std::function<void(const gossip::Outbox::Arrival& arrival)> arrived) {
  state_->private_arrived = std::move(arrived);
}
void GossipNetwork::attach(PeerChannels& channels) { state_->channels = &channels; }
void GossipNetwork::add_to(rpc::Server& server) { state_->gossip.add_to(server); }
void GossipNetwork::start() {
  if (state_->channels != nullptr) {
    for (const auto& name : state_->channels->names()) {
      if (const auto channel = state_->find(name)) committed(name, channel->height());
    }
  }
  state_->gossip.start();
}

void GossipNetwork::stop() {
  state_->gossip.stop();
  state_->pool.stop();  // runs what waits
}

void GossipNetwork::config_changed(channel::BundlePtr bundle) {
  state_->crypto.follow(bundle);
  state_->gossip.set_channel(gossip_channel(*bundle));
}

void GossipNetwork::committed(const std::string& channel, uint64_t height) {
  state_->gossip.set_transfer_height(channel, height);
  state_->gossip.set_height(channel, height);
  if (state_->pass_blocks_on && height > 1) state_->pass_own_block_on(channel, height - 1);
}

// Fabric quirk: core/chaincode/lifecycle/cache.go: the version that is told is the definition's sequence.
void GossipNetwork::set_chaincodes(const std::string& channel, std::vector<gossip::ChaincodeInfo> chaincodes) {
  std::sort(chaincodes.begin(), chaincodes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  chaincodes.push_back({"_lifecycle", kLifecycleVersion});
  state_->gossip.set_chaincodes(channel, std::move(chaincodes));
}

gossip::Gossip& GossipNetwork::gossip() { return state_->gossip; }

}  // namespace selvage::node
