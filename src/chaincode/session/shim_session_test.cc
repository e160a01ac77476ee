// The peer's half of the shim protocol against a chaincode process played by the test.
#include "chaincode/session/shim_session.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include "chaincode/session/deadlines_worker.h"
#include "ledger/state/tx_simulator.h"
#include "os/worker_pool.h"
#include "peer/chaincode.pb.h"
#include "peer/proposal.pb.h"

namespace selvage::chaincode {
namespace {

using Message = protos::ChaincodeMessage;
using std::chrono::seconds;

constexpr const char* kPackage = "basic:abc";

// What the session sends, readable by the test.
struct Wire {
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Message> messages;
  bool closed = false;

  Message next() {
    std::unique_lock lock(mutex);
    if (!arrived.wait_for(lock, seconds(10), [&] { return !messages.empty(); })) {
      ADD_FAILURE() << "the peer sends nothing";
      return {};
    }
    Message message = std::move(messages.front());
    messages.pop_front();
    return message;
  }
};

class FakeTransport final : public ShimTransport {
 public:
  explicit FakeTransport(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  bool send(Bytes bytes) override {
    std::lock_guard lock(wire_->mutex);
    if (wire_->closed) return false;
    wire_->messages.emplace_back().ParseFromString(bytes);
    wire_->arrived.notify_all();
    return true;
  }
  void close() override {
    std::lock_guard lock(wire_->mutex);
    wire_->closed = true;
  }

 private:
  std::shared_ptr<Wire> wire_;
};

// An empty state.
class NoState final : public ledger::StateView {
 public:
  Result<std::optional<ledger::StateValue>> get(std::string_view, std::string_view key) const override {
    if (key != "known") return std::optional<ledger::StateValue>();
    return std::optional<ledger::StateValue>(ledger::StateValue{"value", "", {3, 1}});
  }
  Result<std::vector<std::optional<ledger::StateValue>>> get_many(std::string_view ns,
                                                                  const std::vector<std::string>& keys) const override {
    std::vector<std::optional<ledger::StateValue>> out;
    for (const auto& key : keys) out.push_back(*get(ns, key));
    return out;
  }
  Result<std::unique_ptr<ledger::StateRange>> range(std::string_view, std::string_view, std::string_view) const override {
    return fail(Code::kUnimplemented, "no ranges here");
  }
  uint64_t height() const override { return 5; }
};

class ShimSessionTest : public testing::Test {
 protected:
  ShimSessionTest()
      : wire_(std::make_shared<Wire>()),
        session_(make_session()) {
    transaction_.channel_id = "ch";
    transaction_.txid = "tx1";
    transaction_.signed_proposal = &proposal_;
    transaction_.simulator = &simulator_;
    session_->attach(std::make_unique<FakeTransport>(wire_));
  }
  ~ShimSessionTest() override { session_->on_closed("end of test"); }

  std::shared_ptr<ShimSession> make_session() {
    return std::make_shared<ShimSession>(
        settings_, kPackage, ShimSession::Parts{nullptr, metrics::disabled(), deadlines_, [this](std::function<void()> task) {
                                                  pool_.post(std::move(task));
                                                }});
  }
  static Bytes message(Message::Type type, Bytes payload = "", const std::string& txid = "tx1") {
    Message out;
    out.set_type(type);
    out.set_payload(std::move(payload));
    out.set_txid(txid);
    out.set_channel_id("ch");
    return out.SerializeAsString();
  }
  static Bytes registration(const std::string& name) {
    protos::ChaincodeID id;
    id.set_name(name);
    return message(Message::REGISTER, id.SerializeAsString(), "");
  }
  static Bytes get(const std::string& key) {
    protos::GetState request;
    request.set_key(key);
    return message(Message::GET_STATE, request.SerializeAsString());
  }
  void register_chaincode() {
    ASSERT_TRUE(session_->on_message(registration(kPackage)));
    EXPECT_EQ(wire_->next().type(), Message::REGISTERED);
    EXPECT_EQ(wire_->next().type(), Message::READY);
  }
  std::future<Result<Message>> execute(std::chrono::nanoseconds timeout = seconds(10)) {
    auto promise = std::make_shared<std::promise<Result<Message>>>();
    session_->execute(transaction_, "basic", Message::TRANSACTION, "in", timeout,
                      [promise](Result<Message> ended) { promise->set_value(std::move(ended)); });
    return promise->get_future();
  }

