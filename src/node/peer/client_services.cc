#include "node/peer/client_services.h"

#include "base/log.h"
#include "discovery/discovery.h"
#include "discovery/discovery_service.h"
#include "event/event_service.h"
#include "gateway/connections_client.h"
#include "gateway/gateway_service.h"
#include "gateway/local_endorser.h"
#include "node/peer/endorsement.h"
#include "node/peer/gossip_network.h"
#include "node/peer/peer_channels.h"
#include "node/peer/peer_tls.h"
#include "policy/acl.h"
#include "policy/signature_policy.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "tls/context.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}

std::chrono::milliseconds milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time);
}

// Gossip's view as discovery's.
class GossipMembership final : public discovery::Membership {
 public:
  GossipMembership(GossipNetwork& gossip, PeerChannels& channels) : gossip_(gossip), channels_(channels) {}

  std::vector<discovery::Peer> peers_of(const std::string& channel) override {
    std::vector<discovery::Peer> out;
    const auto joined = channels_.peer_channel(channel);
    if (!joined) return out;
    for (auto& info : gossip_.gossip().peers_of_channel(channel)) out.push_back(peer_of(std::move(info)));
    out.push_back(peer_of(gossip_.gossip().self(channel)));
    out.back().height = joined->height();  // what others were told may be older
    return out;
  }
  std::vector<discovery::Peer> peers() override {
    std::vector<discovery::Peer> out;
    for (auto& info : gossip_.gossip().members()) out.push_back(peer_of(std::move(info)));
    out.push_back(peer_of(gossip_.gossip().self("")));
    return out;
  }

 private:
  static discovery::Peer peer_of(gossip::PeerInfo info) {
    discovery::Peer out;
    out.preferred_endpoint = info.preferred_endpoint();
    out.pki_id = std::move(info.pki_id);
    out.identity = std::move(info.identity);
    out.mspid = std::move(info.org);
    out.endpoint = std::move(info.endpoint);
    out.alive = std::move(info.alive);
    out.alive.clear_secret_envelope();
    out.state_info = std::move(info.state_info);
    out.height = info.height;
    for (auto& one : info.chaincodes) out.chaincodes.push_back({std::move(one.name), std::move(one.version)});
    return out;
  }
  GossipNetwork& gossip_;
  PeerChannels& channels_;
};

class DiscoveryChannels final : public discovery::Channels {
 public:
  DiscoveryChannels(PeerChannels& channels, Endorsement& endorsement) : channels_(channels), endorsement_(endorsement) {}
  discovery::ChannelState find(const std::string& id) override {
    const auto channel = channels_.peer_channel(id);
    if (!channel) return {};
    return {channel->bundle(), [this, id](const std::string& chaincode) { return endorsement_.definition(id, chaincode); }};
  }

 private:
  PeerChannels& channels_;
  Endorsement& endorsement_;
};

gateway::Member member_of(const discovery::Peer& peer) {
  gateway::Member out{peer.pki_id, peer.preferred_endpoint, peer.mspid, peer.height, {}};
  for (const auto& one : peer.chaincodes) out.chaincodes.push_back(one.name);
  return out;
}

// Discovery and the channels as the gateway sees them.
class GatewayNetwork final : public gateway::Network {
 public:
  GatewayNetwork(discovery::Membership& membership, const discovery::Discovery& discovery, PeerChannels& channels)
      : membership_(membership), discovery_(discovery), channels_(channels) {}
  std::vector<gateway::Member> members(const std::string& channel) override {
    std::vector<gateway::Member> out;
    for (const auto& peer : membership_.peers_of(channel)) out.push_back(member_of(peer));
    return out;
  }
  Result<gateway::Descriptor> endorsers(const std::string& channel, const ::protos::ChaincodeInterest& interest) override {
    SELVAGE_TRY(auto found, discovery_.endorsers(channel, interest));
    gateway::Descriptor out;
    out.layouts = std::move(found.layouts);
    for (const auto& [group, peers] : found.groups)
      for (const auto& peer : peers) out.groups[group].push_back(member_of(peer));
    return out;
  }
  std::shared_ptr<const channel::Bundle> bundle(const std::string& channel) override {
    const auto found = channels_.peer_channel(channel);
    return found ? found->bundle() : nullptr;
  }

 private:
  discovery::Membership& membership_;
  const discovery::Discovery& discovery_;
  PeerChannels& channels_;
};

