// Kills the real orderer at random points, under load: what was in a block that anybody saw stays in it.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "orderer_process.h"
#include "wire/block.h"

namespace selvage::test {
namespace {

// Reads blocks as they come, across the orderer's deaths, and holds each against what it saw of that number before.
class Reader {
 public:
  explicit Reader(OrdererProcess& orderer) : orderer_(orderer), channel_(orderer.connect()) {}

  // Until `blocks` more than before were seen, or `until` says so.
  void follow(const std::function<bool()>& until) {
    auto stream = channel_->stream("/orderer.AtomicBroadcast/Deliver", {.wait_for_ready = true});
    std::thread watch([&] {
      while (!until() && !over_) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      stream->cancel();
    });
    // From the start each time: that is the check.
    stream->write(orderer_.seek(0));
    Bytes bytes;
    while (stream->read(&bytes)) {
      ::orderer::DeliverResponse response;
      ASSERT_TRUE(response.ParseFromString(bytes));
      ASSERT_TRUE(response.has_block()) << ::common::Status_Name(response.status());
      check(response.block());
    }
    over_ = true;
    watch.join();
    over_ = false;
  }
  [[nodiscard]] size_t seen() const { return seen_count_; }
  [[nodiscard]] size_t transactions() const { return transactions_; }

 private:
  void check(const ::common::Block& block) {
    const uint64_t number = block.header().number();
    const Bytes hash = wire::header_hash(block.header());
    EXPECT_EQ(wire::data_hash(block.data()), block.header().data_hash());
    if (number > 0) {
      ASSERT_EQ(block.header().previous_hash(), hashes_.at(number - 1)) << "block " << number;
    }
    const auto [place, is_new] = hashes_.emplace(number, hash);
    ASSERT_EQ(place->second, hash) << "block " << number << " is another one than before";
    if (is_new) transactions_ += static_cast<size_t>(block.data().data_size());
    seen_count_ = hashes_.size();
  }
  OrdererProcess& orderer_;
  std::shared_ptr<rpc::Channel> channel_;
  std::map<uint64_t, Bytes> hashes_;
  std::atomic<size_t> seen_count_{0}, transactions_{0};
  std::atomic<bool> over_{false};
};

// Sends messages until told to stop; counts those that were taken.
class Sender {
 public:
  explicit Sender(OrdererProcess& orderer) {
    for (int i = 0; i < 200; ++i) messages_.push_back(orderer.message("message " + std::to_string(i) + Bytes(500, 'x')));
    channel_ = orderer.connect();
  }
  void run(const std::atomic<bool>& stop) {
    while (!stop) once(stop);
  }
  [[nodiscard]] size_t taken() const { return taken_; }

 private:
  void once(const std::atomic<bool>& stop) {
    auto stream = channel_->stream("/orderer.AtomicBroadcast/Broadcast", {.wait_for_ready = true});
    std::thread answers([&] {
      Bytes bytes;
      while (stream->read(&bytes)) ++taken_;
    });
    for (size_t i = 0; !stop; ++i) {
      if (!stream->write(messages_[i % messages_.size()])) break;
      if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stream->cancel();
    answers.join();
  }

  std::vector<Bytes> messages_;
  std::shared_ptr<rpc::Channel> channel_;
  std::atomic<size_t> taken_{0};
};

TEST(OrdererProcess, NoBlockThatWasSeenIsLostByKills) {
  OrdererProcess orderer;
  orderer.start();
  ASSERT_EQ(orderer.join(), 201);
  Reader reader(orderer);
  std::mt19937 random(7);
  for (int round = 0; round < 6; ++round) {
    if (round > 0) {
      if (round % 2 == 0) {  // and what a crash of the machine may leave at the end of the log
        std::filesystem::path last;
        for (const auto& file : std::filesystem::directory_iterator(orderer.directory() + "/data/etcdraft/wal/testchannel")) {
          if (file.path() > last) last = file.path();
        }
        std::ofstream(last, std::ios::app | std::ios::binary) << "\x40\x01" << std::string(100, '\0');
      }
      orderer.start();
      ASSERT_FALSE(HasFatalFailure()) << "round " << round;
    }
    Sender sender(orderer);
    std::atomic<bool> stop{false};
    std::thread sending([&] { sender.run(stop); });
    const size_t wanted = reader.seen() + 5 + random() % 25;
    std::atomic<bool> killed{false};
    std::thread killer([&] {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (reader.seen() < wanted && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::microseconds(300 + random() % 2000));
      }
      orderer.kill();
      killed = true;
    });
    reader.follow([&] { return killed.load(); });
    stop = true;
    killer.join();
    sending.join();
    ASSERT_FALSE(HasFatalFailure());
    EXPECT_GE(reader.seen(), wanted) << "the orderer made no blocks\n" << orderer.log();
  }
  orderer.start();
  const size_t all = reader.seen();
  const auto start = std::chrono::steady_clock::now();
  size_t checked = 0;
  reader.follow([&] { return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(300 + checked); });
  EXPECT_GE(reader.seen(), all);
  const auto [took, exit] = orderer.terminate();
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_TRUE(exit.ok()) << exit.to_string() << orderer.log();
}

TEST(OrdererProcess, SaysWhatTheWorldAroundFabricLooksFor) {
  OrdererProcess orderer;
  orderer.start();
  for (const char* phrase : {"Starting without a system channel", "Registrar initializing without a system channel",
                             "Beginning to serve requests"}) {
    EXPECT_NE(orderer.log().find(phrase), std::string::npos) << phrase;
  }
  ASSERT_EQ(orderer.join(), 201);
  EXPECT_NE(orderer.log().find("Joining channel"), std::string::npos);
}

// SELVAGE_LOAD=<messages>: prints the rate and the orderer's CPU per message of 1 KiB.
TEST(OrdererProcess, Load) {
  const char* load = std::getenv("SELVAGE_LOAD");
  if (load == nullptr) GTEST_SKIP() << "SELVAGE_LOAD is not set";
  const size_t count = std::stoul(load);
  OrdererProcess orderer;
  orderer.start();
  ASSERT_EQ(orderer.join(), 201);
  std::vector<Bytes> messages;
  for (int i = 0; i < 500; ++i) messages.push_back(orderer.message(Bytes(180, 'x') + std::to_string(i)));
  std::cout << "envelope bytes: " << messages[0].size() << "\n";
  Reader reader(orderer);
  std::atomic<bool> done{false};
  std::thread reading([&] { reader.follow([&] { return done.load(); }); });
  const auto cpu = orderer.cpu();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> senders;
  for (int s = 0; s < 4; ++s) {
    senders.emplace_back([&] {
      auto channel = orderer.connect();
      auto stream = channel->stream("/orderer.AtomicBroadcast/Broadcast", {.wait_for_ready = true});
      std::thread answers([&] {
        Bytes bytes;
        for (size_t i = 0; i < count / 4 && stream->read(&bytes); ++i) {
        }
      });
      for (size_t i = 0; i < count / 4; ++i) stream->write(messages[i % messages.size()]);
      answers.join();
      stream->half_close();
    });
  }
  for (auto& sender : senders) sender.join();
  while (reader.transactions() < count / 4 * 4 + 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto used = static_cast<double>((orderer.cpu() - cpu).count());
  std::cout << static_cast<double>(count) / took << " messages/s, " << used / static_cast<double>(count)
            << " ms CPU a message, " << orderer.resident_bytes() / 1024 << " KiB resident, " << reader.seen()
            << " blocks\n";
  done = true;
  reading.join();
}

}  // namespace
}  // namespace selvage::test
