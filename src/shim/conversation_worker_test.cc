// A conversation held against a peer played by the test.
#include "shim/conversation_worker.h"

#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <stdexcept>
#include <thread>

#include "peer/chaincode.pb.h"
#include "peer/chaincode_shim.pb.h"
#include "peer/proposal_response.pb.h"

namespace selvage::shim {
namespace {

using Message = ::protos::ChaincodeMessage;

class Lambda : public Chaincode {
 public:
  std::function<Response(Stub&)> on_invoke = [](Stub&) { return success("done"); };
  std::function<Response(Stub&)> on_init = [](Stub&) { return success(); };
  Response invoke(Stub& stub) override { return on_invoke(stub); }
  Response init(Stub& stub) override { return on_init(stub); }
};

class ConversationTest : public testing::Test {
 protected:
  ConversationTest()
      : conversation_(std::make_shared<Conversation>(
            chaincode_, "basic_1:abc",
            [this](Bytes bytes) {
              Message message;
              ASSERT_TRUE(message.ParseFromString(bytes));
              const std::lock_guard lock(mutex_);
              said_.push_back(std::move(message));
              spoke_.notify_all();
            },
            [this](std::function<void()> task) { threads_.emplace_back(std::move(task)); })) {}

  ~ConversationTest() override {
    conversation_->close();
    for (std::thread& thread : threads_) thread.join();
  }

  // What the chaincode says next.
  Message heard() {
    std::unique_lock lock(mutex_);
    if (!spoke_.wait_for(lock, std::chrono::seconds(30), [&] { return !said_.empty(); })) {
      ADD_FAILURE() << "the chaincode is silent";
      return {};
    }
    Message message = std::move(said_.front());
    said_.pop_front();
    return message;
  }

  Status tell(Message::Type type, Bytes payload = {}, const std::string& tx_id = "tx1") {
    Message message;
    message.set_type(type);
    message.set_payload(std::move(payload));
    message.set_txid(tx_id);
    message.set_channel_id("ch1");
    return conversation_->receive(message.SerializeAsString());
  }

  void get_ready(size_t batch = 0) {
    conversation_->start();
    EXPECT_EQ(heard().type(), Message::REGISTER);
    EXPECT_TRUE(tell(Message::REGISTERED));
    ::protos::ChaincodeAdditionalParams params;
    params.set_use_write_batch(batch > 0);
    params.set_max_size_write_batch(static_cast<uint32_t>(batch));
    params.set_use_get_multiple_keys(batch > 0);
    params.set_max_size_get_multiple_keys(static_cast<uint32_t>(batch));
    EXPECT_TRUE(tell(Message::READY, params.SerializeAsString()));
  }

  static Bytes input(std::initializer_list<const char*> args) {
    ::protos::ChaincodeInput input;
    for (const char* arg : args) input.add_args(arg);
    return input.SerializeAsString();
  }

  static ::protos::Response response_in(const Message& message) {
    ::protos::Response response;
    EXPECT_EQ(message.type(), Message::COMPLETED);
    EXPECT_TRUE(response.ParseFromString(message.payload()));
    return response;
  }

  Lambda chaincode_;
  std::mutex mutex_;
  std::condition_variable spoke_;
  std::deque<Message> said_;
  std::list<std::thread> threads_;
  std::shared_ptr<Conversation> conversation_;
};

TEST_F(ConversationTest, RegistersWithItsPackageId) {
  conversation_->start();
  const Message hello = heard();
  EXPECT_EQ(hello.type(), Message::REGISTER);
  ::protos::ChaincodeID id;
  ASSERT_TRUE(id.ParseFromString(hello.payload()));
  EXPECT_EQ(id.name(), "basic_1:abc");
}

TEST_F(ConversationTest, RunsATransactionThatReadsAndWrites) {
  chaincode_.on_invoke = [](Stub& stub) {
    EXPECT_EQ(stub.function(), "copy");
    EXPECT_EQ(stub.parameters(), (std::vector<std::string>{"a", "b"}));
    auto value = stub.get_state("a");
    EXPECT_TRUE(value && *value);
    EXPECT_TRUE(stub.put_state("b", **value));
    EXPECT_TRUE(stub.set_event("copied", "b"));
    return success("copied");
  };
  get_ready();
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"copy", "a", "b"})));

  Message question = heard();
  EXPECT_EQ(question.type(), Message::GET_STATE);
  EXPECT_EQ(question.txid(), "tx1");
  EXPECT_EQ(question.channel_id(), "ch1");
  ASSERT_TRUE(tell(Message::RESPONSE, "7"));
  question = heard();
  EXPECT_EQ(question.type(), Message::PUT_STATE);
  ::protos::PutState put;
  ASSERT_TRUE(put.ParseFromString(question.payload()));
  EXPECT_EQ(put.key(), "b");
  EXPECT_EQ(put.value(), "7");
  ASSERT_TRUE(tell(Message::RESPONSE));

  const Message end = heard();
  EXPECT_EQ(response_in(end).payload(), "copied");
  EXPECT_EQ(end.chaincode_event().event_name(), "copied");
}

TEST_F(ConversationTest, AnErrorOfThePeerReachesTheChaincodeInThePeersWords) {
  chaincode_.on_invoke = [](Stub& stub) {
    auto value = stub.get_state("a");
    return value ? success() : error(value.error());
  };
  get_ready();
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"})));
  EXPECT_EQ(heard().type(), Message::GET_STATE);
  ASSERT_TRUE(tell(Message::ERROR, "GET_STATE failed: no ledger context"));
  const auto response = response_in(heard());
  EXPECT_EQ(response.status(), 500);
  EXPECT_EQ(response.message(), "GET_STATE failed: no ledger context");
}

