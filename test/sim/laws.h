// What must hold at every moment of a run, whoever crashed and whatever was lost. Looks at nodes from outside; the first
// broken law is kept.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/common.pb.h"
#include "order/raft/core.h"
#include "orderer/etcdraft/metadata.pb.h"
#include "sim/consortium.h"

namespace selvage::sim {

class Laws {
 public:
  using Index = order::raft::Index;
  using Term = order::raft::Term;

  // A life of a node: what of its log has been looked at. Begins anew with each start.
  struct Seen {
    Index log = 0;
    Term log_term = 0;
    Index committed = 0;
    bool led = false;
    Term term = 0;
  };

  // After every step of a node. True when it has committed more.
  bool look(const order::raft::Core& core, Seen& seen);
  // After a step in which `committer` learned of more that is committed: nobody who lacks it could be elected. `alive`: all
  // nodes whose logs are on disk as they are in memory; of others nothing is assumed, but that they would vote against it.
  void cannot_be_lost(const order::raft::Core& committer, const std::vector<const order::raft::Core*>& alive);
  // A leader takes messages while the newest configuration names the consenters with these ids: Raft counts these votes and no
  // others, since no block follows a change of the consenters before Raft has agreed on it.
  void serves(const order::raft::Core& leader, const etcdraft::BlockMetadata& ids);
  // A block came into the ledger of this slot.
  void block(Slot slot, const ::common::Block& block);
  // The slot's ledger after a start.
  void restarted(Slot slot, uint64_t height);
  void broken(std::string why) {
    if (!violation_) violation_ = std::move(why);
  }

  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  [[nodiscard]] uint64_t height() const { return chain_.size(); }
  [[nodiscard]] size_t leaders() const { return leaders_.size(); }

 private:
  struct Entry {
    Bytes digest;
    Term previous_term = 0;  // equal entries follow equal entries
  };
  struct Block {
    Bytes header_hash;
    Bytes metadata;  // what all orderers must say alike
  };
  void look_at_log(const order::raft::Core& core, Seen& seen);

  std::map<Term, order::raft::NodeId> leaders_;
  std::map<std::pair<Index, Term>, Entry> entries_;
  std::map<Index, Term> committed_;
  std::vector<Block> chain_;
  std::map<Slot, uint64_t> heights_;  // what readers of that orderer may have seen
  std::optional<std::string> violation_;
};

}  // namespace selvage::sim
