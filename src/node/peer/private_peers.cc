#include "node/peer/private_peers.h"

#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "node/peer/collection_membership.h"
#include "node/peer/private_answers.h"

namespace selvage::node {
namespace {

constexpr auto kAnswerWithin = gossip::Milliseconds(5000);

// One question to each of these peers, and what they gave.
using Asked = std::map<Bytes, std::pair<gossip::Target, ::gossip::RemotePvtDataRequest>>;
std::vector<gossip::MessagePtr> ask_all(const PrivatePeers::Parts& parts, const std::string& channel, const Asked& asked) {
  auto latch = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(asked.size()));
  auto answers = std::make_shared<std::pair<std::mutex, std::vector<gossip::MessagePtr>>>();
  auto* const duration = &parts.metrics.pull.with({channel});
  const auto started = parts.clock.steady();
  for (const auto& [id, question] : asked) {
    ::gossip::GossipMessage message = private_message(channel);
    *message.mutable_privatereq() = question.second;
    const auto take = [&clock = parts.clock, latch, answers, duration, started](Result<gossip::MessagePtr> answer) {
      if (answer) {
        // One observation for each element, as each is waited for in Fabric.
        const double took = std::chrono::duration<double>(clock.steady() - started).count();
        for (int i = (*answer)->message.privateres().elements_size(); i > 0; --i) duration->observe(took);
        std::lock_guard lock(answers->first);
        answers->second.push_back(std::move(*answer));
      }
      latch->count_down();
    };
    parts.gossip.gossip().ask(question.first, std::move(message), kAnswerWithin, take);
  }
  latch->wait();
  std::lock_guard lock(answers->first);
  return answers->second;
}

}  // namespace

std::vector<gossip::PeerInfo> PrivatePeers::members(const std::string& channel,
                                                    const ::protos::StaticCollectionConfig& config) const {
  const auto found = channels_->peer_channel(channel);
  std::vector<gossip::PeerInfo> peers;
  if (!found) return peers;
  const auto bundle = found->bundle();
  for (auto& peer : parts_.gossip.gossip().peers_of_channel(channel)) {
    if (is_eligible(config, peer.identity, *bundle)) peers.push_back(std::move(peer));
  }
  return peers;
}

// Fabric quirk: gossip/privdata/pull.go purgedFilter
void PrivatePeers::drop_purged(const std::string& channel, uint64_t block, std::vector<Wanted>& wanted,
                               const ledger::StateView& view) const {
  uint64_t highest = 0;
  for (const auto& peer : parts_.gossip.gossip().peers_of_channel(channel)) highest = std::max(highest, peer.height);
  std::erase_if(wanted, [&](const auto& item) {
    const uint64_t life = blocks_to_live(item.ns, item.collection, view);
    return life != 0 && highest > 0 && highest + parts_.btl_pull_margin >= block + life;
  });
}

// Fabric quirk: gossip/privdata/pull.go computeReconciliationFilters
PrivatePeers::Preference PrivatePeers::members_at(PeerChannel& channel, uint64_t block, std::vector<Wanted>& wanted) const {
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

void PrivatePeers::ask(const std::string& channel, uint64_t block, std::vector<Wanted>& wanted, const ledger::StateView& view,
                       const Preference& is_preferred, const Found& found) const {
  std::map<std::pair<std::string, std::string>, std::vector<gossip::PeerInfo>> members_of;
  for (const auto& item : wanted) {
    auto& members_here = members_of[{item.ns, item.collection}];
    const auto config = collection_config(item.ns, item.collection, view);
    if (members_here.empty() && config) members_here = members(channel, *config);
    for (size_t i = members_here.size(); i > 1; --i) std::swap(members_here[i - 1], members_here[parts_.random.below(i)]);
  }
  std::set<std::pair<const Wanted*, Bytes>> tried;
  std::set<const Wanted*> done;
  while (!parts_.stopping.stop_requested()) {
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
    for (const auto& answer : ask_all(parts_, channel, asked)) {
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

}  // namespace selvage::node
