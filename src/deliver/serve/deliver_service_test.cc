// Deliver over a real gRPC connection, from a chain in memory.
#include "deliver/serve/deliver_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "base/log.h"
#include "deliver/serve/change_signal.h"
#include "kit/channels.h"
#include "os/system_clock.h"
#include "os/worker_pool.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "tls/binding.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::deliver {
namespace {

[[maybe_unused]] const bool kQuiet = log::set_spec("fatal").has_value();

test::Channel& channel_kit() {
  static test::Channel made;
  return made;
}

class MemorySource final : public Source {
 public:
  uint64_t height() const override {
    std::lock_guard lock(mutex_);
    return blocks_.size();
  }
  Result<std::shared_ptr<const common::Block>> block(uint64_t number) const override {
    std::lock_guard lock(mutex_);
    if (number >= blocks_.size()) return fail(Code::kNotFound, "no such block");
    return blocks_[number];
  }
  std::shared_ptr<const channel::Bundle> bundle() const override {
    std::lock_guard lock(mutex_);
    return bundle_;
  }
  bool failing() const override { return failing_; }
  std::unique_ptr<Subscription> subscribe(std::function<void()> changed) override {
    return signal_.subscribe(std::move(changed));
  }
  void add(size_t bytes = 10) {
    {
      std::lock_guard lock(mutex_);
      auto block = std::make_shared<common::Block>(wire::make_block(blocks_.size(), "previous"));
      block->mutable_data()->add_data(Bytes(bytes, 'x'));
      blocks_.push_back(std::move(block));
    }
    signal_.notify();
  }
  void reconfigure() {
    common::Config next = channel_kit().config();
    next.set_sequence(bundle()->sequence() + 1);
    {
      std::lock_guard lock(mutex_);
      bundle_ = *channel::Bundle::from_config(channel_kit().id(), next);
    }
    signal_.notify();
  }
  void fail_now() {
    failing_ = true;
    signal_.notify();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const common::Block>> blocks_;
  channel::BundlePtr bundle_ = channel_kit().bundle();
  std::atomic<bool> failing_{false};
  ChangeSignal signal_;
};

class DeliverServiceTest : public testing::Test, public Sources {
 protected:
  DeliverServiceTest() {
    for (int i = 0; i < 3; ++i) source_->add();
    service_.add_to(server_, "/orderer.AtomicBroadcast/Deliver", std::make_shared<OrdererRendering>(),
                    [this](const channel::Bundle&, const SeekRequest&) -> Status {
                      ++asked_;
                      if (allowed_) return {};
                      return fail(Code::kPermissionDenied, "no");
                    });
    EXPECT_TRUE(server_.start());
    channel_ = rpc::Channel::make({.targets = {server_.address()}});
  }
  ~DeliverServiceTest() override { server_.stop(); }
  std::shared_ptr<Source> find(const std::string& name) const override {
    return name == "testchannel" ? source_ : nullptr;
  }

  static orderer::SeekInfo seek(uint64_t first, uint64_t last) {
    orderer::SeekInfo info;
    info.mutable_start()->mutable_specified()->set_number(first);
    info.mutable_stop()->mutable_specified()->set_number(last);
    return info;
  }
  static Bytes envelope(const orderer::SeekInfo& info, const std::string& name = "testchannel") {
    static test::SeededRandom random;
    return wire::marshal(*wire::make_signed_envelope(common::DELIVER_SEEK_INFO, name,
                                                     wire::signer_of(channel_kit().org(0).client()), info,
                                                     os::system_clock().now(), random));
  }
  std::unique_ptr<rpc::ClientStream> ask(const orderer::SeekInfo& info, const std::string& name = "testchannel") {
    auto stream = channel_->stream("/orderer.AtomicBroadcast/Deliver");
    EXPECT_TRUE(stream->write(envelope(info, name)));
    return stream;
  }
  // "0 1 2 SUCCESS" and, when the stream ended, its gRPC status.
  static std::string read(rpc::ClientStream& stream, int messages) {
    std::string text;
    for (int i = 0; i < messages; ++i) {
      Bytes bytes;
      if (!stream.read(&bytes)) return text + "| " + std::to_string(static_cast<int>(stream.finish().code));
      orderer::DeliverResponse response;
      EXPECT_TRUE(response.ParseFromString(bytes));
      text += response.has_block() ? std::to_string(response.block().header().number()) + " "
                                   : common::Status_Name(response.status()) + " ";
    }
    return text;
  }