// One of the peer's channels as event/ sees it.
class EventChannel final : public event::Channel {
 public:
  explicit EventChannel(std::shared_ptr<PeerChannel> channel) : channel_(std::move(channel)) {}
  ledger::Ledger& ledger() override { return channel_->ledger(); }
  std::unique_ptr<event::Subscription> subscribe(std::function<void()> changed) override {
    return std::make_unique<Subscribed>(channel_, channel_->subscribe(std::move(changed)));
  }

 private:
  struct Subscribed final : event::Subscription {
    Subscribed(std::shared_ptr<PeerChannel> keep, std::unique_ptr<deliver::Subscription> inner)
        : channel(std::move(keep)), subscription(std::move(inner)) {}
    std::shared_ptr<PeerChannel> channel;
    std::unique_ptr<deliver::Subscription> subscription;
  };
  std::shared_ptr<PeerChannel> channel_;
};

// Finding a channel makes its commits known to the notifier, so that a watch which follows misses none.
class EventChannels final : public event::Channels {
 public:
  EventChannels(PeerChannels& channels, event::CommitNotifier& commits) : channels_(channels), commits_(commits) {}
  std::shared_ptr<event::Channel> find(const std::string& id) override {
    auto channel = channels_.peer_channel(id);
    if (!channel) return nullptr;
    std::lock_guard lock(mutex_);
    auto& known = known_[id];
    if (known.channel != channel) {
      known = {};
      known.channel = channel;
      known.subscription = channel->committer().subscribe([this](const commit::CommitNotice& notice) { told(notice); });
      known.view = std::make_shared<EventChannel>(std::move(channel));
    }
    return known.view;
  }

 private:
  void told(const commit::CommitNotice& notice) {
    event::CommitNotifier::Committed transactions;
    transactions.reserve(notice.transactions.size());
    for (const auto& one : notice.transactions) transactions.emplace_back(one.tx_id, one.code);
    commits_.committed(notice.channel, notice.block->header().number(), transactions);
  }

  struct Known {
    std::shared_ptr<PeerChannel> channel;
    std::unique_ptr<commit::Subscription> subscription;
    std::shared_ptr<event::Channel> view;
  };
  PeerChannels& channels_;
  event::CommitNotifier& commits_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;
};

// An error of the endorser is a refusal of the proposal; what Fabric's auth filters find stands before it.
gateway::EndorserAnswer answer_of(Result<::protos::ProposalResponse> response) {
  gateway::EndorserAnswer answer;
  if (response) {
    answer.response = std::move(*response);
    return answer;
  }
  answer.failed = true;
  answer.code = response.error().code;
  answer.error = response.error().message;
  answer.refused = answer.error != "proposal client identity expired" &&
                   answer.error != "request unauthorized due to incorrect timestamp";
  return answer;
}

gateway::Dial make_dial(const config::CoreSettings& core, const PeerTls& tls) {
  rpc::ChannelSettings settings;
  settings.connect_timeout = milliseconds(core.gateway.dial_timeout);
  settings.keepalive.interval = milliseconds(core.client_keepalive.interval);
  settings.keepalive.timeout = milliseconds(core.client_keepalive.timeout);
  // Fabric quirk: internal/pkg/gateway shows the server's pair even where the peer has one for clients (peer.tls.clientCert),
  // and every listener that demands clientAuth refuses a server certificate of a public CA. We show what gossip and Deliver do.
  return [settings, pair = tls.member_pair()](const std::string& address, const std::vector<tls::Root>& roots) {
    rpc::ChannelSettings one = settings;
    one.targets = {address};
    if (!roots.empty()) one.tls = std::make_shared<tls::ClientContext>(pair, std::make_shared<tls::TrustStore>(roots));
    return rpc::Channel::make(std::move(one));
  };
}

Status check_local(const identity::Msp& local, bool members, const policy::SignedData& data) {
  // Of this peer's own organisation. Fabric quirk: internal/peer/node/start.go createDiscoveryService.
  const auto shared = std::static_pointer_cast<const identity::IdentityDeserializer>(local.shared_from_this());
  SELVAGE_TRY(const auto policy,
              policy::make_signature_policy(members ? policy::signed_by_any_member({local.mspid()})
                                                    : policy::signed_by_any_admin({local.mspid()}), shared));
  const policy::SignedData one[] = {data};
  return policy->evaluate(one);
}

