#include "node/peer/private_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <stop_token>

#include "base/log.h"
#include "gossip/metrics.h"
#include "gossip/private/dissemination.h"
#include "lifecycle/collections.h"
#include "lifecycle/keys.h"
#include "node/peer/private_answers.h"
#include "node/peer/private_peers.h"
#include "node/peer/private_reconciler.h"
#include "os/worker_pool.h"
#include "transientstore/transientstore.pb.h"

namespace selvage::node {
namespace {

using Message = ::gossip::GossipMessage;

const log::Logger& logger() {
  static const log::Logger instance("gossip.privdata");
  return instance;
}

constexpr auto kPauseBetweenRounds = std::chrono::seconds(1);
constexpr size_t kWaitingMax = 500;

}  // namespace

struct PrivateNetwork::State {
  State(const config::CoreSettings& core, Parts given)
      : parts(given),
        settings(core.private_data),
        metrics(given.metrics),
        peers({parts.gossip, parts.clock, parts.random, metrics, settings.btl_pull_margin, stop.get_token()}),
        reconciler({peers, parts.gossip, parts.clock, metrics, settings.reconcile_interval, settings.reconcile_batch,
                    stop.get_token()}) {}

  const Parts parts;
  const config::PrivateData settings;
  gossip::PrivateDataMetrics metrics;
  std::stop_source stop;
  PrivatePeers peers;
  PrivateReconciler reconciler;
  PeerChannels* channels = nullptr;
  std::atomic<size_t> waiting = 0;
  os::WorkerPool pool{2, "gossip-private"};

  [[nodiscard]] gossip::Gossip& gossip() const { return parts.gossip.gossip(); }

  // Implicit collections have their counts from core.yaml, on the organisation's own peers only.
  [[nodiscard]] ::protos::StaticCollectionConfig with_counts(::protos::StaticCollectionConfig config) const {
    if (lifecycle::mspid_of_implicit_collection(config.name()) != parts.mspid) return config;
    config.set_required_peer_count(settings.implicit_required_peers);
    config.set_maximum_peer_count(settings.implicit_max_peers);
    return config;
  }

  void arrived(const gossip::Outbox::Arrival& arrival) {
    const Message& message = arrival.message->message;
    const bool request = message.has_privatereq();
    if (waiting >= kWaitingMax) {
      if (!request) acknowledge(arrival, "too many requests");
      return;
    }
    if (stop.stop_requested()) return;
    ++waiting;
    pool.post([this, arrival, request] {
      const auto channel = channels->peer_channel(arrival.message->message.channel());
      if (!channel) {
        // left meanwhile
      } else if (request) {
        const auto started = parts.clock.steady();
        gossip().send({arrival.from->pki_id, ""}, answer_private_request(arrival, *channel));
        metrics.retrieve.with({channel->id()}).observe(std::chrono::duration<double>(parts.clock.steady() - started).count());
      } else {
        const Status kept = keep_pushed_data(arrival.message->message.private_data().payload(), *channel, parts.mspid);
        if (!kept) {
          LOG_ERROR(logger(), "Wasn't able to persist private data for collection {}, due to {}",
                    escape(arrival.message->message.private_data().payload().collection_name()), to_string(kept.error()));
        }
        acknowledge(arrival, kept ? "" : kept.error().message);
      }
      --waiting;
    });
  }