  std::shared_ptr<MemorySource> source_ = std::make_shared<MemorySource>();
  std::atomic<bool> allowed_{true};
  std::atomic<int> asked_{0};
  os::WorkerPool pool_{2, "test"};
  DeliverService service_{{}, *this, os::system_clock(), metrics::disabled(),
                          [this](std::function<void()> task) { pool_.post(std::move(task)); }};
  rpc::Server server_{{.listen_address = "127.0.0.1:0"}};
  std::shared_ptr<rpc::Channel> channel_;
};

TEST_F(DeliverServiceTest, SendsTheBlocksAndThenSuccess) {
  auto stream = ask(seek(0, 2));
  EXPECT_EQ(read(*stream, 4), "0 1 2 SUCCESS ");
  stream->half_close();
  EXPECT_EQ(read(*stream, 1), "| 0");
}

TEST_F(DeliverServiceTest, AnswersOneRequestAfterAnother) {
  auto stream = ask(seek(0, 0));
  EXPECT_TRUE(stream->write(envelope(seek(1, 1))));
  EXPECT_TRUE(stream->write(envelope(seek(2, 2))));
  EXPECT_EQ(read(*stream, 6), "0 SUCCESS 1 SUCCESS 2 SUCCESS ");
}

TEST_F(DeliverServiceTest, WaitsForBlocksToCome) {
  auto stream = ask(seek(2, UINT64_MAX));
  EXPECT_EQ(read(*stream, 1), "2 ");
  for (int i = 3; i < 50; ++i) {
    source_->add();
    ASSERT_EQ(read(*stream, 1), std::to_string(i) + " ");
  }
}

TEST_F(DeliverServiceTest, DoesNotWaitWhenToldSo) {
  auto info = seek(2, 4);
  info.set_behavior(orderer::SeekInfo::FAIL_IF_NOT_READY);
  auto stream = ask(info);
  EXPECT_EQ(read(*stream, 3), "2 NOT_FOUND | 0");
}

TEST_F(DeliverServiceTest, RefusesUnknownChannelsAndBadRequests) {
  EXPECT_EQ(read(*ask(seek(0, 0), "other"), 2), "NOT_FOUND | 0");
  EXPECT_EQ(read(*ask(seek(2, 1)), 2), "BAD_REQUEST | 0");
  EXPECT_EQ(read(*ask(seek(9, 9)), 2), "NOT_FOUND | 0");
  auto stream = channel_->stream("/orderer.AtomicBroadcast/Deliver");
  EXPECT_TRUE(stream->write("\xff\xff"));
  EXPECT_EQ(read(*stream, 1), "| 13");
}

TEST_F(DeliverServiceTest, TellsClientsOfOursWhyARequestIsBad) {
  auto old = *wire::parse<common::Envelope>(envelope(seek(0, 0)));
  auto payload = *wire::parse<common::Payload>(old.payload());
  auto header = *wire::parse<common::ChannelHeader>(payload.header().channel_header());
  header.mutable_timestamp()->set_seconds(1);
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  old.set_payload(wire::marshal(payload));
  auto stream = channel_->stream("/orderer.AtomicBroadcast/Deliver");
  EXPECT_TRUE(stream->write(wire::marshal(old)));
  EXPECT_EQ(read(*stream, 1), "BAD_REQUEST ");
  EXPECT_TRUE(stream->finish().ok());
  const rpc::Metadata trailers = stream->trailers();
  ASSERT_TRUE(trailers.first(tls::kWhyTrailer).has_value());
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "is more than 900s apart", rpc::percent_decode(*trailers.first(tls::kWhyTrailer)));
}

TEST_F(DeliverServiceTest, TurnsAwayWhoMayNotRead) {
  allowed_ = false;
  EXPECT_EQ(read(*ask(seek(0, 0)), 2), "FORBIDDEN | 0");
}

TEST_F(DeliverServiceTest, AsksAgainUnderANewerConfigurationOnly) {
  auto stream = ask(seek(0, UINT64_MAX));
  EXPECT_EQ(read(*stream, 3), "0 1 2 ");
  EXPECT_EQ(asked_, 1);
  source_->reconfigure();
  source_->add();
  EXPECT_EQ(read(*stream, 1), "3 ");
  EXPECT_EQ(asked_, 2);
  allowed_ = false;
  source_->reconfigure();
  source_->add();
  EXPECT_EQ(read(*stream, 2), "FORBIDDEN | 0");
}

TEST_F(DeliverServiceTest, ConsensusErrorsEndStreamsThatDidNotAskForBestEffort) {
  auto strict = ask(seek(2, UINT64_MAX));
  auto info = seek(2, UINT64_MAX);
  info.set_error_response(orderer::SeekInfo::BEST_EFFORT);
  auto lenient = ask(info);
  EXPECT_EQ(read(*strict, 1), "2 ");
  EXPECT_EQ(read(*lenient, 1), "2 ");
  source_->fail_now();
  EXPECT_EQ(read(*strict, 2), "SERVICE_UNAVAILABLE | 0");
  source_->add();
  EXPECT_EQ(read(*lenient, 1), "3 ");
  EXPECT_EQ(read(*ask(seek(0, 0)), 2), "SERVICE_UNAVAILABLE | 0");
}

TEST_F(DeliverServiceTest, SendsHeadersOnlyWhenAsked) {
  auto info = seek(1, 1);
  info.set_content_type(orderer::SeekInfo::HEADER_WITH_SIG);
  auto stream = ask(info);
  Bytes bytes;
  ASSERT_TRUE(stream->read(&bytes));
  orderer::DeliverResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  EXPECT_EQ(response.block().data().data_size(), 0);
  EXPECT_EQ(response.block().metadata().metadata_size(), 5);
}

TEST_F(DeliverServiceTest, AClientThatDoesNotReadStopsItsStreamAndNothingElse) {
  for (int i = 3; i < 60; ++i) source_->add(200'000);
  auto slow = ask(seek(0, 59));
  auto quick = ask(seek(0, 59));
  for (int i = 0; i < 60; ++i) ASSERT_EQ(read(*quick, 1), std::to_string(i) + " ");
  EXPECT_EQ(read(*quick, 1), "SUCCESS ");
  for (int i = 0; i < 60; ++i) ASSERT_EQ(read(*slow, 1), std::to_string(i) + " ");
  EXPECT_EQ(read(*slow, 1), "SUCCESS ");
}

TEST_F(DeliverServiceTest, ACancelledStreamLetsGoOfTheChannel) {
  {
    auto stream = ask(seek(2, UINT64_MAX));
    EXPECT_EQ(read(*stream, 1), "2 ");
  }
  channel_->close();
  server_.stop();
  source_->add();  // nobody is called any more; the sanitizers would say so
}

}  // namespace
}  // namespace selvage::deliver