discovery::Discovery::Settings discovery_settings(const config::CoreSettings& core) {
  discovery::Discovery::Settings settings;
  settings.cache = {core.discovery_cache.enabled, core.discovery_cache.entries_max, core.discovery_cache.retention_ratio};
  settings.bind_to_tls_certificate = core.discovery_cache.bind_to_tls_certificate && core.tls.enabled;
  return settings;
}

}  // namespace

struct ClientServices::State {
  explicit State(Parts p)
      : parts(std::move(p)),
        membership(parts.gossip, parts.channels),
        channels(parts.channels, parts.endorsement),
        discovery(discovery_settings(parts.core),
                  {membership, channels, [this](const policy::SignedData& data) {
                     return check_local(*parts.local.msp, parts.core.discovery_org_members, data);
                   }}),
        network(membership, discovery, parts.channels),
        endorsers(make_local(), network, make_dial(parts.core, parts.tls)),
        orderers(make_dial(parts.core, parts.tls)),
        planner({network, endorsers, parts.random,
                 [this](const std::string& chaincode) { return parts.endorsement.is_system(chaincode); }}),
        event_channels(parts.channels, commits),
        events({event_channels, commits,
                [this](std::string_view resource, const std::string& channel, const policy::SignedData& data) {
                  return check_access(resource, channel, data);
                },
                parts.post}) {
    for (const auto& one : parts.tls.overrides()) overrides.push_back({one.from, one.to, one.roots});
  }

  gateway::EndorserPtr make_local() {
    const gossip::PeerInfo self = parts.gossip.gossip().self("");
    const std::string& endpoint = self.endpoint.empty() ? parts.core.address : self.endpoint;
    return gateway::make_local_endorser({{self.pki_id, endpoint, parts.local.msp->mspid(), 0, {}},
                                         [this](const ::protos::SignedProposal& proposal, gateway::Endorser::Done done) {
                                           parts.endorsement.endorser().process(
                                               proposal, [done = std::move(done)](Result<::protos::ProposalResponse> response) {
                                                 done(answer_of(std::move(response)));
                                               });
                                         },
                                         parts.post});
  }

  Status check_access(std::string_view resource, const std::string& channel, const policy::SignedData& data) const {
    const auto found = parts.channels.peer_channel(channel);
    const auto bundle = found ? found->bundle() : nullptr;
    const policy::SignedData one[] = {data};
    return policy::check_acl(resource, bundle ? bundle->acl_channel() : policy::AclChannel{channel}, one);
  }

  const Parts parts;
  GossipMembership membership;
  DiscoveryChannels channels;
  discovery::Discovery discovery;
  GatewayNetwork network;
  gateway::EndorserClients endorsers;
  gateway::OrdererClients orderers;
  gateway::Planner planner;
  std::vector<gateway::OrdererOverride> overrides;
  event::CommitNotifier commits;
  EventChannels event_channels;
  event::EventService events;
};

ClientServices::ClientServices(Parts parts) : state_(std::make_unique<State>(std::move(parts))) {}
ClientServices::~ClientServices() { stop(); }

void ClientServices::add_to(rpc::Server& server) {
  State& s = *state_;
  if (s.parts.core.discovery_enabled) {
    discovery::add_discovery_service(server, s.discovery);
    LOG_INFO(logger(), "Discovery service activated");
  }
  if (!s.parts.core.gateway.enabled) return;
  if (!s.parts.core.discovery_enabled) {
    LOG_WARN(logger(), "Discovery service must be enabled for embedded gateway");
    return;
  }
  LOG_INFO(logger(), "Starting peer with Gateway enabled");
  const auto& settings = s.parts.core.gateway;
  gateway::add_gateway_service(
      server, {s.planner, milliseconds(settings.endorsement_timeout)},
      {s.network, s.orderers, s.parts.random, s.overrides, milliseconds(settings.broadcast_timeout)});
  s.events.add_to(server);
}

void ClientServices::config_changed(const channel::BundlePtr& bundle) {
  state_->endorsers.config_changed(*bundle);
  if (bundle->orderer() != nullptr)
    state_->orderers.config_changed(bundle->channel_id(), gateway::orderer_endpoints(*bundle, state_->overrides));
}

void ClientServices::end_streams() {
  state_->commits.stop();
  state_->events.stop();
}

void ClientServices::stop() {
  end_streams();
  state_->endorsers.stop();
  state_->orderers.stop();
}

}  // namespace selvage::node