  Deadlines deadlines_;
  os::WorkerPool pool_{2, "test"};
  SessionSettings settings_;
  std::shared_ptr<Wire> wire_;
  std::shared_ptr<ShimSession> session_;
  protos::SignedProposal proposal_;
  ledger::TxSimulator simulator_{"tx1", std::make_shared<NoState>()};
  Transaction transaction_;
};

TEST_F(ShimSessionTest, AProcessRegistersUnderItsPackageAndLearnsWhatThePeerCanDo) {
  ASSERT_TRUE(session_->on_message(registration(kPackage)));
  EXPECT_EQ(wire_->next().type(), Message::REGISTERED);
  Message ready = wire_->next();
  ASSERT_EQ(ready.type(), Message::READY);
  protos::ChaincodeAdditionalParams params;
  ASSERT_TRUE(params.ParseFromString(ready.payload()));
  EXPECT_TRUE(params.use_write_batch());
  EXPECT_EQ(params.max_size_write_batch(), 1000U);
  EXPECT_TRUE(params.use_get_multiple_keys());
  EXPECT_EQ(params.max_size_get_multiple_keys(), 1000U);
  EXPECT_TRUE(session_->wait_ready(std::chrono::steady_clock::now()));
}

TEST_F(ShimSessionTest, AnotherNameIsRefusedWithTheRemedy) {
  auto refused = session_->on_message(registration("other:123"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "peer will not accept external chaincode connection other:123 (except in dev mode)");
  EXPECT_EQ(refused.error().hint, "start the chaincode with CHAINCODE_ID=basic:abc");
  EXPECT_FALSE(session_->on_message(registration("")));
}

TEST_F(ShimSessionTest, NothingElseIsTakenBeforeRegistration) {
  EXPECT_FALSE(session_->on_message(get("known")));
  EXPECT_FALSE(session_->on_message("no message \xff"));
  EXPECT_TRUE(session_->on_message(message(Message::KEEPALIVE)));
}

TEST_F(ShimSessionTest, WhatArrivesBeforeTheTransportIsAnsweredOnceItIsThere) {
  auto early = make_session();
  ASSERT_TRUE(early->on_message(registration(kPackage)));
  early->attach(std::make_unique<FakeTransport>(wire_));
  EXPECT_EQ(wire_->next().type(), Message::REGISTERED);
  EXPECT_EQ(wire_->next().type(), Message::READY);
}

TEST_F(ShimSessionTest, ATransactionReadsAndEnds) {
  register_chaincode();
  auto result = execute();
  Message begun = wire_->next();
  EXPECT_EQ(begun.type(), Message::TRANSACTION);
  EXPECT_EQ(begun.payload(), "in");
  EXPECT_TRUE(begun.has_proposal());
  ASSERT_TRUE(session_->on_message(get("known")));
  Message answer = wire_->next();
  EXPECT_EQ(answer.type(), Message::RESPONSE);
  EXPECT_EQ(answer.payload(), "value");
  ASSERT_TRUE(session_->on_message(get("unknown")));
  EXPECT_EQ(wire_->next().payload(), "");
  ASSERT_TRUE(session_->on_message(message(Message::COMPLETED, "done")));
  auto ended = result.get();
  ASSERT_TRUE(ended) << to_string(ended.error());
  EXPECT_EQ(ended->payload(), "done");
}

TEST_F(ShimSessionTest, ARequestThatFailsNamesTypeAndTransaction) {
  register_chaincode();
  auto result = execute();
  wire_->next();
  ASSERT_TRUE(session_->on_message(message(Message::GET_STATE, "\xff\xff")));
  Message answer = wire_->next();
  EXPECT_EQ(answer.type(), Message::ERROR);
  EXPECT_EQ(answer.payload(),
            "GET_STATE failed: transaction ID: tx1: unmarshal failed: proto: cannot parse invalid wire-format data");
  ASSERT_TRUE(session_->on_message(message(Message::GET_HISTORY_FOR_KEY)));
  EXPECT_EQ(wire_->next().payload(),
            "GET_HISTORY_FOR_KEY failed: transaction ID: tx1: history database is not enabled");
  ASSERT_TRUE(session_->on_message(message(Message::QUERY_STATE_NEXT)));
  EXPECT_EQ(wire_->next().payload(), "QUERY_STATE_NEXT failed: transaction ID: tx1: query iterator not found");
  EXPECT_TRUE(session_->on_message(message(Message::COMPLETED)));
  EXPECT_TRUE(result.get());
}

TEST_F(ShimSessionTest, RequestsOfATransactionThatIsNotRunningAreRefused) {
  register_chaincode();
  ASSERT_TRUE(session_->on_message(get("known")));
  Message answer = wire_->next();
  EXPECT_EQ(answer.type(), Message::ERROR);
  EXPECT_EQ(answer.payload(), "GET_STATE failed: transaction ID: tx1: no ledger context");
  EXPECT_TRUE(session_->on_message(message(Message::COMPLETED)));
}

TEST_F(ShimSessionTest, ADyingProcessFailsItsTransactionsAtOnce) {
  register_chaincode();
  auto result = execute(std::chrono::hours(1));
  wire_->next();
  session_->on_closed("connection reset");
  auto ended = result.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "chaincode stream terminated");
  EXPECT_EQ(ended.error().cause, "connection reset");
  EXPECT_FALSE(session_->ready());
  EXPECT_FALSE(execute().get());
}

TEST_F(ShimSessionTest, TheListenerHearsOfTheEndEvenWhenItComesLate) {
  session_->on_closed("gone");
  std::string heard;
  session_->on_end([&](const std::string& reason) { heard = reason; });
  EXPECT_EQ(heard, "gone");
  auto ready = session_->wait_ready(std::chrono::steady_clock::now() + seconds(10));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().message, "gone");
}

TEST_F(ShimSessionTest, ATransactionEndsAtItsTimeout) {
  register_chaincode();
  auto ended = execute(std::chrono::milliseconds(1)).get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "timeout expired while executing transaction");
  wire_->next();
  // What the chaincode still sends for it goes nowhere, and the session lives on.
  EXPECT_TRUE(session_->on_message(message(Message::COMPLETED)));
  auto next = execute();
  wire_->next();
  EXPECT_TRUE(session_->on_message(message(Message::COMPLETED)));
  EXPECT_TRUE(next.get());
}

TEST_F(ShimSessionTest, OneTransactionRunsOnceAtATime) {
  register_chaincode();
  auto first = execute();
  wire_->next();
  auto second = execute().get();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "txid: tx1(ch) exists");
  EXPECT_TRUE(session_->on_message(message(Message::COMPLETED)));
  EXPECT_TRUE(first.get());
}

