// Clusters of cores with logs on faulty disks, in one thread, driven by one seed: messages are lost, doubled and
// reordered, nodes crash and come back, logs are compacted. After every step the promises of Raft are checked.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "kit/faulty_disk.h"
#include "kit/random.h"
#include "order/raft/codec.h"
#include "order/raft/core.h"
#include "order/raft/wal.h"

namespace selvage::order::raft {
namespace {

class Cluster {
 public:
  Cluster(size_t size, uint64_t seed) : random_(seed) {
    for (NodeId id = 1; id <= size; ++id) {
      members_.push_back(id);
      disks_[id] = std::make_unique<test::FaultyDisk>(seed * 100 + id);
    }
    for (NodeId id : members_) start(id);
  }

  struct Node {
    std::unique_ptr<Wal> wal;
    std::unique_ptr<Core> core;
    std::vector<Bytes> applied;  // the state machine: what was applied, in order
    Index applied_index = 0;
    std::vector<NodeId> voters;
  };

  void start(NodeId id) {
    Node& node = nodes_[id];
    WalSettings settings;
    settings.directory = "/wal";
    settings.snapshot_directory = "/snap";
    settings.segment_bytes_max = 2000;
    auto wal = Wal::open(*disks_[id], settings, id);
    ASSERT_TRUE(wal) << to_string(wal.error());
    node.wal = std::move(*wal);
    Restart restart = node.wal->take_restart();
    const bool fresh = restart.hard_state.empty() && restart.snapshot.empty() && restart.entries.empty();
    node.applied.clear();
    node.applied_index = restart.snapshot.index;
    if (restart.snapshot.data) load(node, *restart.snapshot.data);
    Config config;
    config.id = id;
    config.election_ticks = 10;
    config.random = &random_;
    config.message_bytes_max = 200;
    node.core = std::make_unique<Core>(config, std::move(restart));
    ASSERT_FALSE(node.core->broken()) << *node.core->broken();
    if (fresh) {
      ASSERT_TRUE(node.core->bootstrap(members_));
    }
  }

  void crash(NodeId id, test::FaultyDisk::Tear tear) {
    nodes_[id].core.reset();
    nodes_[id].wal.reset();
    disks_[id]->crash(tear);
  }

  // One turn of a node: what ready() asks for.
  void work(NodeId id) {
    Node& node = nodes_[id];
    while (node.core && node.core->has_ready()) {
      Ready ready = node.core->ready();
      if (ready.soft_state && ready.soft_state->role == Role::kLeader) {
        auto [place, is_new] = leaders_.emplace(node.core->hard_state().term, id);
        ASSERT_TRUE(is_new || place->second == id) << "two leaders in term " << place->first;
      }
      if (ready.snapshot) {
        ASSERT_TRUE(node.wal->save_snapshot(*ready.snapshot));
        load(node, *ready.snapshot->data);
        node.applied_index = ready.snapshot->index;
        ++snapshots_installed;
      }
      if (!ready.entries.empty() || ready.hard_state) {
        ASSERT_TRUE(node.wal->save(ready.entries, ready.hard_state, ready.must_sync));
      }
      for (const Entry& entry : ready.committed) apply(node, entry);
      node.core->advance();
      for (Message& message : ready.messages) {
        // What travels is bytes.
        auto read = decode_message(encode(message));
        ASSERT_TRUE(read) << read.error().message;
        in_flight_.push_back(std::move(*read));
      }
      ASSERT_FALSE(node.core->broken()) << *node.core->broken();
    }
  }

  void apply(Node& node, const Entry& entry) {
    if (entry.kind == Entry::Kind::kChange) {
      node.core->apply(*decode_change(*entry.data));
    } else if (entry.data && entry.index > node.applied_index) {
      node.applied.push_back(*entry.data);
    }
    node.applied_index = std::max(node.applied_index, entry.index);
    // Everybody's history is a prefix of one history.
    for (size_t i = agreed_checked_[&node]; i < node.applied.size(); ++i) {
      if (i < agreed_.size()) {
        ASSERT_EQ(node.applied[i], agreed_[i]) << "two histories at " << i;
      } else {
        agreed_.push_back(node.applied[i]);
      }
    }
    agreed_checked_[&node] = node.applied.size();
  }