  void acknowledge(const gossip::Outbox::Arrival& arrival, const std::string& error) const {
    Message answer;
    answer.set_nonce(arrival.message->message.nonce());
    answer.mutable_ack()->set_error(error);
    gossip().send({arrival.from->pki_id, ""}, std::move(answer));
  }
};

PrivateNetwork::PrivateNetwork(const config::CoreSettings& core, Parts parts)
    : state_(std::make_unique<State>(core, std::move(parts))) {
  state_->parts.gossip.on_private([this](const gossip::Outbox::Arrival& arrival) { state_->arrived(arrival); });
}

PrivateNetwork::~PrivateNetwork() { stop(); }

void PrivateNetwork::attach(PeerChannels& channels) {
  state_->channels = &channels;
  state_->peers.attach(channels);
}

void PrivateNetwork::start() {
  if (state_->settings.reconciliation_enabled) {
    state_->reconciler.start(*state_->channels);
  } else {
    LOG_DEBUG(logger(), "Private data reconciliation has been disabled");
  }
}

void PrivateNetwork::stop() {
  state_->stop.request_stop();
  state_->reconciler.join();
  state_->pool.stop();  // what was asked of us is answered on the way out
}

Status PrivateNetwork::disseminate(const std::string& channel, const std::string& txid,
                                   const ::transientstore::TxPvtReadWriteSetWithConfigInfo& writes, uint64_t height) {
  State& s = *state_;
  struct Sending {
    gossip::Recipient to;
    Message message;
  };
  std::vector<Sending> sendings;
  for (const auto& set : writes.pvt_rwset().ns_pvt_rwset()) {
    const auto package = writes.collection_configs().find(set.namespace_());
    for (const auto& part : set.collection_pvt_rwset()) {
      const auto config = package == writes.collection_configs().end() ? nullptr
                                                                        : find_config(package->second, part.collection_name());
      if (config == nullptr) {
        return fail(Code::kInternal, "could not find collection access policy for " + set.namespace_() + " and collection " +
                                         part.collection_name());
      }
      const auto counted = s.with_counts(*config);
      auto plan = gossip::plan_dissemination(s.peers.members(channel, counted), counted.required_peer_count(),
                                             counted.maximum_peer_count(), s.parts.random);
      if (!plan) {
        return fail(plan.error().within("could not build private data dissemination plan for chaincode " + set.namespace_() +
                                        " and collection " + part.collection_name()));
      }
      Message message = private_message(channel);
      auto& payload = *message.mutable_private_data()->mutable_payload();
      payload.set_namespace_(set.namespace_());
      payload.set_collection_name(part.collection_name());
      payload.set_tx_id(txid);
      payload.set_private_rwset(part.rwset());
      payload.set_private_sim_height(height);
      *payload.mutable_collection_configs()->add_config()->mutable_static_collection_config() = *config;
      for (auto& to : *plan) sendings.push_back({std::move(to), message});
    }
  }
  if (sendings.empty()) return {};
  const auto started = s.parts.clock.steady();
  const auto needed = std::count_if(sendings.begin(), sendings.end(),
                                    [](const Sending& one) { return one.to.must_acknowledge; });
  auto latch = std::make_shared<std::latch>(needed);
  auto failures = std::make_shared<std::atomic<int>>(0);
  const size_t count = sendings.size();
  const auto timeout = std::chrono::duration_cast<gossip::Milliseconds>(s.settings.push_ack_timeout);
  for (auto& one : sendings) {
    const bool must = one.to.must_acknowledge;
    const std::string endpoint = one.to.endpoint;
    s.gossip().ask({one.to.pki_id, endpoint}, std::move(one.message), timeout,
                   [latch, failures, must, endpoint, txid](Result<gossip::MessagePtr> answer) {
                     const std::string why = !answer ? answer.error().message : (*answer)->message.ack().error();
                     if (!why.empty()) {
                       LOG_WARN(logger(), "Failed disseminating private RWSet for TxID {} to {}: {}", txid, escape(endpoint),
                                escape(why));
                     }
                     if (!must) return;
                     if (!why.empty()) ++*failures;
                     latch->count_down();
                   });
  }
  latch->wait();
  s.metrics.send.with({channel}).observe(std::chrono::duration<double>(s.parts.clock.steady() - started).count());
  if (*failures > 0) {
    return fail(Code::kUnavailable, fmt::format("Failed disseminating {} out of {} private dissemination plans",
                                                failures->load(), count));
  }
  return {};
}

void PrivateNetwork::fetch(const std::string& channel, uint64_t block, std::vector<commit::WantedPrivateData> wanted,
                           const ledger::StateView& view,
                           const std::function<bool(const commit::WantedPrivateData&, const Bytes&)>& found) {
  State& s = *state_;
  const auto started = s.parts.clock.steady();
  LOG_DEBUG(logger(), "[{}] Fetching {} collection private write sets of block [{}] from remote peers", channel,
            wanted.size(), block);
  const auto has_endorsed = [](const commit::WantedPrivateData& item, const gossip::PeerInfo& peer) {
    return std::find(item.endorsers.begin(), item.endorsers.end(), peer.identity) != item.endorsers.end();
  };
  std::mutex mutex;
  std::condition_variable_any never;  // but for the stop token
  while (true) {
    s.peers.drop_purged(channel, block, wanted, view);
    if (!wanted.empty()) s.peers.ask(channel, block, wanted, view, has_endorsed, found);
    if (wanted.empty() || s.parts.clock.steady() - started >= s.settings.pull_retry) break;
    std::unique_lock lock(mutex);
    never.wait_for(lock, s.stop.get_token(), kPauseBetweenRounds, [] { return false; });
    if (s.stop.stop_requested()) break;
  }
  s.metrics.fetch.with({channel}).observe(std::chrono::duration<double>(s.parts.clock.steady() - started).count());
}

}  // namespace selvage::node
