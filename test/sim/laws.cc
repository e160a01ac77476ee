#include "sim/laws.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "crypto/hash.h"
#include "wire/block.h"

namespace selvage::sim {

using order::raft::Role;

bool Laws::look(const order::raft::Core& core, Seen& seen) {
  const Term term = core.hard_state().term;
  if (term < seen.term) broken(fmt::format("node {} went back from term {} to {}", core.id(), seen.term, term));
  const bool new_term = term != seen.term;
  seen.term = term;
  look_at_log(core, seen);
  const bool leads = core.soft_state().role == Role::kLeader;
  if (leads && (!seen.led || new_term)) {
    if (const auto [place, is_new] = leaders_.emplace(term, core.id()); !is_new && place->second != core.id()) {
      broken(fmt::format("nodes {} and {} both lead in term {}", place->second, core.id(), term));
    }
    // What was committed before a term is in the log of everyone who leads in it.
    if (!committed_.empty()) {
      const auto& [index, committed_term] = *committed_.rbegin();
      if (const auto own = core.log().term(index); committed_term < term && (index > core.log().last() || (own && *own != committed_term))) {
        broken(fmt::format("node {} leads in term {} without the committed entry {} of term {}", core.id(), term, index,
                           committed_term));
      }
    }
  }
  seen.led = leads;
  const Index committed = core.log().committed();
  if (committed < seen.committed) {
    broken(fmt::format("node {} took back the commit of {} to {}", core.id(), seen.committed, committed));
  }
  for (Index index = std::max(seen.committed + 1, core.log().first()); index <= committed; ++index) {
    const auto entry_term = core.log().term(index);
    if (!entry_term) continue;
    if (const auto [place, is_new] = committed_.emplace(index, *entry_term); !is_new && place->second != *entry_term) {
      broken(fmt::format("entry {} is committed as one of term {} and, at node {}, of term {}", index, place->second,
                         core.id(), *entry_term));
    }
  }
  return std::exchange(seen.committed, committed) < committed;
}

void Laws::cannot_be_lost(const order::raft::Core& committer, const std::vector<const order::raft::Core*>& alive) {
  const Index index = committer.log().committed();
  const auto term = committer.log().term(index);
  if (!term) return;
  const auto members = committer.membership();
  std::vector<const order::raft::Core*> voters;
  for (const auto* node : alive) {
    if (std::binary_search(members.voters.begin(), members.voters.end(), node->id())) voters.push_back(node);
  }
  for (const auto* candidate : voters) {
    const auto& log = candidate->log();
    if (candidate->membership() != members || index <= log.committed() || log.matches({*term, index})) continue;
    const auto votes = std::count_if(voters.begin(), voters.end(),
                                     [&](const auto* voter) { return voter->log().up_to_date(log.last_id()); });
    if (static_cast<size_t>(votes) > members.voters.size() / 2) {
      broken(fmt::format("entry {} of term {} is committed at node {}, and node {}, which lacks it, could be elected", index,
                         *term, committer.id(), candidate->id()));
    }
  }
}

void Laws::serves(const order::raft::Core& leader, const etcdraft::BlockMetadata& ids) {
  std::vector<order::raft::NodeId> named(ids.consenter_ids().begin(), ids.consenter_ids().end());
  std::sort(named.begin(), named.end());
  const auto& voters = leader.membership().voters;
  if (voters == named) return;
  broken(fmt::format("node {} takes messages with the voters [{}], while its configuration names [{}]", leader.id(),
                     fmt::join(voters, " "), fmt::join(named, " ")));
}

// Two logs with an entry of the same index and term are equal up to it: each entry is compared with, and with what
// preceded it at, the first node that had it.
void Laws::look_at_log(const order::raft::Core& core, Seen& seen) {
  const auto& log = core.log();
  Index from = seen.log + 1;
  if (log.term_or_zero(seen.log) != seen.log_term || seen.log > log.last()) from = log.committed() + 1;
  from = std::max(from, log.first());
  if (const auto entries = log.slice(from, log.last() + 1, SIZE_MAX)) {
    for (const auto& entry : *entries) {
      const Bytes digest = crypto::sha256(entry.data ? *entry.data : Bytes());
      const auto previous = log.term(entry.index - 1);
      const auto [place, is_new] = entries_.emplace(std::pair(entry.index, entry.term), Entry{digest, previous.value_or(0)});
      if (!is_new && (place->second.digest != digest || (previous && place->second.previous_term != *previous))) {
        broken(fmt::format("node {}: entry {} of term {} is not what another node has there", core.id(), entry.index,
                           entry.term));
      }
    }
  }
  seen.log = log.last();
  seen.log_term = log.term_or_zero(seen.log);
}

void Laws::block(Slot slot, const ::common::Block& block) {
  const uint64_t number = block.header().number();
  const Bytes hash = wire::header_hash(block.header());
  if (wire::data_hash(block.data()) != block.header().data_hash()) {
    broken(fmt::format("orderer {}: the data of block [{}] is not what its header says", slot, number));
  }
  Bytes metadata;
  if (number > 0) {
    const auto last_config = wire::last_config_index(block);
    const auto consenters = wire::consenter_metadata(block);
    if (!last_config || !consenters) return broken(fmt::format("orderer {}: block [{}] lacks metadata", slot, number));
    metadata = fmt::format("last config {} ", *last_config) + *consenters;
  }
  if (number > chain_.size()) return broken(fmt::format("orderer {} has block [{}] before block [{}]", slot, number, chain_.size()));
  if (number == chain_.size()) {
    if (number > 0 && block.header().previous_hash() != chain_.back().header_hash) {
      return broken(fmt::format("orderer {}: block [{}] does not follow block [{}]", slot, number, number - 1));
    }
    chain_.push_back({hash, metadata});
  } else if (chain_[number].header_hash != hash) {
    broken(fmt::format("orderer {} has another block [{}]", slot, number));
  } else if (chain_[number].metadata != metadata) {
    broken(fmt::format("orderer {} has other metadata in block [{}]", slot, number));
  }
  heights_[slot] = std::max(heights_[slot], number + 1);
}

void Laws::restarted(Slot slot, uint64_t height) {
  if (height < heights_[slot]) {
    broken(fmt::format("orderer {} had {} blocks and has {} after a restart", slot, heights_[slot], height));
  }
}

}  // namespace selvage::sim
