// The participation API over a registrar whose files are on a faulty disk.
#include "order/participation.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/log.h"
#include "common/configtx.pb.h"
#include "kit/channels.h"
#include "kit/faulty_disk.h"
#include "order/registrar.h"
#include "orderer/configuration.pb.h"
#include "os/system_clock.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

[[maybe_unused]] const bool kQuiet = log::set_spec("fatal").has_value();

// Other orderers that have these blocks.
class Others final : public BlockSource {
 public:
  explicit Others(std::vector<std::shared_ptr<common::Block>> blocks) : blocks_(std::move(blocks)) {}
  Result<uint64_t> newest_height(const channel::Bundle&) override {
    if (blocks_.empty()) return fail(Code::kUnavailable, "nobody answers");
    return blocks_.size();
  }
  Result<common::Block> newest_config(const channel::BundlePtr&) override { return fail(Code::kUnavailable, "nobody"); }
  Status pull(Position from, uint64_t until, const channel::BundlePtr&, const Take& take) override {
    if (until >= blocks_.size()) return fail(Code::kUnavailable, "nobody answers");
    for (uint64_t i = from.next_number; i <= until; ++i) SELVAGE_CHECK(take(blocks_[i]));
    return {};
  }
  void stop() override {}

 private:
  const std::vector<std::shared_ptr<common::Block>> blocks_;
};

class ParticipationTest : public testing::Test {
 protected:
  static test::Channel& channel() {
    static test::Channel made;
    return made;
  }
  Registrar::Parts parts() {
    Registrar::Parts made{*disk_, random_, os::system_clock(), metrics::disabled(),
                          wire::signer_of(channel().orderer().orderer()), channel().consenter_tls().certificate, nullptr,
                          nullptr, nullptr};
    made.make_source = [this](const std::string&) { return std::make_unique<Others>(others_); };
    return made;
  }
  std::unique_ptr<Registrar> open() {
    auto registrar =
        Registrar::open({.ledger_directory = "/data", .wal_directory = "/wal", .snapshot_directory = "/snap"}, parts());
    EXPECT_TRUE(registrar) << to_string(registrar.error());
    if (!registrar) return nullptr;
    (*registrar)->start();
    return std::move(*registrar);
  }
  static ParticipationRequest request(const std::string& method, const std::string& path = "") {
    ParticipationRequest made;
    made.method = method;
    made.path = "/participation/v1/channels" + path;
    return made;
  }
  static ParticipationRequest join_of(const Bytes& block) {
    ParticipationRequest made = request("POST");
    made.content_type = "multipart/form-data; boundary=x";
    made.form = std::vector<ParticipationPart>{{"config-block", true, block}};
    return made;
  }
  static Bytes genesis() {
    static const Bytes bytes = wire::marshal(channel().genesis_block());
    return bytes;
  }

  std::unique_ptr<test::FaultyDisk> disk_ = std::make_unique<test::FaultyDisk>();
  test::SeededRandom random_;
  std::vector<std::shared_ptr<common::Block>> others_;
};

TEST_F(ParticipationTest, ListsNothingAsFabricDoes) {
  auto registrar = open();
  const auto answered = answer(request("GET"), *registrar);
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.body, "{\"systemChannel\":null,\"channels\":null}\n");
}

TEST_F(ParticipationTest, JoinsListsAndRemoves) {
  auto registrar = open();
  auto answered = answer(join_of(genesis()), *registrar);
  EXPECT_EQ(answered.status, 201) << answered.body;
  EXPECT_EQ(answered.body,
            "{\"name\":\"testchannel\",\"url\":\"/participation/v1/channels/testchannel\",\"consensusRelation\":"
            "\"consenter\",\"status\":\"active\",\"height\":1}\n");
  EXPECT_EQ(answer(request("GET"), *registrar).body,
            "{\"systemChannel\":null,\"channels\":[{\"name\":\"testchannel\",\"url\":\"/participation/v1/channels/"
            "testchannel\"}]}\n");
  EXPECT_EQ(answer(request("GET", "/testchannel"), *registrar).status, 200);
  answered = answer(request("GET", "/testchannel/blocks/newest"), *registrar);
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.body, genesis());
  EXPECT_EQ(answer(request("DELETE", "/testchannel"), *registrar).status, 204);
  EXPECT_EQ(answer(request("GET", "/testchannel"), *registrar).status, 404);
  EXPECT_EQ(answer(request("DELETE", "/testchannel"), *registrar).body,
            "{\"error\":\"cannot remove: channel does not exist\"}\n");
  EXPECT_EQ(answer(join_of(genesis()), *registrar).status, 201);
}

