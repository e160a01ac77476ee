// Plays the scenarios that etcd's raft library ships with its sources and compares every line of output. The files are
// read where Go's module cache has them; without it the tests are skipped.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "order/raft/codec.h"
#include "order/raft/core.h"

namespace selvage::order::raft {
namespace {

std::string module_cache() {
  std::string path;
  if (FILE* pipe = popen("go env GOMODCACHE 2>/dev/null", "r")) {
    std::array<char, 4096> buffer{};
    while (fgets(buffer.data(), buffer.size(), pipe) != nullptr) path += buffer.data();
    pclose(pipe);
  }
  while (!path.empty() && path.back() == '\n') path.pop_back();
  if (const char* home = std::getenv("HOME"); path.empty() && home != nullptr) path = std::string(home) + "/go/pkg/mod";
  return path;
}

std::string testdata() { return module_cache() + "/go.etcd.io/raft/v3@v3.6.0/testdata/"; }

const char* name_of(Role role) {
  static constexpr const char* kNames[] = {"StateFollower", "StateCandidate", "StateLeader", "StatePreCandidate"};
  return kNames[static_cast<int>(role)];
}

std::string text_of(const Payload& data) {
  std::string quoted = "\"";
  for (char c : data ? *data : Bytes()) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  return quoted + "\"";
}

std::string describe(const Entry& entry) {
  if (entry.kind == Entry::Kind::kNormal) {
    return fmt::format("{}/{} EntryNormal {}", entry.term, entry.index, text_of(entry.data));
  }
  const auto change = decode_change(entry.data ? BytesView(*entry.data) : BytesView());
  return fmt::format("{}/{} EntryConfChange {}{}", entry.term, entry.index,
                     change->kind == Change::Kind::kAdd ? "v" : "r", change->node);
}

std::string describe(const std::vector<NodeId>& ids) {
  std::string text;
  for (NodeId id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return "[" + text + "]";
}

std::string describe(const Snapshot& snapshot) {
  return fmt::format("Index:{} Term:{} ConfState:Voters:{} VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false",
                     snapshot.index, snapshot.term, describe(snapshot.membership.voters));
}

std::string describe(const Message& m) {
  std::string text = fmt::format("{:x}->{:x} {} Term:{} Log:{}/{}", m.from, m.to, raft::name_of(m.type), m.term,
                                 m.log_term, m.index);
  if (m.reject) text += fmt::format(" Rejected (Hint: {})", m.reject_hint);
  if (m.commit != 0) text += fmt::format(" Commit:{}", m.commit);
  if (m.entries.size() == 1) {
    text += " Entries:[" + describe(m.entries[0]) + "]";
  } else if (m.entries.size() > 1) {
    text += " Entries:[";
    for (const Entry& entry : m.entries) text += "\n  " + describe(entry);
    text += "\n]";
  }
  if (m.snapshot && !m.snapshot->empty()) text += "\n  Snapshot: " + describe(*m.snapshot);
  return text;
}

std::string describe(const Ready& ready) {
  std::string text;
  if (ready.soft_state) text += fmt::format("Lead:{} State:{}\n", ready.soft_state->leader, name_of(ready.soft_state->role));
  if (ready.hard_state) {
    text += fmt::format("HardState Term:{}", ready.hard_state->term);
    if (ready.hard_state->vote != 0) text += fmt::format(" Vote:{}", ready.hard_state->vote);
    text += fmt::format(" Commit:{}\n", ready.hard_state->commit);
  }
  if (!ready.entries.empty()) text += "Entries:\n";
  for (const Entry& entry : ready.entries) text += describe(entry) + "\n";
  if (ready.snapshot) text += "Snapshot " + describe(*ready.snapshot) + "\n";
  if (!ready.committed.empty()) text += "CommittedEntries:\n";
  for (const Entry& entry : ready.committed) text += describe(entry) + "\n";
  if (!ready.messages.empty()) text += "Messages:\n";
  for (const Message& message : ready.messages) text += describe(message) + "\n";
  return text.empty() ? "<empty Ready>" : fmt::format("Ready MustSync={}:\n", ready.must_sync) + text;
}

struct Command {
  std::string name;
  std::vector<std::pair<std::string, std::vector<std::string>>> arguments;
  std::string input, expected, place;

  std::vector<size_t> nodes() const {
    std::vector<size_t> found;
    for (const auto& [key, values] : arguments) {
      const bool number = key.find_first_not_of("0123456789") == std::string::npos;
      if (values.empty() && number) found.push_back(std::stoul(key) - 1);
    }
    return found;
  }
  std::string value(const std::string& key) const {
    for (const auto& [name_of_value, values] : arguments) {
      if (name_of_value == key && !values.empty()) return values[0];
    }
    return "";
  }
};

std::vector<Command> parse_file(const std::string& path) {
  std::ifstream file(path);
  std::vector<Command> commands;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    Command command;
    command.place = path + ":" + std::to_string(number);
    std::istringstream words(line);
    words >> command.name;
    for (std::string word; words >> word;) {
      while (word.find('(') != std::string::npos && word.find(')') == std::string::npos) {
        std::string more;
        words >> more;
        word += "," + more;
      }
      std::vector<std::string> values;
      const size_t equals = word.find('=');
      if (equals != std::string::npos) {
        std::string list = word.substr(equals + 1);
        if (!list.empty() && list.front() == '(') list = list.substr(1, list.size() - 2);
        std::istringstream items(list);
        for (std::string item; std::getline(items, item, ',');) {
          if (!item.empty()) values.push_back(item);
        }
      }
      command.arguments.emplace_back(word.substr(0, equals), values);
    }
    while (std::getline(file, line) && line != "----") {
      ++number;
      command.input += line + "\n";
    }
    ++number;
    while (std::getline(file, line) && !line.empty()) {
      ++number;
      command.expected += line + "\n";
    }
    ++number;
    commands.push_back(std::move(command));
  }
  return commands;
}

class Stage {
 public:
  std::string run(const Command& c) {
    out_.clear();
    if (c.name == "log-level") {
      set_level(c.arguments[0].first);
    } else if (c.name == "add-nodes") {
      add_nodes(c);
    } else if (c.name == "campaign") {
      node(c.nodes()[0]).campaign();
    } else if (c.name == "tick-election") {
      for (int i = 0; i < 3; ++i) node(c.nodes()[0]).tick();
    } else if (c.name == "tick-heartbeat") {
      node(c.nodes()[0]).tick();
    } else if (c.name == "set-randomized-election-timeout") {
      node(c.nodes()[0]).set_election_timeout(std::stoi(c.value("timeout")));
    } else if (c.name == "propose") {
      say(node(c.nodes()[0]).propose(std::make_shared<const Bytes>(c.arguments[1].first)));
    } else if (c.name == "propose-conf-change") {
      Change change;
      change.kind = c.input[0] == 'v' ? Change::Kind::kAdd : Change::Kind::kRemove;
      change.node = std::stoul(c.input.substr(1));
      say(node(c.nodes()[0]).propose_change(change));
    } else if (c.name == "transfer-leadership") {
      node(std::stoul(c.value("from")) - 1).transfer_leadership(std::stoul(c.value("to")));
    } else if (c.name == "report-unreachable") {
      node(c.nodes()[0]).report_unreachable(c.nodes()[1] + 1);
    } else if (c.name == "send-snapshot") {
      Message message;
      message.type = Type::kSnapshot;
      message.term = node(c.nodes()[0]).hard_state().term;
      message.from = c.nodes()[0] + 1;
      message.to = c.nodes()[1] + 1;
      message.snapshot = nodes_[c.nodes()[0]]->history.back();
      write(describe(message));
      in_flight_.push_back(std::move(message));
    } else if (c.name == "compact") {
      node(c.nodes()[0]).compact(c.nodes()[1] + 1);
      raft_log(c.nodes()[0]);
    } else if (c.name == "raft-log") {
      raft_log(c.nodes()[0]);
    } else if (c.name == "raft-state") {
      for (auto& n : nodes_) {
        const bool voter = n->core->progress().contains(n->core->id());
        // A node that does not lead knows its peers no less.
        write(fmt::format("{}: {} ({}) Term:{} Lead:{}\n", n->core->id(), name_of(n->core->soft_state().role),
                          voter ? "Voter" : "Non-Voter", n->core->hard_state().term, n->core->soft_state().leader));
      }
    } else if (c.name == "status") {
      if (node(c.nodes()[0]).soft_state().role == Role::kLeader) {
        for (const auto& [id, progress] : node(c.nodes()[0]).progress()) {
          write(fmt::format("{}: {}\n", id, progress.describe()));
        }
      }
    } else if (c.name == "process-ready") {
      const auto which = c.nodes();
      for (size_t index : which) {
        if (which.size() > 1) {
          write(fmt::format("> {} handling Ready\n", index + 1));
          indented([&] { process_ready(index); });
        } else {
          process_ready(index);
        }
      }
    } else if (c.name == "deliver-msgs") {
      deliver(c);
    } else if (c.name == "stabilize") {
      const std::string before = level_;
      if (const std::string level = c.value("log-level"); !level.empty()) set_level(level);
      stabilize(c.nodes());
      level_ = before;
    } else {
      ADD_FAILURE() << "unknown command " << c.name;
    }
    if (out_.empty()) return "ok\n";
    return out_.back() == '\n' ? out_ : out_ + "\n";
  }