TEST_F(ConversationTest, FetchesARangePageByPageAndClosesWhatItLeavesUnread) {
  chaincode_.on_invoke = [](Stub& stub) {
    auto items = stub.range("", "");
    EXPECT_TRUE(items);
    std::string keys;
    for (int i = 0; i < 2; ++i) keys += (**items->next()).key;
    return success(keys);
  };
  get_ready();
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"})));
  Message question = heard();
  ::protos::GetStateByRange range;
  ASSERT_TRUE(range.ParseFromString(question.payload()));
  EXPECT_EQ(range.startkey(), "\x01");
  const auto page = [](const char* key) {
    ::protos::QueryResponse response;
    response.set_id("q1");
    response.set_has_more(true);
    // queryresult.KV: namespace 1, key 2, value 3
    response.add_results()->set_resultbytes(std::string("\x12\x01") + key + "\x1a\x01v");
    return response.SerializeAsString();
  };
  ASSERT_TRUE(tell(Message::RESPONSE, page("a")));
  EXPECT_EQ(heard().type(), Message::QUERY_STATE_NEXT);
  ASSERT_TRUE(tell(Message::RESPONSE, page("b")));
  EXPECT_EQ(heard().type(), Message::QUERY_STATE_CLOSE);
  ASSERT_TRUE(tell(Message::RESPONSE));
  EXPECT_EQ(response_in(heard()).payload(), "ab");
}

TEST_F(ConversationTest, GathersWritesWhenThePeerCanTakeThemTogether) {
  chaincode_.on_invoke = [](Stub& stub) {
    stub.start_write_batch();
    for (const char* key : {"a", "b", "c", "a"}) EXPECT_TRUE(stub.put_state(key, "1"));
    return success();
  };
  get_ready(2);
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"})));
  size_t records = 0;
  for (int i = 0; i < 2; ++i) {
    Message question = heard();
    EXPECT_EQ(question.type(), Message::WRITE_BATCH_STATE);
    ::protos::WriteBatchState batch;
    ASSERT_TRUE(batch.ParseFromString(question.payload()));
    EXPECT_LE(batch.rec_size(), 2);
    records += static_cast<size_t>(batch.rec_size());
    ASSERT_TRUE(tell(Message::RESPONSE));
  }
  EXPECT_EQ(records, 3u);
  EXPECT_EQ(response_in(heard()).status(), 200);
}

TEST_F(ConversationTest, RunsTransactionsAtOnce) {
  chaincode_.on_invoke = [](Stub& stub) {
    auto value = stub.get_state(stub.tx_id());
    return value && *value ? success(**value) : error("nothing");
  };
  get_ready();
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"}), "one"));
  EXPECT_EQ(heard().txid(), "one");
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"}), "two"));
  EXPECT_EQ(heard().txid(), "two");
  ASSERT_TRUE(tell(Message::RESPONSE, "2", "two"));
  EXPECT_EQ(response_in(heard()).payload(), "2");
  ASSERT_TRUE(tell(Message::RESPONSE, "1", "one"));
  EXPECT_EQ(response_in(heard()).payload(), "1");
}

TEST_F(ConversationTest, AFailedInitIsAnErrorMessage) {
  chaincode_.on_init = [](Stub&) { return error("not today"); };
  get_ready();
  ASSERT_TRUE(tell(Message::INIT, input({"init"})));
  const Message end = heard();
  EXPECT_EQ(end.type(), Message::ERROR);
  EXPECT_EQ(end.payload(), "not today");
}

TEST_F(ConversationTest, AnExceptionFailsItsTransactionOnly) {
  chaincode_.on_invoke = [](Stub&) -> Response { throw std::runtime_error("oh"); };
  get_ready();
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"})));
  EXPECT_EQ(response_in(heard()).message(), "chaincode failed: oh");
  chaincode_.on_invoke = [](Stub&) { return success("fine"); };
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"}), "tx2"));
  EXPECT_EQ(response_in(heard()).payload(), "fine");
}

TEST_F(ConversationTest, AQuestionEndsWhenThePeerIsGone) {
  std::string said;
  chaincode_.on_invoke = [&](Stub& stub) {
    auto value = stub.get_state("a");
    said = value ? "an answer" : value.error().message;
    return success();
  };
  get_ready();
  ASSERT_TRUE(tell(Message::TRANSACTION, input({"f"})));
  EXPECT_EQ(heard().type(), Message::GET_STATE);
  conversation_->close();
  threads_.front().join();
  threads_.clear();
  EXPECT_EQ(said, "the connection to the peer is gone");
}

TEST_F(ConversationTest, ATransactionBeforeReadyEndsTheStream) {
  conversation_->start();
  EXPECT_FALSE(tell(Message::TRANSACTION, input({"f"})));
  EXPECT_FALSE(conversation_->receive("\xff\xff"));
}

TEST_F(ConversationTest, KeepAlivesAreAnswered) {
  get_ready();
  ASSERT_TRUE(tell(Message::KEEPALIVE));
  EXPECT_EQ(heard().type(), Message::KEEPALIVE);
}

}  // namespace
}  // namespace selvage::shim