TEST_F(ParticipationTest, DoesNotJoinTwice) {
  auto registrar = open();
  ASSERT_EQ(answer(join_of(genesis()), *registrar).status, 201);
  const auto answered = answer(join_of(genesis()), *registrar);
  EXPECT_EQ(answered.status, 405);
  EXPECT_EQ(answered.body, "{\"error\":\"cannot join: channel already exists\"}\n");
}

TEST_F(ParticipationTest, RefusesBlocksWithFabricsWords) {
  auto registrar = open();
  const auto why = [&](const Bytes& block) { return nlohmann::json::parse(answer(join_of(block), *registrar).body)["error"]; };
  EXPECT_EQ(why("\xff"), "cannot unmarshal file part config-block into a block: proto: cannot parse invalid wire-format data");
  EXPECT_EQ(why(""), "invalid join block: block is not a config block");
  auto block = channel().genesis_block();
  block.mutable_header()->set_data_hash("other");
  EXPECT_EQ(why(wire::marshal(block)), "invalid join block: invalid block: Header.DataHash is different from Hash(block.Data)");
  block = channel().genesis_block();
  block.clear_metadata();
  EXPECT_EQ(why(wire::marshal(block)), "invalid join block: invalid block: does not have metadata");
  EXPECT_EQ(registrar->list().size(), 0u);
}