 private:
  struct Node {
    std::unique_ptr<Core> core;
    std::vector<Snapshot> history;
  };

  Core& node(size_t index) { return *nodes_.at(index)->core; }
  bool quiet() const { return level_ == "none"; }
  void write(const std::string& text) {
    if (!quiet()) out_ += text;
  }
  void say(const Status& status) {
    if (!status) out_ += status.error().message;
  }
  void set_level(std::string name) {
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    level_ = name;
  }
  void remark(log::Level level, const std::string& text) {
    static const std::map<std::string, int> kLevels = {{"debug", -1}, {"info", 0}, {"warn", 1}, {"error", 2}, {"none", 9}};
    if (static_cast<int>(level) < kLevels.at(level_)) return;
    static const std::map<log::Level, const char*> kNames = {
        {log::Level::kDebug, "DEBUG"}, {log::Level::kInfo, "INFO"}, {log::Level::kWarn, "WARN"}, {log::Level::kError, "ERROR"}};
    out_ += fmt::format("{} {}\n", kNames.at(level), text);
  }
  template <class Fn>
  void indented(Fn fn) {
    std::string before = std::exchange(out_, "");
    fn();
    std::istringstream lines(out_);
    for (std::string line; std::getline(lines, line);) before += "  " + line + "\n";
    out_ = std::move(before);
  }

