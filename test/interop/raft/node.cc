// A Raft node on raft::Core and raft::Wal, driven by lines on stdin; go/node is the same on etcd's library, and says what
// the commands and events are.
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "order/raft/codec.h"
#include "order/raft/core.h"
#include "order/raft/wal.h"
#include "os/posix_disk.h"
#include "os/system_random.h"
#include "sockets.h"

namespace selvage::order::raft {
namespace {

constexpr int kWindow = 300;  // proposals on their way

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  const std::string line = fmt::format(format, std::forward<Args>(args)...) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
}

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "raft_node: %s\n", why.c_str());
  std::exit(2);
}
void check(const Status& status) {
  if (!status) stop(to_string(status.error()));
}

const char* name_of(Role role) {
  static constexpr const char* kNames[] = {"Follower", "Candidate", "Leader", "PreCandidate"};
  return kNames[static_cast<int>(role)];
}

// The state machine: the number of entries, and a hash over all of them.
struct Machine {
  uint64_t count = 0;
  Bytes hash = Bytes(32, '\0');

  void apply(const Bytes& bytes) {
    ++count;
    hash = crypto::sha256(hash + bytes);
  }
  Bytes save() const {
    Bytes state;
    for (int shift = 56; shift >= 0; shift -= 8) state.push_back(static_cast<char>(count >> shift));
    return state + hash;
  }
  void load(const Bytes& state) {
    count = 0;
    for (size_t i = 0; i < 8; ++i) count = count << 8 | static_cast<unsigned char>(state[i]);
    hash = state.substr(8);
  }
  std::string shown() const { return to_hex(hash.substr(0, 6)); }
};

class Node {
 public:
  Node(NodeId id, const std::string& folder) : id_(id) {
    WalSettings settings;
    settings.directory = folder + "/wal";
    settings.snapshot_directory = folder + "/snap";
    settings.segment_bytes_max = 256 << 10;
    auto opened = Wal::open(os::posix_disk(), settings, id);
    if (!opened) stop(to_string(opened.error()));
    wal_ = std::move(*opened);
    restart_ = wal_->take_restart();
    fresh_ = restart_.hard_state.empty() && restart_.snapshot.empty() && restart_.entries.empty();
    if (restart_.snapshot.data) take_state(restart_.snapshot);
  }

  int run() {
    say("listening {}", sockets_.port());
    std::fflush(stdout);
    while (sockets_.turn([this](std::string bytes) { frame(std::move(bytes)); },
                         [this](const std::string& line) { command(line); })) {
      work();
      std::fflush(stdout);
    }
    return 0;
  }

 private:
  void take_state(const Snapshot& snapshot) {
    machine_.load(*snapshot.data);
    applied_ = snapshot.index;
    members_ = snapshot.membership;
  }

  void frame(std::string bytes) {
    auto message = decode_message(bytes);
    if (!message) stop(to_string(message.error()));
    if (core_ && !cut_.contains(message->from)) (void)core_->step(std::move(*message));
  }

  void start(const std::vector<NodeId>& members) {
    Config config;
    config.id = id_;
    config.message_bytes_max = 64 << 10;
    config.inflight_messages_max = 16;
    config.random = &os::system_random();
    core_ = std::make_unique<Core>(config, std::move(restart_));
    if (fresh_ && !members.empty()) check(core_->bootstrap(members));
  }

  void work() {
    while (core_) {
      while (todo_ > 0 && flying_ < kWindow && core_->soft_state().role == Role::kLeader) {
        auto text = std::make_shared<const Bytes>(fmt::format("{} {} {}", prefix_, made_, std::string(100, 'x')));
        if (!core_->propose(std::move(text))) break;
        --todo_, ++made_, ++flying_;
      }
      if (const auto broken = core_->broken()) stop(*broken);
      if (!core_->has_ready()) return;
      Ready ready = core_->ready();
      if (ready.snapshot) {
        check(wal_->save_snapshot(*ready.snapshot));
        take_state(*ready.snapshot);
        say("installed {}", applied_);
      }
      if (!ready.entries.empty() || ready.hard_state) check(wal_->save(ready.entries, ready.hard_state, ready.must_sync));
      if (ready.soft_state) {
        if (ready.soft_state->role != Role::kLeader) todo_ = flying_ = 0;
        say("role {} {} {}", name_of(ready.soft_state->role), ready.soft_state->leader, core_->hard_state().term);
      }
      for (const Entry& entry : ready.committed) apply(entry);
      core_->advance();
      for (Message& message : ready.messages) send(message);
    }
  }