  static Bytes save(const Node& node) {
    Bytes state;
    for (const Bytes& item : node.applied) state += item + "\n";
    return state;
  }
  void load(Node& node, const Bytes& state) {
    node.applied.clear();
    size_t at = 0;
    for (size_t end; (end = state.find('\n', at)) != Bytes::npos; at = end + 1) node.applied.push_back(state.substr(at, end - at));
    agreed_checked_[&node] = 0;
  }

  void snapshot(NodeId id) {
    Node& node = nodes_[id];
    if (!node.core || node.applied_index == 0 || node.applied_index != node.core->log().applied()) return;
    const auto term = node.core->log().term(node.applied_index);
    if (!term || node.core->log().snapshot().index >= node.applied_index) return;
    Snapshot taken{node.core->membership(), node.applied_index, *term, std::make_shared<const Bytes>(save(node))};
    ASSERT_TRUE(node.wal->save_snapshot(taken));
    node.core->set_snapshot(taken);
    node.core->compact(node.applied_index - std::min<Index>(node.applied_index, 2));
  }

  NodeId leader() const {
    NodeId found = kNone;
    Term term = 0;
    for (const auto& [id, node] : nodes_) {
      if (node.core && node.core->soft_state().role == Role::kLeader && node.core->hard_state().term > term) {
        term = node.core->hard_state().term;
        found = id;
      }
    }
    return found;
  }

  // Everybody up, nothing lost, for a while.
  void calm(int turns = 400) {
    for (NodeId id : members_) {
      if (!nodes_[id].core) start(id);
    }
    for (int turn = 0; turn < turns; ++turn) {
      for (NodeId id : members_) {
        nodes_[id].core->tick();
        work(id);
      }
      auto batch = std::exchange(in_flight_, {});
      for (Message& message : batch) {
        const Type type = message.type;
        const NodeId to = message.to, from = message.from;
        (void)nodes_[to].core->step(std::move(message));
        work(to);
        if (type == Type::kSnapshot) nodes_[from].core->report_snapshot(to, true);
      }
    }
  }