  void add_nodes(const Command& c) {
    Snapshot snapshot;
    Config config;
    config.election_ticks = 3;
    config.heartbeat_ticks = 1;
    config.message_bytes_max = SIZE_MAX;
    config.inflight_messages_max = INT32_MAX;
    config.pre_vote = c.value("prevote") == "true";
    config.check_quorum = c.value("checkquorum") == "true";
    config.step_down_on_removal = c.value("step-down-on-removal") == "true";
    config.remark = [this](log::Level level, const std::string& text) { remark(level, text); };
    for (const auto& [key, values] : c.arguments) {
      if (key == "voters") {
        for (const std::string& id : values) snapshot.membership.voters.push_back(std::stoul(id));
      }
    }
    if (!c.value("inflight").empty()) config.inflight_messages_max = std::stoul(c.value("inflight"));
    if (!c.value("index").empty()) {
      snapshot.index = std::stoul(c.value("index"));
      snapshot.term = 1;
    }
    for (size_t count = std::stoul(c.arguments[0].first); count > 0; --count) {
      auto made = std::make_unique<Node>();
      config.id = nodes_.size() + 1;
      Restart restart;
      restart.snapshot = snapshot;
      restart.hard_state.commit = 0;
      restart.applied = snapshot.index;
      made->history.push_back(snapshot);
      made->core = std::make_unique<Core>(config, std::move(restart));
      nodes_.push_back(std::move(made));
    }
  }

  void raft_log(size_t index) {
    const Log& log = node(index).log();
    const auto entries = log.slice(log.first(), log.stable() + 1, SIZE_MAX);
    if (entries->empty()) {
      write(fmt::format("log is empty: first index={}, last index={}", log.first(), log.stable()));
    }
    for (const Entry& entry : *entries) write(describe(entry) + "\n");
  }

  void process_ready(size_t index) {
    Node& n = *nodes_[index];
    Ready ready = n.core->ready();
    write(describe(ready));
    for (const Entry& entry : ready.committed) {
      Snapshot next = n.history.back();
      next.index = entry.index;
      next.term = entry.term;
      if (entry.kind == Entry::Kind::kChange) next.membership = n.core->apply(*decode_change(*entry.data));
      n.history.push_back(std::move(next));
    }
    for (Message& message : ready.messages) in_flight_.push_back(std::move(message));
    n.core->advance();
    n.core->set_snapshot(n.history.back());
  }

