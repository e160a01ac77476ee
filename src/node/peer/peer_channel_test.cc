#include "node/peer/peer_channel.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "kit/channels.h"
#include "kit/faulty_disk.h"
#include "ledger/ledger.h"
#include "node/peer/collection_membership.h"
#include "ops/prometheus.h"
#include "orderer/ab.pb.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "rpc/server.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"
#include "wire/signer.h"

namespace selvage::node {
namespace {

using namespace std::chrono_literals;

// An orderer that sends the blocks it is given, to as many readers as come.
class FakeOrderer {
 public:
  FakeOrderer() : server_(settings()) {
    server_.add_blocking_stream("/orderer.AtomicBroadcast/Deliver", [this](rpc::BlockingStream& stream) {
      return serve(stream);
    });
    EXPECT_TRUE(server_.start());
  }
  ~FakeOrderer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    server_.stop();
  }
  [[nodiscard]] std::string address() const { return server_.address(); }
  void add(const ::common::Block& block) {
    std::lock_guard lock(mutex_);
    blocks_.push_back(block);
    changed_.notify_all();
  }
  // The next time that this block is asked for, this one is sent in its place.
  void spoil_once(const ::common::Block& block) {
    std::lock_guard lock(mutex_);
    spoiled_ = block;
  }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  static rpc::ServerSettings settings() {
    rpc::ServerSettings settings;
    settings.listen_address = "127.0.0.1:0";
    return settings;
  }
  rpc::Status serve(rpc::BlockingStream& stream) {
    Bytes request;
    if (!stream.read(&request)) return {};
    ++requests_;
    ::common::Envelope envelope;
    ::orderer::SeekInfo seek;
    envelope.ParseFromString(request);
    if (!wire::open_envelope_of(envelope, ::common::DELIVER_SEEK_INFO, seek)) return {};
    for (uint64_t number = seek.start().specified().number();; ++number) {
      ::orderer::DeliverResponse response;
      {
        std::unique_lock lock(mutex_);
        while (!stopping_ && number >= blocks_.size()) {
          changed_.wait_for(lock, 20ms);
          if (stream.call().cancelled()) return {};
        }
        if (stopping_) return {};
        *response.mutable_block() = blocks_[number];
        if (spoiled_ && spoiled_->header().number() == number) {
          *response.mutable_block() = *spoiled_;
          spoiled_.reset();
        }
      }
      if (!stream.write(wire::marshal(response))) return {};
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<::common::Block> blocks_;
  std::optional<::common::Block> spoiled_;
  bool stopping_ = false;
  std::atomic<int> requests_ = 0;
  rpc::Server server_;
};

test::ChannelOptions options_with(const std::string& endpoint) {
  test::ChannelOptions options;
  options.orderer_endpoint = endpoint;
  return options;
}

// A peer of Org1 on a channel whose orderer is right here.
class Following : public testing::Test {
 protected:
  Following() : kit(options_with(orderer.address())) {
    std::string name = (std::filesystem::temp_directory_path() / "selvage-node-XXXXXX").string();
    root = ::mkdtemp(name.data());
    ledger::LedgerSet::Settings settings;
    settings.root = root;
    set = std::move(*ledger::LedgerSet::open(disk, settings, metrics::disabled()));
    const ::common::Block genesis = kit.genesis_block();
    orderer.add(genesis);
    last_hash = wire::header_hash(genesis.header());
    PeerChannel::Events events;
    events.config_changed = [this](const channel::BundlePtr& bundle) { sequence = bundle->sequence(); };
    events.failed = [this](const std::string&, const Error& error) {
      std::lock_guard lock(mutex);
      failure = error;
      failed.notify_all();
    };
    channel = *PeerChannel::make({}, {*set->create(genesis), membership, metrics::disabled(), validate::sequential()},
                                 std::move(events));
  }
  ~Following() override {
    channel.reset();
    set.reset();
    std::filesystem::remove_all(root);
  }
  void start() {
    deliver::PullSettings pull;
    pull.dial.tls = false;
    pull.pause_first = 10ms;
    channel->start(std::move(pull), wire::signer_of(kit.org(0).peer()), os::system_clock(), os::system_random());
  }
  // A transaction that is well formed enough to be in a block; validation gives it some code.
  Bytes make_transaction() {
    ::common::LastConfig body;
    body.set_index(++made);
    auto envelope = wire::make_signed_envelope(::common::MESSAGE, kit.id(), wire::signer_of(kit.org(0).client()), body,
                                               os::system_clock().now(), os::system_random());
    return wire::marshal(*envelope);
  }
  ::common::Block next_block(std::vector<Bytes> transactions) {
    ::common::Block block = kit.block(++last_number, last_hash, std::move(transactions), true);
    last_hash = wire::header_hash(block.header());
    return block;
  }
  [[nodiscard]] bool reaches(uint64_t height) const {
    return channel->shared_ledger()->blocks().wait_for(height - 1, {}, std::chrono::steady_clock::now() + 20s);
  }

  FakeOrderer orderer;
  test::Channel kit;
  std::string root;
  test::FaultyDisk disk;
  CollectionMembership membership{"Org1MSP"};
  std::unique_ptr<ledger::LedgerSet> set;
  std::shared_ptr<PeerChannel> channel;
  Bytes last_hash;
  uint64_t last_number = 0;
  uint64_t made = 0;
  std::atomic<uint64_t> sequence = 99;
  std::mutex mutex;
  std::condition_variable failed;
  std::optional<Error> failure;
};

TEST_F(Following, CommitsWhatTheOrdererSends) {
  EXPECT_EQ(sequence, 0u);
  for (int i = 0; i < 20; ++i) orderer.add(next_block({make_transaction(), make_transaction()}));
  start();
  ASSERT_TRUE(reaches(21));
  EXPECT_EQ(channel->height(), 21u);
  EXPECT_EQ((*channel->block(7))->header().number(), 7u);
  EXPECT_FALSE(channel->shared_ledger()->commit_hash().empty());
  orderer.add(next_block({make_transaction()}));
  EXPECT_TRUE(reaches(22));
}

TEST_F(Following, TakesOverAConfigurationBeforeReadersAreWoken) {
  std::atomic<uint64_t> seen = 0;
  const auto subscription = channel->subscribe([&] { seen = channel->bundle()->sequence(); });
  start();
  ::common::Config changed = kit.config();
  auto& groups = *changed.mutable_channel_group()->mutable_groups();
  auto& org = (*groups["Application"].mutable_groups())["Org1"];
  auto& endorsement = *(*org.mutable_policies())["Endorsement"].mutable_policy();
  endorsement = (*org.mutable_policies())["Admins"].policy();
  const auto envelope = kit.config_envelope(kit.signed_update(changed, {&kit.org(0).admin()}));
  orderer.add(next_block({wire::marshal(envelope)}));
  ASSERT_TRUE(reaches(2));
  orderer.add(next_block({make_transaction()}));
  ASSERT_TRUE(reaches(3));
  EXPECT_EQ(channel->bundle()->sequence(), 1u);
  EXPECT_EQ(sequence, 1u);
  channel->stop();
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ((*channel->shared_ledger()->last_config_block())->header().number(), 1u);
}

TEST_F(Following, DoesNotCommitABlockThatTheOrdererDidNotSign) {
  ::common::Block good = next_block({make_transaction()});
  ::common::Block forged = good;
  forged.mutable_data()->set_data(0, make_transaction());
  orderer.spoil_once(forged);
  orderer.add(good);
  start();
  ASSERT_TRUE(reaches(2));
  EXPECT_EQ((*channel->block(1))->data().data(0), good.data().data(0));
  EXPECT_EQ(orderer.requests(), 2);
}

TEST_F(Following, StopsAndSaysSoWhenTheDiskFails) {
  disk.fail_after(0, test::FaultyDisk::Fault::kNoSpace);
  orderer.add(next_block({make_transaction()}));
  start();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(failed.wait_for(lock, 20s, [&] { return failure.has_value(); }));
  EXPECT_EQ(failure->code, Code::kResourceExhausted);
  lock.unlock();
  EXPECT_EQ(channel->height(), 1u);
  channel->stop();
}

TEST_F(Following, GoesOnAfterARestartWhereItWas) {
  for (int i = 0; i < 3; ++i) orderer.add(next_block({make_transaction()}));
  start();
  ASSERT_TRUE(reaches(4));
  channel.reset();
  channel = *PeerChannel::make({}, {set->find(kit.id()), membership, metrics::disabled(), validate::sequential()}, {});
  orderer.add(next_block({make_transaction()}));
  start();
  EXPECT_TRUE(reaches(5));
}

// A listener that takes connections and never says a word.
class SilentOrderer {
 public:
  SilentOrderer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 5), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentOrderer() { ::close(socket_); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // The first connection, to be closed by the caller.
  [[nodiscard]] int wait_for_connection() { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }

 private:
  int socket_;
  uint16_t port_ = 0;
};

TEST_F(Following, StopsAtOnceWhenTheOrdererDoesNotAnswer) {
  SilentOrderer silent;
  test::Channel elsewhere(options_with(silent.address()));
  ledger::LedgerSet::Settings settings;
  settings.root = root + "/other";
  std::filesystem::create_directories(settings.root);
  auto others = std::move(*ledger::LedgerSet::open(disk, settings, metrics::disabled()));
  channel = *PeerChannel::make({}, {*others->create(elsewhere.genesis_block()), membership, metrics::disabled(),
                                    validate::sequential()}, {});
  start();
  const int connection = silent.wait_for_connection();
  const auto begun = std::chrono::steady_clock::now();
  channel->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s) << "less than the 3 s that connecting may take";
  ::close(connection);
  channel.reset();
}

TEST_F(Following, TellsHowLongTheStepsOfABlockTake) {
  ops::Prometheus registry;
  channel.reset();
  channel = *PeerChannel::make({}, {set->find(kit.id()), membership, registry, validate::sequential()}, {});
  orderer.add(next_block({make_transaction()}));
  start();
  ASSERT_TRUE(reaches(2));
  channel->stop();
  const std::string text = registry.text();
  for (const char* name : {"gossip_state_commit_duration", "gossip_privdata_validation_duration",
                           "gossip_privdata_list_missing_duration", "gossip_privdata_commit_block_duration",
                           "gossip_privdata_purge_duration"}) {
    EXPECT_NE(text.find(std::string(name) + "_count{channel=\"" + kit.id() + "\"} 1"), std::string::npos) << name;
  }
  EXPECT_NE(text.find("gossip_payload_buffer_size{channel=\"" + kit.id() + "\"} 0"), std::string::npos);
}

}  // namespace
}  // namespace selvage::node