  test::SeededRandom random_;
  std::vector<NodeId> members_;
  std::map<NodeId, std::unique_ptr<test::FaultyDisk>> disks_;
  std::map<NodeId, Node> nodes_;
  std::vector<Message> in_flight_;
  std::map<Term, NodeId> leaders_;
  std::vector<Bytes> agreed_;
  std::map<const Node*, size_t> agreed_checked_;
  int snapshots_installed = 0;
};

TEST(RaftCluster, ASingleNodeElectsItselfAndCommits) {
  Cluster cluster(1, 1);
  cluster.work(1);
  auto& node = cluster.nodes_[1];
  node.core->campaign();
  cluster.work(1);
  EXPECT_EQ(node.core->soft_state().role, Role::kLeader);
  ASSERT_TRUE(node.core->propose(std::make_shared<const Bytes>("a")));
  cluster.work(1);
  EXPECT_EQ(node.applied, std::vector<Bytes>{"a"});
}

TEST(RaftCluster, AFreshLogStartsWithItsMembers) {
  Cluster cluster(3, 1);
  Ready ready = cluster.nodes_[1].core->ready();
  ASSERT_EQ(ready.entries.size(), 3u);
  EXPECT_EQ(ready.entries[2].term, 1u);
  EXPECT_EQ(ready.entries[2].kind, Entry::Kind::kChange);
  EXPECT_EQ(*ready.hard_state, (HardState{1, kNone, 3}));
  EXPECT_EQ(ready.committed.size(), 3u);
}

TEST(RaftCluster, KeepsItsPromisesWhileEverythingGoesWrong) {
  int snapshots = 0;
  const char* more = std::getenv("SELVAGE_SEEDS");  // for a soak
  const uint64_t seeds = more != nullptr ? std::stoul(more) : 8;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    Cluster cluster(seed % 2 == 0 ? 3 : 5, seed);
    auto& random = cluster.random_;
    int proposals = 0;
    std::set<Bytes> told;  // seen applied by the leader that took them
    for (int step = 0; step < 3000 && !testing::Test::HasFatalFailure(); ++step) {
      const NodeId id = 1 + random.below(cluster.members_.size());
      auto& node = cluster.nodes_[id];
      const uint64_t dice = random.below(1000);
      if (!node.core) {
        if (dice < 200) cluster.start(id);
      } else if (dice < 450) {
        node.core->tick();
      } else if (dice < 460) {
        const auto tear = static_cast<test::FaultyDisk::Tear>(random.below(4));
        cluster.crash(id, tear);
      } else if (dice < 480) {
        cluster.snapshot(id);
      } else if (dice < 490) {
        if (node.core->soft_state().role == Role::kLeader) {
          node.core->transfer_leadership(1 + random.below(cluster.members_.size()));
        }
      } else if (dice < 620) {
        const NodeId leader = cluster.leader();
        if (leader != kNone) {
          (void)cluster.nodes_[leader].core->propose(std::make_shared<const Bytes>("p" + std::to_string(proposals++)));
          cluster.work(leader);
        }
      }
      if (node.core && dice >= 450) cluster.work(id);
      if (node.core) cluster.work(id);
      for (int deliveries = 0; deliveries < 4 && !cluster.in_flight_.empty(); ++deliveries) {
        const size_t pick = random.below(cluster.in_flight_.size());
        Message message = cluster.in_flight_[pick];
        if (random.below(20) != 0) cluster.in_flight_.erase(cluster.in_flight_.begin() + static_cast<std::ptrdiff_t>(pick));
        const bool lost = random.below(15) == 0 || !cluster.nodes_[message.to].core;
        // Who sends a snapshot is always told how it went; other losses go unnoticed.
        if (message.type == Type::kSnapshot && cluster.nodes_[message.from].core) {
          cluster.nodes_[message.from].core->report_snapshot(message.to, !lost);
        }
        if (lost) {
          if (random.below(2) == 0 && cluster.nodes_[message.from].core) {
            cluster.nodes_[message.from].core->report_unreachable(message.to);
          }
          continue;
        }
        (void)cluster.nodes_[message.to].core->step(message);
        cluster.work(message.to);
      }
    }
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    const std::vector<Bytes> before = cluster.agreed_;
    cluster.calm();
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    snapshots += cluster.snapshots_installed;
    EXPECT_GT(before.size(), 20u) << "seed " << seed << ": nothing happened";
    ASSERT_NE(cluster.leader(), kNone) << "seed " << seed;
    for (NodeId id : cluster.members_) {
      EXPECT_TRUE(cluster.nodes_[id].applied == cluster.agreed_)
          << "seed " << seed << " node " << id << " applied " << cluster.nodes_[id].applied.size() << " of "
          << cluster.agreed_.size() << "; " << cluster.nodes_[id].core->log().describe() << "; leader "
          << cluster.leader() << ": " << cluster.nodes_[cluster.leader()].core->progress().at(id).describe();
    }
    EXPECT_TRUE(std::equal(before.begin(), before.end(), cluster.agreed_.begin())) << "seed " << seed;
  }
  EXPECT_GT(snapshots, 0) << "no follower ever needed a snapshot: the test does not reach that code";
}

TEST(RaftCluster, AMemberCanBeAddedAndRemoved) {
  Cluster cluster(3, 3);
  cluster.calm(60);
  const NodeId leader = cluster.leader();
  ASSERT_NE(leader, kNone);
  Change remove;
  remove.kind = Change::Kind::kRemove;
  remove.node = leader == 3 ? 2 : 3;
  ASSERT_TRUE(cluster.nodes_[leader].core->propose_change(remove));
  cluster.calm(60);
  EXPECT_EQ(cluster.nodes_[leader].core->membership().voters.size(), 2u);
  Change add = remove;
  add.kind = Change::Kind::kAdd;
  ASSERT_TRUE(cluster.nodes_[leader].core->propose_change(add));
  cluster.calm(60);
  for (NodeId id : cluster.members_) EXPECT_EQ(cluster.nodes_[id].core->membership().voters.size(), 3u);
}

TEST(RaftCluster, ALogThatWasLostIsNoticed) {
  Config config;
  config.id = 2;
  Restart restart;
  restart.snapshot.membership.voters = {1, 2};
  Core core(config, restart);
  Message heartbeat;  // from a leader that knows that we had 5 entries
  heartbeat.type = Type::kHeartbeat;
  heartbeat.from = 1;
  heartbeat.to = 2;
  heartbeat.term = 1;
  heartbeat.commit = 5;
  EXPECT_FALSE(core.step(heartbeat));
  ASSERT_TRUE(core.broken());
  EXPECT_FALSE(core.has_ready());
}

}  // namespace
}  // namespace selvage::order::raft