  void send(Message& message) {
    const NodeId to = message.to;
    const bool snapshot = message.type == Type::kSnapshot;
    if (snapshot) message.snapshot->membership = members_;
    const bool sent = !cut_.contains(to) && sockets_.send(to, encode(message));
    if (!sent) core_->report_unreachable(to);
    if (snapshot) core_->report_snapshot(to, sent);
  }

  void apply(const Entry& entry) {
    applied_ = entry.index;
    if (entry.kind == Entry::Kind::kChange) {
      const auto change = decode_change(*entry.data);
      if (!change) stop(to_string(change.error()));
      members_ = core_->apply(*change);
      say("members {}", fmt::join(members_.voters, ","));
    } else if (entry.data_bytes() > 0) {
      machine_.apply(*entry.data);
      if (entry.data->starts_with(prefix_ + " ") && flying_ > 0) --flying_;
    }
    if (entry.index % 50 == 0 || flying_ == 0) say("applied {} {} {}", applied_, machine_.count, machine_.shown());
  }

  void compact() {
    if (core_->log().snapshot().index >= applied_) return;
    const Snapshot own{members_, applied_, *core_->log().term(applied_), std::make_shared<const Bytes>(machine_.save())};
    check(wal_->save_snapshot(own));
    core_->set_snapshot(own);
    core_->compact(applied_);
  }

  void command(const std::string& line) {
    std::istringstream words(line);
    std::string name, text;
    words >> name;
    const auto number = [&] {
      uint64_t value = 0;
      words >> value;
      return value;
    };
    if (name == "peer") {
      const NodeId peer = number();
      sockets_.set_peer(peer, static_cast<uint16_t>(number()));
    } else if (name == "start") {
      std::vector<NodeId> members;
      for (words >> text; !text.empty(); text.erase(0, std::min(text.find(','), text.size() - 1) + 1)) {
        members.push_back(std::stoul(text));
      }
      start(members);
    } else if (name == "join") {
      start({});
    } else if (name == "tick") {
      core_->tick();
      say("ticked");
    } else if (name == "campaign") {
      core_->campaign();
    } else if (name == "propose") {
      todo_ = static_cast<int>(number());
      flying_ = 0;
      words >> prefix_;
    } else if (name == "add" || name == "remove") {
      Change change;
      change.kind = name == "add" ? Change::Kind::kAdd : Change::Kind::kRemove;
      change.node = number();
      if (auto proposed = core_->propose_change(change); !proposed) say("refused {}", proposed.error().message);
    } else if (name == "transfer") {
      core_->transfer_leadership(number());
    } else if (name == "compact") {
      compact();
    } else if (name == "cut") {
      cut_.clear();
      for (NodeId id; words >> id;) cut_.insert(id);
    } else if (name == "state") {
      const auto soft = core_->soft_state();
      say("state {} {} {} {} {} {}", name_of(soft.role), soft.leader, core_->hard_state().term, applied_, machine_.count,
          machine_.shown());
    } else {
      stop("unknown command " + line);
    }
    work();
  }

  const NodeId id_;
  test::Sockets sockets_;
  std::unique_ptr<Wal> wal_;
  Restart restart_;
  bool fresh_ = false;
  std::unique_ptr<Core> core_;
  Machine machine_;
  Index applied_ = 0;
  Membership members_;
  std::set<NodeId> cut_;
  int todo_ = 0, made_ = 0, flying_ = 0;
  std::string prefix_;
};

}  // namespace
}  // namespace selvage::order::raft

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return selvage::order::raft::Node(std::strtoull(argv[1], nullptr, 10), argv[2]).run();
}