TEST_F(ShimSessionTest, AProcessThatFloodsIsCutOff) {
  settings_.queued_messages_max = 8;
  session_ = make_session();
  session_->attach(std::make_unique<FakeTransport>(wire_));
  register_chaincode();
  // A transaction whose turn is held up: its state answers only when the test lets it.
  struct Held final : ledger::StateView {
    std::shared_future<void> go;
    Result<std::optional<ledger::StateValue>> get(std::string_view, std::string_view) const override {
      go.wait();
      return std::optional<ledger::StateValue>();
    }
    Result<std::vector<std::optional<ledger::StateValue>>> get_many(std::string_view,
                                                                    const std::vector<std::string>&) const override {
      return fail(Code::kUnimplemented, "");
    }
    Result<std::unique_ptr<ledger::StateRange>> range(std::string_view, std::string_view, std::string_view) const override {
      return fail(Code::kUnimplemented, "");
    }
    uint64_t height() const override { return 1; }
  };
  std::promise<void> go;
  auto view = std::make_shared<Held>();
  view->go = go.get_future().share();
  ledger::TxSimulator held("tx1", view);
  transaction_.simulator = &held;
  auto result = execute();
  wire_->next();
  Status last;
  for (int i = 0; i < 20 && last; ++i) last = session_->on_message(get("k"));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, Code::kResourceExhausted);
  go.set_value();
  auto ended = result.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "chaincode stream terminated");
}

}  // namespace
}  // namespace selvage::chaincode
