#include "node/peer/private_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.h"
#include "gossip/metrics.h"
#include "gossip/private/dissemination.h"
#include "node/peer/collection_membership.h"
#include "lifecycle/collections.h"
#include "lifecycle/keys.h"
#include "node/peer/private_answers.h"
#include "os/worker_pool.h"
#include "policy/signature_policy.h"
#include "transientstore/transientstore.pb.h"

namespace selvage::node {
namespace {

using Message = ::gossip::GossipMessage;

const log::Logger& logger() {
  static const log::Logger instance("gossip.privdata");
  return instance;
}

constexpr auto kAnswerWithin = gossip::Milliseconds(5000);
constexpr auto kPauseBetweenRounds = std::chrono::seconds(1);
constexpr size_t kWaitingMax = 500;

// Counts down; several threads.
class Latch {
 public:
  explicit Latch(size_t count) : left_(count) {}
  void done() {
    std::lock_guard lock(mutex_);
    if (--left_ == 0) changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t left_;
};

Message message_of(const std::string& channel) {
  Message message;
  message.set_channel(channel);
  message.set_tag(Message::CHAN_ONLY);
  return message;
}

}  // namespace

struct PrivateNetwork::State {
  State(const config::CoreSettings& core, Parts given)
      : parts(given), settings(core.private_data), metrics(given.metrics) {}

  const Parts parts;
  const config::PrivateData settings;
  gossip::PrivateDataMetrics metrics;
  PeerChannels* channels = nullptr;
  std::mutex mutex;
  std::condition_variable stopped;
  bool stopping = false;
  std::atomic<size_t> waiting = 0;
  std::unique_ptr<os::WorkerPool> pool = std::make_unique<os::WorkerPool>(2, "gossip-private");

  [[nodiscard]] gossip::Gossip& gossip() const { return parts.gossip.gossip(); }