  std::vector<Message> take(NodeId to, bool drop, const std::optional<std::string>& type) {
    std::vector<Message> taken, rest;
    for (Message& message : in_flight_) {
      const bool own = drop && message.from == message.to;  // what a node tells itself is never lost
      const bool wanted = message.to == to && !own && (!type || *type == raft::name_of(message.type));
      (wanted ? taken : rest).push_back(std::move(message));
    }
    in_flight_ = std::move(rest);
    return taken;
  }
  size_t deliver_to(NodeId to, bool drop, const std::optional<std::string>& type) {
    auto messages = take(to, drop, type);
    for (Message& message : messages) {
      write((drop ? "dropped: " : "") + describe(message) + "\n");
      if (drop) continue;
      if (auto stepped = node(to - 1).step(message); !stepped) write(stepped.error().message + "\n");
    }
    return messages.size();
  }
  void deliver(const Command& c) {
    std::optional<std::string> type;
    if (!c.value("type").empty()) type = c.value("type");
    size_t count = 0;
    for (const auto& [key, values] : c.arguments) {
      if (values.empty()) count += deliver_to(std::stoul(key), false, type);
      if (key == "drop") {
        for (const std::string& id : values) count += deliver_to(std::stoul(id), true, type);
      }
    }
    if (count == 0) write("no messages\n");
  }
  void stabilize(std::vector<size_t> which) {
    if (which.empty()) {
      for (size_t i = 0; i < nodes_.size(); ++i) which.push_back(i);
    }
    for (bool done = false; !done;) {
      done = true;
      for (size_t index : which) {
        if (!node(index).has_ready()) continue;
        write(fmt::format("> {} handling Ready\n", index + 1));
        indented([&] { process_ready(index); });
        done = false;
      }
      for (size_t index : which) {
        const bool waiting = std::any_of(in_flight_.begin(), in_flight_.end(),
                                         [&](const Message& message) { return message.to == index + 1; });
        if (!waiting) continue;
        write(fmt::format("> {} receiving messages\n", index + 1));
        indented([&] { deliver_to(index + 1, false, std::nullopt); });
        done = false;
      }
    }
  }

  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Message> in_flight_;
  std::string out_;
  std::string level_ = "debug";
};

// Which of etcd's files run, and why the others do not: test/interop/raft/README.md.
struct Scenario {
  const char* file;
  const char* until = "";  // the first command that is of something that is not here; empty: the whole file
};

class RaftScenario : public testing::TestWithParam<Scenario> {};

// One node added or removed at once is the same change in both of etcd's encodings; Fabric and we write the first.
std::string in_first_encoding(std::string text) {
  static const std::string kSecond = "EntryConfChangeV2";
  for (size_t at = text.find(kSecond); at != std::string::npos; at = text.find(kSecond))
    text.erase(at + kSecond.size() - 2, 2);
  return text;
}

TEST_P(RaftScenario, SaysWhatEtcdSays) {
  const std::string path = testdata() + GetParam().file + ".txt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  Stage stage;
  size_t played = 0;
  for (const Command& command : parse_file(path)) {
    if (command.name == GetParam().until) break;
    ASSERT_EQ(stage.run(command), in_first_encoding(command.expected)) << command.place << ": " << command.name;
    ++played;
  }
  EXPECT_GT(played, 3u);
}

// The random scripts of test/interop/raft, whose expected output Go has just written.
TEST(RaftScripts, SayWhatEtcdSays) {
  const char* folder = std::getenv("SELVAGE_RAFT_SCRIPTS");
  if (folder == nullptr) GTEST_SKIP() << "test/interop/raft/run makes the scripts";
  size_t played = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    Stage stage;
    ++played;
    for (const Command& command : parse_file(file.path())) {
      const std::string said = stage.run(command);
      EXPECT_EQ(said, command.expected) << command.place << ": " << command.name;
      if (said != command.expected) break;
    }
  }
  EXPECT_GT(played, 0u);
  RecordProperty("scripts", static_cast<int>(played));
}

INSTANTIATE_TEST_SUITE_P(
    Etcd, RaftScenario,
    testing::Values(Scenario{"campaign"}, Scenario{"checkquorum"}, Scenario{"confchange_v1_add_single"},
                    Scenario{"confchange_v1_remove_leader"}, Scenario{"confchange_v1_remove_leader_stepdown"},
                    Scenario{"confchange_v2_add_single_auto"},
                    Scenario{"forget_leader_prevote_checkquorum", "forget-leader"},
                    Scenario{"heartbeat_resp_recovers_from_probing"}, Scenario{"lagging_commit"}, Scenario{"prevote"},
                    Scenario{"prevote_checkquorum"}, Scenario{"probe_and_replicate"}, Scenario{"replicate_pause"},
                    Scenario{"single_node"}, Scenario{"slow_follower_after_compaction"},
                    Scenario{"snapshot_succeed_via_app_resp"}, Scenario{"snapshot_succeed_via_app_resp_behind"}),
    [](const auto& info) { return std::string(info.param.file); });

}  // namespace
}  // namespace selvage::order::raft
