#include "node/peer/private_reconciler.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/log.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.privdata");
  return instance;
}

}  // namespace

void PrivateReconciler::start(PeerChannels& channels) {
  thread_ = std::thread([this, &channels] { run(channels); });
}

void PrivateReconciler::join() {
  if (thread_.joinable()) thread_.join();
}

void PrivateReconciler::run(PeerChannels& channels) {
  std::mutex mutex;
  std::condition_variable_any never;  // but for the stop token
  std::unique_lock lock(mutex);
  while (!parts_.stopping.stop_requested()) {
    never.wait_for(lock, parts_.stopping, parts_.interval, [] { return false; });
    for (const auto& name : channels.names()) {
      if (parts_.stopping.stop_requested()) return;
      if (const auto channel = channels.peer_channel(name)) reconcile(*channel);
    }
  }
}

// The newest first, batch by batch. Fabric quirk: gossip/privdata/reconcile.go
void PrivateReconciler::reconcile(PeerChannel& channel) {
  const auto started = parts_.clock.steady();
  ledger::Ledger& ledger = channel.ledger();
  uint64_t below = ledger.height(), first = UINT64_MAX, last = 0;
  size_t total = 0;
  while (!parts_.stopping.stop_requested()) {
    const auto missing = ledger.private_data().wanted(below, parts_.batch);
    if (!missing) {
      LOG_ERROR(logger(), "[{}] Failed to reconcile missing private info, error: {}", channel.id(), to_string(missing.error()));
      return;
    }
    if (missing->empty() || parts_.gossip.gossip().peers_of_channel(channel.id()).empty()) break;
    std::map<uint64_t, std::vector<commit::WantedPrivateData>> by_block;
    for (const auto& one : *missing) {
      by_block[one.block].push_back({one.missing.transaction, "", one.missing.ns, one.missing.collection, "", {}});
    }
    below = by_block.begin()->first;
    const auto view = ledger.view();
    for (auto& [number, wanted] : by_block) {
        const uint64_t block = number;
      parts_.peers.drop_purged(channel.id(), block, wanted, *view);
      const auto members_then = parts_.peers.members_at(channel, block, wanted);
      parts_.peers.ask(channel.id(), block, wanted, *view, members_then, [&](const commit::WantedPrivateData& item, const Bytes& rw_set) {
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
  parts_.metrics.reconciliation.with({channel.id()})
      .observe(std::chrono::duration<double>(parts_.clock.steady() - started).count());
  if (total > 0) {
    LOG_INFO(logger(), "Reconciliation cycle finished successfully. reconciled {} private data keys from blocks range [{} - "
                       "{}] channel={}", total, first, last, channel.id());
  } else {
    LOG_DEBUG(logger(), "Reconciliation cycle finished successfully. no items to reconcile");
  }
}

}  // namespace selvage::node