  // Peers of the channel that the collection's policy admits.
  [[nodiscard]] std::vector<gossip::PeerInfo> members(const std::string& channel,
                                                      const ::protos::StaticCollectionConfig& config) const {
    const auto found = channels->peer_channel(channel);
    std::vector<gossip::PeerInfo> peers;
    if (!found) return peers;
    const auto bundle = found->bundle();
    for (auto& peer : gossip().peers_of_channel(channel)) {
      if (is_eligible(config, peer.identity, *bundle)) peers.push_back(std::move(peer));
    }
    return peers;
  }

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
    std::lock_guard lock(mutex);
    if (stopping) return;
    ++waiting;
    pool->post([this, arrival, request] {
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

  // One question to each of these peers, and what they gave.
  using Asked = std::map<Bytes, std::pair<gossip::Target, ::gossip::RemotePvtDataRequest>>;
  [[nodiscard]] std::vector<gossip::MessagePtr> ask_all(const std::string& channel, const Asked& asked) const {
    auto latch = std::make_shared<Latch>(asked.size());
    auto answers = std::make_shared<std::pair<std::mutex, std::vector<gossip::MessagePtr>>>();
    auto* const duration = &metrics.pull.with({channel});
    const auto started = parts.clock.steady();
    for (const auto& [id, question] : asked) {
      Message message = message_of(channel);
      *message.mutable_privatereq() = question.second;
      gossip().ask(question.first, std::move(message), kAnswerWithin, [this, latch, answers, duration, started](Result<gossip::MessagePtr> answer) {
        if (answer) {
          // One observation for each element, as each is waited for in Fabric.
          const double took = std::chrono::duration<double>(parts.clock.steady() - started).count();
          for (int i = (*answer)->message.privateres().elements_size(); i > 0; --i) duration->observe(took);
          std::lock_guard lock(answers->first);
          answers->second.push_back(std::move(*answer));
        }
        latch->done();
      });
    }
    latch->wait();
    std::lock_guard lock(answers->first);
    return answers->second;
  }

  // Whether a peer is asked for an item before others.
  using Preference = std::function<bool(const commit::WantedPrivateData&, const gossip::PeerInfo&)>;

  // One round: each wanted item is asked of one peer after the other, those that are preferred first, until all were asked.
  void ask_round(const std::string& channel, uint64_t block, std::vector<commit::WantedPrivateData>& wanted,
                 const ledger::StateView& view, const Preference& is_preferred,
                 const std::function<bool(const commit::WantedPrivateData&, const Bytes&)>& found) {
    using Wanted = commit::WantedPrivateData;
    std::map<std::pair<std::string, std::string>, std::vector<gossip::PeerInfo>> members_of;
    for (const auto& item : wanted) {
      auto& members_here = members_of[{item.ns, item.collection}];
      const auto config = collection_config(item.ns, item.collection, view);
      if (members_here.empty() && config) members_here = members(channel, *config);
      for (size_t i = members_here.size(); i > 1; --i) std::swap(members_here[i - 1], members_here[parts.random.below(i)]);
    }
    std::set<std::pair<const Wanted*, Bytes>> tried;
    std::set<const Wanted*> done;
    while (!is_stopping()) {
      Asked asked;
      for (const auto& item : wanted) {
        if (done.contains(&item)) continue;
        const gossip::PeerInfo* chosen = nullptr;
        for (const auto& peer : members_of[{item.ns, item.collection}]) {
          if (tried.contains({&item, peer.pki_id})) continue;
          const bool preferred = is_preferred(item, peer);
          if (chosen == nullptr || preferred) chosen = &peer;
          if (preferred) break;
        }
        if (chosen == nullptr) continue;
        tried.insert({&item, chosen->pki_id});
        auto& question = asked[chosen->pki_id];
        question.first = {chosen->pki_id, chosen->preferred_endpoint()};
        *question.second.add_digests() = digest_of(item, block);
      }
      if (asked.empty()) break;
      for (const auto& answer : ask_all(channel, asked)) {
        for (const auto& element : answer->message.privateres().elements()) {
          for (const auto& item : wanted) {
            if (done.contains(&item) || !matches(element.digest(), item, block)) continue;
            for (const Bytes& payload : element.payload()) {
              if (found(item, payload)) {
                done.insert(&item);
                break;
              }
            }
          }
        }
      }
    }
    std::vector<Wanted> left;
    for (auto& item : wanted) {
      if (!done.contains(&item)) left.push_back(std::move(item));
    }
    wanted = std::move(left);
  }

  // Fabric quirk: gossip/privdata/pull.go purgedFilter: what some peer has purged by its blockToLive, or will soon, is not
  // asked for.
  void drop_purged(const std::string& channel, uint64_t block, std::vector<commit::WantedPrivateData>& wanted,
                   const ledger::StateView& view) const {
    uint64_t highest = 0;
    for (const auto& peer : gossip().peers_of_channel(channel)) highest = std::max(highest, peer.height);
    std::erase_if(wanted, [&](const auto& item) {
      const uint64_t life = blocks_to_live(item.ns, item.collection, view);
      return life != 0 && highest > 0 && highest + settings.btl_pull_margin >= block + life;
    });
  }

  // Whoever was a member when the data was written more likely has it than members that joined later, who may be asked too.
  // What no definition of that time knows of goes from `wanted`.
  // Fabric quirk: gossip/privdata/pull.go computeReconciliationFilters
  Preference prefer_members_at(PeerChannel& channel, uint64_t block, std::vector<commit::WantedPrivateData>& wanted) const {
    std::map<std::pair<std::string, std::string>, std::optional<std::set<Bytes>>> members_then;
    for (const auto& item : wanted) {
      const auto [found, fresh] = members_then.try_emplace({item.ns, item.collection});
      if (!fresh) continue;
      const auto config = collection_config_at(channel.ledger(), block, item.ns, item.collection);
      if (!config) continue;
      found->second.emplace();
      for (const auto& peer : members(channel.id(), *config)) found->second->insert(peer.pki_id);
    }
    std::erase_if(wanted, [&](const auto& item) { return !members_then.at({item.ns, item.collection}); });
    return [members_then = std::move(members_then)](const commit::WantedPrivateData& item, const gossip::PeerInfo& peer) {
      return members_then.at({item.ns, item.collection})->contains(peer.pki_id);
    };
  }

  // What blocks promised and did not bring: the newest first, batch by batch.
  // Fabric quirk: gossip/privdata/reconcile.go.
  void reconcile(PeerChannel& channel) {
    const auto started = parts.clock.steady();
    ledger::Ledger& ledger = channel.ledger();
    uint64_t below = ledger.height(), first = UINT64_MAX, last = 0;
    size_t total = 0;
    while (!is_stopping()) {
      const auto missing = ledger.private_data().wanted(below, settings.reconcile_batch);
      if (!missing) {
        LOG_ERROR(logger(), "[{}] Failed to reconcile missing private info, error: {}", channel.id(), to_string(missing.error()));
        return;
      }
      if (missing->empty() || gossip().peers_of_channel(channel.id()).empty()) break;
      std::map<uint64_t, std::vector<commit::WantedPrivateData>> by_block;
      for (const auto& one : *missing) {
        by_block[one.block].push_back({one.missing.transaction, "", one.missing.ns, one.missing.collection, "", {}});
      }
      below = by_block.begin()->first;
      const auto view = ledger.view();
      for (auto& [block, wanted] : by_block) {
        drop_purged(channel.id(), block, wanted, *view);
        const Preference members_then = prefer_members_at(channel, block, wanted);
        ask_round(channel.id(), block, wanted, *view, members_then, [&](const commit::WantedPrivateData& item, const Bytes& rw_set) {
          const Status taken = ledger.add_late(block, {item.transaction, item.ns, item.collection, rw_set});
          if (!taken) {
            LOG_WARN(logger(), "failed to reconcile pvtdata chaincode {}, collection {}, block num {}, tx num {} due to hash "
                               "mismatch or partially available bootKVs: {}",
                     item.ns, item.collection, block, item.transaction, to_string(taken.error()));
            return false;
          }
          ++total;
          first = std::min(first, block);
          last = std::max(last, block);
          return true;
        });
      }
    }
    metrics.reconciliation.with({channel.id()})
        .observe(std::chrono::duration<double>(parts.clock.steady() - started).count());
    if (total > 0) {
      LOG_INFO(logger(), "Reconciliation cycle finished successfully. reconciled {} private data keys from blocks range [{} - "
                         "{}] channel={}", total, first, last, channel.id());
    } else {
      LOG_DEBUG(logger(), "Reconciliation cycle finished successfully. no items to reconcile");
    }
  }

  void run_reconciler() {
    std::unique_lock lock(mutex);
    while (!stopped.wait_for(lock, settings.reconcile_interval, [&] { return stopping; })) {
      lock.unlock();
      for (const auto& name : channels->names()) {
        if (const auto channel = channels->peer_channel(name)) reconcile(*channel);
      }
      lock.lock();
    }
  }
  std::thread reconciler;

  bool is_stopping() {
    std::lock_guard lock(mutex);
    return stopping;
  }
};

PrivateNetwork::PrivateNetwork(const config::CoreSettings& core, Parts parts)
    : state_(std::make_unique<State>(core, std::move(parts))) {
  state_->parts.gossip.on_private([this](const gossip::Outbox::Arrival& arrival) { state_->arrived(arrival); });
}

PrivateNetwork::~PrivateNetwork() { stop(); }

void PrivateNetwork::attach(PeerChannels& channels) { state_->channels = &channels; }

void PrivateNetwork::start() {
  if (state_->settings.reconciliation_enabled) {
    state_->reconciler = std::thread([this] { state_->run_reconciler(); });
  } else {
    LOG_DEBUG(logger(), "Private data reconciliation has been disabled");
  }
}

void PrivateNetwork::stop() {
  std::unique_ptr<os::WorkerPool> pool;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->stopped.notify_all();
    pool = std::move(state_->pool);
  }
  if (state_->reconciler.joinable()) state_->reconciler.join();
  // What was asked of us is answered on the way out.
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
      auto plan = gossip::plan_dissemination(s.members(channel, counted), counted.required_peer_count(),
                                             counted.maximum_peer_count(), s.parts.random);
      if (!plan) {
        return fail(plan.error().within("could not build private data dissemination plan for chaincode " + set.namespace_() +
                                        " and collection " + part.collection_name()));
      }
      Message message = message_of(channel);
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
  const auto needed = static_cast<size_t>(std::count_if(sendings.begin(), sendings.end(),
                                                        [](const Sending& one) { return one.to.must_acknowledge; }));
  auto latch = std::make_shared<Latch>(std::max<size_t>(needed, 1));
  if (needed == 0) latch->done();
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
                     latch->done();
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
  while (true) {
    s.drop_purged(channel, block, wanted, view);
    if (!wanted.empty()) s.ask_round(channel, block, wanted, view, has_endorsed, found);
    if (wanted.empty() || s.parts.clock.steady() - started >= s.settings.pull_retry) break;
    std::unique_lock lock(s.mutex);
    if (s.stopped.wait_for(lock, kPauseBetweenRounds, [&] { return s.stopping; })) break;
  }
  s.metrics.fetch.with({channel}).observe(std::chrono::duration<double>(s.parts.clock.steady() - started).count());
}

}  // namespace selvage::node