TEST_F(ParticipationTest, SaysWhatToDoWithAChannelOfBftOrderers) {
  test::Channel bft;
  auto& value =
      (*(*bft.config().mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())["ConsensusType"];
  orderer::ConsensusType type;
  ASSERT_TRUE(type.ParseFromString(value.value()));
  type.set_type("BFT");
  value.set_value(wire::marshal(type));
  const Bytes block = wire::marshal(bft.genesis_block());
  auto registrar = open();
  const auto answered = answer(join_of(block), *registrar);
  EXPECT_EQ(answered.status, 400);
  EXPECT_EQ(
      answered.body,
      "{\"error\":\"cannot join: failed to find a consenter for consensus type: BFT; this orderer orders with Raft "
      "only: make the channel with OrdererType etcdraft, or join Fabric's own orderers to it\"}\n");
  EXPECT_TRUE(registrar->list().empty());
  EXPECT_EQ(answer(request("GET", "/testchannel"), *registrar).status, 404) << "nothing is left of it";
}

TEST_F(ParticipationTest, AnswersWrongRequestsWithFabricsStatus) {
  auto registrar = open();
  auto bad = request("POST");
  bad.content_type = "application/json";
  EXPECT_EQ(answer(bad, *registrar).body, "{\"error\":\"unsupported Content-Type: [application/json]\"}\n");
  bad = request("GET");
  bad.accept = "text/html";
  EXPECT_EQ(answer(bad, *registrar).status, 406);
  const auto patched = answer(request("PATCH"), *registrar);
  EXPECT_EQ(patched.status, 405);
  EXPECT_EQ(patched.body, "{\"error\":\"invalid request method: PATCH\"}\n");
  EXPECT_EQ(answer(request("GET", "/Bad!Name"), *registrar).status, 400);
  EXPECT_EQ(answer(request("GET", "/testchannel/blocks/middle"), *registrar).status, 400);
  EXPECT_EQ(answer(request("GET", "/testchannel/blocks/1"), *registrar).status, 404);
  auto parts = join_of(genesis());
  parts.form->push_back({"more", true, "x"});
  EXPECT_EQ(answer(parts, *registrar).body, "{\"error\":\"form contains too many parts\"}\n");
  parts.form->clear();
  EXPECT_EQ(answer(parts, *registrar).body, "{\"error\":\"form does not contains part key: config-block\"}\n");
}

TEST_F(ParticipationTest, FollowsAChannelOfWhichThisIsNoConsenterAlsoAfterARestart) {
  test::Channel other;
  {
    auto registrar = open();
    const auto answered = answer(join_of(wire::marshal(other.genesis_block())), *registrar);
    EXPECT_EQ(answered.status, 201) << answered.body;
    EXPECT_PRED_FORMAT2(testing::IsSubstring,
                        "\"consensusRelation\":\"follower\",\"status\":\"onboarding\",\"height\":0", answered.body);
    EXPECT_EQ(answer(join_of(wire::marshal(other.genesis_block())), *registrar).status, 405) << "is there";
    const auto fetched = answer(request("GET", "/testchannel/blocks/0"), *registrar);
    EXPECT_EQ(fetched.body, "{\"error\":\"channel is not ready, he is a follower\"}\n");
  }
  auto registrar = open();
  EXPECT_EQ(registrar->info("testchannel")->status, "onboarding");
  EXPECT_EQ(answer(request("DELETE", "/testchannel"), *registrar).status, 204);
  EXPECT_EQ(answer(request("GET", "/testchannel"), *registrar).status, 404);
  registrar.reset();
  EXPECT_TRUE(open()->list().empty());
}

TEST_F(ParticipationTest, AFollowerTakesBlocksUpToItsJoinBlockAndOn) {
  test::Channel other;
  others_.push_back(std::make_shared<common::Block>(other.genesis_block()));
  auto registrar = open();
  EXPECT_EQ(answer(join_of(wire::marshal(*others_[0])), *registrar).status, 201);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (registrar->info("testchannel")->status != "active" && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(registrar->info("testchannel")->status, "active");
  EXPECT_EQ(registrar->info("testchannel")->height, 1u);
}

TEST_F(ParticipationTest, AConsenterWhoseLogIsLostIsNotStarted) {
  {
    auto registrar = open();
    ASSERT_EQ(answer(join_of(genesis()), *registrar).status, 201);
    common::Config next = channel().config();
    orderer::BatchTimeout timeout;
    timeout.set_timeout("7s");
    (*(*next.mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())["BatchTimeout"].set_value(
        wire::marshal(timeout));
    ASSERT_TRUE(registrar->update("testchannel", channel().signed_update(next, {&channel().orderer().admin()})));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (registrar->info("testchannel")->height < 2 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  }
  ASSERT_TRUE(disk_->remove_all("/wal/testchannel"));
  auto registrar = Registrar::open({.ledger_directory = "/data", .wal_directory = "/wal", .snapshot_directory = "/snap"}, parts());
  ASSERT_FALSE(registrar);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "the raft log of channel testchannel is empty", registrar.error().message);
}

TEST_F(ParticipationTest, AJoinIsWholeOrNotThereAfterACrashAtAnyPoint) {
  for (uint64_t at = 0; at < 26; ++at) {
    disk_ = std::make_unique<test::FaultyDisk>(at);
    bool joined = false;
    {
      auto registrar = open();
      disk_->fail_after(at, test::FaultyDisk::Fault::kIoError);
      joined = answer(join_of(genesis()), *registrar).status == 201;
      disk_->crash(test::FaultyDisk::Tear::kDropAll);
    }
    auto registrar = open();
    ASSERT_NE(registrar, nullptr) << at;
    const bool there = !registrar->list().empty();
    const auto again = answer(join_of(genesis()), *registrar);
    EXPECT_EQ(again.status, there ? 405 : 201) << again.body;
    EXPECT_TRUE(!joined || again.status == 405) << "a join that was confirmed is lost, fault at " << at;
    EXPECT_EQ(registrar->info("testchannel")->height, 1u);
  }
}

TEST_F(ParticipationTest, ARemovalThatACrashCutShortIsFinished) {
  for (uint64_t at = 0; at < 12; ++at) {
    disk_ = std::make_unique<test::FaultyDisk>(at);
    {
      auto registrar = open();
      ASSERT_EQ(answer(join_of(genesis()), *registrar).status, 201);
      disk_->fail_after(at, test::FaultyDisk::Fault::kIoError);
      (void)answer(request("DELETE", "/testchannel"), *registrar);
      disk_->crash(test::FaultyDisk::Tear::kDropAll);
    }
    auto registrar = open();
    ASSERT_NE(registrar, nullptr) << at;
    const auto again = answer(join_of(genesis()), *registrar);
    EXPECT_TRUE(again.status == 201 || again.status == 405) << at << again.body;
    EXPECT_EQ(registrar->info("testchannel")->status, "active");
  }
}

}  // namespace
}  // namespace selvage::order
