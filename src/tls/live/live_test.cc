// What a process has loaded, how it is renewed from its files, and when its ends are told.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "kit/handshakes.h"
#include "tls/files_service.h"
#include "tls/live/pair_check.h"
#include "tls/live/start_notes.h"
#include "tls/live/upkeep_worker.h"

namespace selvage::tls {
namespace {

using namespace std::chrono_literals;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/live_test_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() {
    for (const auto& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }
  std::string write(const std::string& name, const std::string& text) {
    std::string file = path_ + "/" + name;
    std::ofstream(file + ".new", std::ios::binary) << text;
    ::rename((file + ".new").c_str(), file.c_str());
    files_.push_back(file);
    return file;
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

// A server pair and a root file on disk, loaded and registered.
struct Node {
  Node() {
    put(first);
    CredentialFiles files{folder.write("server.crt", first.chain_pem()), {"CORE_PEER_TLS_CERT_FILE", "", 0},
                          folder.write("server.key", first.key_pem()), {"CORE_PEER_TLS_KEY_FILE", "", 0}};
    store = std::make_shared<CredentialStore>(*load_credentials(files));
    std::string roots = folder.write("ca.crt", ca.pem());
    registry.add_pair({.role = "server TLS", .store = store, .as_server = true, .as_client = true,
                       .hosts = {"peer0.org1", "127.0.0.1"}, .hosts_of_many = false, .trusted_by = pool, .judge = {}});
    registry.add_pool({.name = "PeerServer", .of_clients = true, .store = pool});
    registry.add_root_files({pool, "files", {roots}, [roots] { return load_roots(roots, {"CORE_PEER_TLS_CLIENTROOTCAS_FILES", "", 0}); }});
    pool->set_source("files", *load_roots(roots, {"CORE_PEER_TLS_CLIENTROOTCAS_FILES", "", 0}));
  }
  void put(const test::Identity& identity) {
    folder.write("server.crt", identity.chain_pem());
    folder.write("server.key", identity.key_pem());
  }
  // What is said of the pair by a look at its files.
  Reloaded reload() {
    for (auto& one : upkeep.reload()) {
      if (one.what.starts_with("server TLS")) return one;
    }
    return {};
  }

  Folder folder;
  test::Authority ca{"tlsca.org1"};
  test::Identity first = ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"});
  std::shared_ptr<CredentialStore> store;
  std::shared_ptr<TrustStore> pool = std::make_shared<TrustStore>();
  Registry registry;
  test::StillClock clock;
  Upkeep upkeep{registry, clock, metrics::disabled(), {}};
};

TEST(Upkeep, TakesANewPairFromItsFiles) {
  Node node;
  EXPECT_EQ(node.reload().outcome, Reloaded::Outcome::kUnchanged);
  test::Identity next = node.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"});
  node.put(next);
  Reloaded said = node.reload();
  EXPECT_EQ(said.outcome, Reloaded::Outcome::kTaken) << said.reason;
  EXPECT_EQ(node.store->current()->leaf(), next.certificate);
}

// An Upkeep that looks every few milliseconds, once it was started.
class Watching {
 public:
  explicit Watching(Node& node) : upkeep_(node.registry, node.clock, metrics::disabled(), {.every = 5ms, .logger = "certmonitor"}) {
    upkeep_.on_change([this] {
      std::lock_guard lock(mutex_);
      changed_ = true;
      wake_.notify_all();
    });
  }
  Upkeep* operator->() { return &upkeep_; }
  bool sees_a_change() {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, 20s, [&] { return changed_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool changed_ = false;
  Upkeep upkeep_;  // last: its thread ends first
};

TEST(Upkeep, NoticesByItselfThatFilesChanged) {
  Node node;
  Watching quick(node);
  quick->start();
  test::Identity next = node.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"});
  node.put(next);
  EXPECT_TRUE(quick.sees_a_change());
  EXPECT_EQ(node.store->current()->leaf(), next.certificate);
}

// A CA whose clock is ahead of ours: the pair is told as refused, and taken without another change once it is valid.
TEST(Upkeep, TakesAPairThatWasNotValidYetWhenItIs) {
  Node node;
  Watching quick(node);
  const test::Identity next =
      node.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"}, [](auto& r) { r.not_before = test::kGoodNow + 10s; });
  node.put(next);
  const auto refused = [](const Reloaded& one) { return one.outcome == Reloaded::Outcome::kRefused; };
  const auto said = quick->reload();
  EXPECT_EQ(std::count_if(said.begin(), said.end(), refused), 1);
  node.clock.set(to_system_time(test::kGoodNow + 10s));
  quick->start();
  EXPECT_TRUE(quick.sees_a_change());
  EXPECT_EQ(node.store->current()->leaf(), next.certificate);
}

// What makes a new pair worse than the old one, and a word of the reason.
struct Worse {
  const char* name;
  std::function<test::Identity(Node&)> next;
  const char* reason;
};

class RefusedPair : public testing::TestWithParam<Worse> {};

TEST_P(RefusedPair, StaysOutAndSaysWhy) {
  Node node;
  node.put(GetParam().next(node));
  Reloaded said = node.reload();
  EXPECT_EQ(said.outcome, Reloaded::Outcome::kRefused);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, GetParam().reason, said.reason);
  EXPECT_EQ(node.store->current()->leaf(), node.first.certificate);
}

INSTANTIATE_TEST_SUITE_P(
    Pairs, RefusedPair,
    testing::Values(
        Worse{"Expired",
              [](Node& n) { return n.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"}, [](auto& r) { r.not_after = test::kGoodNow - 24h; }); },
              "it has expired on 2026-11-22"},
        Worse{"NotYetValid",
              [](Node& n) { return n.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"}, [](auto& r) { r.not_before = test::kGoodNow + 24h; }); },
              "this host's clock says 2026-11-23"},
        Worse{"WithoutClientAuth",
              [](Node& n) {
                return n.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"},
                                   [](auto& r) { r.extended_key_usages = {std::string(crypto::kServerAuth)}; });
              },
              "it is not for clientAuth"},
        Worse{"WithoutTheNameItIsDialledBy", [](Node& n) { return n.ca.server("peer0.org1", {"peer0.org1"}); },
              "others dial this node as 127.0.0.1"},
        Worse{"FromAnotherCa",
              [](Node&) { return test::Authority("tlsca.org9").server("peer0.org1", {"peer0.org1", "127.0.0.1"}); },
              "issued by CN=tlsca.org9, which is not among the roots"},
        Worse{"WithTheKeyOfAnother",
              [](Node& n) {
                auto good = n.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"});
                return test::Identity{good.certificate, n.first.key, {}};
              },
              "private key does not match public key"}),
    [](const auto& info) { return info.param.name; });

TEST(Upkeep, AsksTheLastWordOverANewPair) {
  Node node;
  Pair pair = node.registry.pairs().front();
  pair.judge = [](const Credentials&, const Credentials&) { return fail(Code::kFailedPrecondition, "channel mychannel names another key"); };
  node.registry.add_pair(pair);
  node.put(node.ca.server("peer0.org1", {"peer0.org1", "127.0.0.1"}));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "channel mychannel names another key", node.reload().reason);
}

TEST(Upkeep, TakesNewRootsAndThenAPairOfTheirs) {
  Node node;
  test::Authority second("tlsca2.org1");
  node.folder.write("ca.crt", node.ca.pem() + second.pem());
  node.put(second.server("peer0.org1", {"peer0.org1", "127.0.0.1"}));
  EXPECT_EQ(node.reload().outcome, Reloaded::Outcome::kTaken);
  EXPECT_EQ(node.pool->current()->roots().size(), 2u);
  node.folder.write("ca.crt", "nothing");
  for (const auto& one : node.upkeep.reload()) {
    EXPECT_EQ(one.outcome, one.what.starts_with("roots") ? Reloaded::Outcome::kRefused : Reloaded::Outcome::kUnchanged);
  }
  EXPECT_EQ(node.pool->current()->roots().size(), 2u) << "what cannot be read changes nothing";
}

TEST(StartNotes, SayBeforehandWhatOthersWillRefuse) {
  Node node;
  EXPECT_TRUE(start_notes(node.registry.pairs(), node.registry.pools()).empty());
  auto texts = [&] {
    std::string all;
    for (const auto& note : start_notes(node.registry.pairs(), node.registry.pools())) all += note.text + "\n";
    return all;
  };
  node.pool->set_source("files", {{test::Authority("ca.org1").certificate(), {}}});
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "TLS-05: the root CN=ca.org1", texts());
  node.pool->set_source("files", {{node.first.certificate, {}}});
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "TLS-11: the root CN=peer0.org1", texts());
  node.pool->set_source("files", {{node.ca.certificate(), {}}});
  Pair pair = node.registry.pairs().front();
  pair.hosts = {"peer0.org1", "10.0.0.7"};
  node.registry.add_pair(pair);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "is not valid for 10.0.0.7", texts());
  const test::Identity below = node.ca.intermediate("ica.org1").server("peer0.org1", {"peer0.org1", "10.0.0.7"});
  pair.store = test::credentials({below.certificate, below.key, {}});
  auto alone = start_notes({pair}, node.registry.pools());
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "TLS-33: the server TLS certificate /etc/fabric/tls/server.crt was issued by CN=ica.org1", alone[0].text);
  pair.store = test::credentials(below);
  EXPECT_TRUE(start_notes({pair}, node.registry.pools()).empty());
}

// Keeps what gauges were set to.
class Gauges final : public metrics::Provider {
 public:
  struct Kept final : metrics::Gauge {
    void set(double v) override { value = v; }
    void add(double) override {}
    double value = 0;
  };
  struct Family final : metrics::Family<metrics::Gauge> {
    metrics::Gauge& with(const metrics::LabelValues& labels) override { return kept[labels]; }
    std::map<metrics::LabelValues, Kept> kept;
  } family;
  metrics::Family<metrics::Counter>& counter(const metrics::Options& options) override { return metrics::disabled().counter(options); }
  metrics::Family<metrics::Gauge>& gauge(const metrics::Options&) override { return family; }
  metrics::Family<metrics::Histogram>& histogram(const metrics::Options& options) override { return metrics::disabled().histogram(options); }
};

TEST(ExpiryWatch, WarnsAtThirtySevenAndOneDayOnceEachAndNamesFileAndRemedy) {
  Node node;
  Gauges gauges;
  ExpiryWatch watch(gauges);
  auto told = [&](std::chrono::sys_seconds now) {
    std::vector<std::string> texts;
    for (const auto& note : watch.look(expiring_of(node.registry), now)) {
      if (note.text.starts_with("The server TLS")) texts.push_back(note.text);
    }
    return texts;
  };
  using std::chrono::days;
  EXPECT_TRUE(told(test::kGoodUntil - days(31)).empty());
  auto first = told(test::kGoodUntil - days(30));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "CORE_PEER_TLS_CERT_FILE: /tmp/live_test_", first[0]);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "expires on 2034-01-01T00:00:00Z, in 30 days and 0 hours", first[0]);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "reenroll", first[0]);
  EXPECT_TRUE(told(test::kGoodUntil - days(20)).empty());
  EXPECT_EQ(told(test::kGoodUntil - days(6)).size(), 1u);
  EXPECT_EQ(told(test::kGoodUntil - 5h).size(), 1u);
  EXPECT_TRUE(told(test::kGoodUntil - 4h).empty());
  EXPECT_EQ(told(test::kGoodUntil + 1h).size(), 1u);
  EXPECT_TRUE(told(test::kGoodUntil + 2h).empty());
  bool found = false;
  for (const auto& [labels, gauge] : gauges.family.kept) {
    if (labels[0] == "server TLS" && labels[1] == node.first.certificate.subject()) {
      found = true;
      EXPECT_EQ(gauge.value, static_cast<double>(test::kGoodUntil.time_since_epoch().count()));
    }
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace selvage::tls
