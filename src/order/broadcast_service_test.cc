// Broadcast over a real gRPC connection, with a registrar on a disk in memory.
#include "order/broadcast_service.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "common/configtx.pb.h"
#include "kit/channels.h"
#include "kit/faulty_disk.h"
#include "order/registrar.h"
#include "orderer/ab.pb.h"
#include "orderer/configuration.pb.h"
#include "os/system_clock.h"
#include "os/worker_pool.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

[[maybe_unused]] const bool kQuiet = log::set_spec("fatal").has_value();

class BroadcastServiceTest : public testing::Test {
 protected:
  BroadcastServiceTest() {
    auto opened = Registrar::open({.ledger_directory = "/data", .wal_directory = "/wal", .snapshot_directory = "/snap"},
                                  {disk_, random_, os::system_clock(), metrics::disabled(),
                                   wire::signer_of(channel().orderer().orderer()),
                                   channel().consenter_tls().certificate, nullptr, nullptr, nullptr});
    EXPECT_TRUE(opened);
    registrar_ = std::move(*opened);
    registrar_->start();
    EXPECT_TRUE(registrar_->join(channel().id(), channel().genesis_block()));
    service_ = std::make_unique<BroadcastService>(BroadcastService::Settings{.ahead_max = 32, .ahead_bytes_max = 1 << 20},
                                                  *registrar_, metrics::disabled(),
                                                  [this](std::function<void()> task) { pool_.post(std::move(task)); });
    service_->add_to(server_);
    EXPECT_TRUE(server_.start());
    client_ = rpc::Channel::make({.targets = {server_.address()}});
  }
  ~BroadcastServiceTest() override { server_.stop(); }

  static test::Channel& channel() {
    static test::Channel made([] {
      test::ChannelOptions options;
      options.max_message_count = 7;
      options.batch_timeout = "20ms";
      return options;
    }());
    return made;
  }
  Bytes message(int number, const std::string& to = "testchannel", common::HeaderType type = common::ENDORSER_TRANSACTION) {
    common::ConfigValue data;
    data.set_version(static_cast<uint64_t>(number));
    return wire::marshal(*wire::make_signed_envelope(type, to, wire::signer_of(channel().org(0).client()), data,
                                                     os::system_clock().now(), random_));
  }
  static Bytes spoiled(Bytes envelope) {
    envelope.back() = static_cast<char>(envelope.back() ^ 1);  // the end of the signature
    return envelope;
  }
  std::unique_ptr<rpc::ClientStream> stream() { return client_->stream("/orderer.AtomicBroadcast/Broadcast"); }
  // "SUCCESS", "FORBIDDEN: why", or "end 0" with the gRPC status.
  static std::string read(rpc::ClientStream& stream) {
    Bytes bytes;
    if (!stream.read(&bytes)) return "end " + std::to_string(static_cast<int>(stream.finish().code));
    orderer::BroadcastResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return common::Status_Name(response.status()) + (response.info().empty() ? "" : ": " + response.info());
  }
  std::string send(const Bytes& envelope) {
    auto sent = stream();
    EXPECT_TRUE(sent->write(envelope));
    return read(*sent);
  }
  // Transactions from block 1 on, once there are so many.
  std::vector<Bytes> ordered(size_t count) {
    const auto chain = registrar_->chain("testchannel");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::vector<Bytes> found;
    for (uint64_t number = 1; found.size() < count && std::chrono::steady_clock::now() < deadline;) {
      const auto block = chain->block(number);
      if (!block) {
        std::this_thread::yield();
        continue;
      }
      for (const Bytes& envelope : (*block)->data().data()) found.push_back(envelope);
      ++number;
    }
    return found;
  }

  test::FaultyDisk disk_;
  test::SeededRandom random_;
  std::unique_ptr<Registrar> registrar_;
  os::WorkerPool pool_{3, "test"};
  std::unique_ptr<BroadcastService> service_;
  rpc::Server server_{{.listen_address = "127.0.0.1:0"}};
  std::shared_ptr<rpc::Channel> client_;
};

TEST_F(BroadcastServiceTest, OrdersWhatItAnsweredWithSuccess) {
  const Bytes envelope = message(1);
  EXPECT_EQ(send(envelope), "SUCCESS");
  EXPECT_EQ(ordered(1), std::vector<Bytes>{envelope});
}

TEST_F(BroadcastServiceTest, KeepsTheOrderOfAStreamWithManyInFlight) {
  std::vector<Bytes> envelopes;
  for (int i = 0; i < 150; ++i) envelopes.push_back(message(i));
  auto sent = stream();
  for (const Bytes& envelope : envelopes) ASSERT_TRUE(sent->write(envelope));
  sent->half_close();
  for (size_t i = 0; i < envelopes.size(); ++i) ASSERT_EQ(read(*sent), "SUCCESS");
  EXPECT_EQ(read(*sent), "end 0");
  EXPECT_EQ(ordered(envelopes.size()), envelopes);
}

TEST_F(BroadcastServiceTest, TheFirstRefusedMessageEndsTheStream) {
  auto sent = stream();
  const Bytes first = message(1);
  for (const Bytes& envelope : {first, spoiled(message(2)), message(3), message(4)}) sent->write(envelope);
  EXPECT_EQ(read(*sent), "SUCCESS");
  EXPECT_EQ(read(*sent),
            "FORBIDDEN: implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of "
            "the 'Writers' sub-policies to be satisfied: permission denied");
  EXPECT_EQ(read(*sent), "end 0");
  EXPECT_EQ(ordered(1), std::vector<Bytes>{first});
}

TEST_F(BroadcastServiceTest, RefusesWithFabricsWords) {
  EXPECT_EQ(send(message(1, "other")), "BAD_REQUEST: channel does not exist");
  EXPECT_EQ(send(""), "BAD_REQUEST: could not determine channel ID: header not set");
  EXPECT_EQ(send(message(1, "testchannel", common::CONFIG)),
            "BAD_REQUEST: message is of type that cannot be processed directly");
  EXPECT_EQ(send(message(1, "testchannel", common::ORDERER_TRANSACTION)),
            "BAD_REQUEST: message is of type that is no longer supported");
  EXPECT_EQ(send("\xff\xff"), "end 13");
}

TEST_F(BroadcastServiceTest, BringsAnEnvelopeIntoTheFormThatGoWouldWrite) {
  const Bytes envelope = message(1);
  common::Envelope parsed;
  ASSERT_TRUE(parsed.ParseFromString(envelope));
  // The same message with its fields the other way round.
  common::Envelope signature, payload;
  signature.set_signature(parsed.signature());
  payload.set_payload(parsed.payload());
  EXPECT_EQ(send(wire::marshal(signature) + wire::marshal(payload)), "SUCCESS");
  EXPECT_EQ(ordered(1), std::vector<Bytes>{envelope});
}

TEST_F(BroadcastServiceTest, AConfigUpdateChangesTheChannel) {
  common::Config next = channel().config();
  orderer::BatchSize size;
  auto& value = (*(*next.mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())["BatchSize"];
  ASSERT_TRUE(size.ParseFromString(value.value()));
  size.set_max_message_count(1);
  value.set_value(wire::marshal(size));
  const Bytes update = wire::marshal(channel().signed_update(next, {&channel().orderer().admin()}));
  EXPECT_EQ(send(update), "SUCCESS");
  ASSERT_EQ(ordered(1).size(), 1u);
  const auto chain = registrar_->chain("testchannel");
  EXPECT_EQ(chain->bundle()->sequence(), 1u);
  EXPECT_TRUE(wire::is_config_block(**chain->block(1)));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "BAD_REQUEST: error applying config update to existing channel 'testchannel'",
                      send(update));
}

TEST_F(BroadcastServiceTest, AfterADiskFaultNothingIsTakenAnyMore) {
  EXPECT_EQ(send(message(1)), "SUCCESS");
  ASSERT_EQ(ordered(1).size(), 1u);
  disk_.fail_after(0, test::FaultyDisk::Fault::kNoSpace);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string answer;
  while (answer != "SERVICE_UNAVAILABLE: chain is stopped" && std::chrono::steady_clock::now() < deadline) {
    answer = send(message(2));
  }
  EXPECT_EQ(answer, "SERVICE_UNAVAILABLE: chain is stopped");
  EXPECT_EQ(registrar_->info("testchannel")->status, "failed");
  EXPECT_EQ(registrar_->failures().size(), 1u);
  EXPECT_EQ(registrar_->chain("testchannel")->height(), 2u);
}

TEST_F(BroadcastServiceTest, ARemovedChannelIsGoneForOpenStreamsToo) {
  auto sent = stream();
  EXPECT_TRUE(sent->write(message(1)));
  EXPECT_EQ(read(*sent), "SUCCESS");
  ASSERT_TRUE(registrar_->remove("testchannel"));
  EXPECT_TRUE(sent->write(message(2)));
  EXPECT_EQ(read(*sent), "BAD_REQUEST: channel does not exist");
}

}  // namespace
}  // namespace selvage::order
