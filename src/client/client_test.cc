// The clients against servers of our own, over mutual TLS: a good network whose servers each test makes misbehave.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "client/broadcast_client.h"
#include "client/commit_client.h"
#include "client/deliver_client.h"
#include "client/dial_client.h"
#include "client/endorser_client.h"
#include "common/common.pb.h"
#include "kit/certificates.h"
#include "orderer/ab.pb.h"
#include "os/system_clock.h"
#include "peer/events.pb.h"
#include "rpc/server.h"
#include "tls/context.h"
#include "wire/marshal.h"
#include "wire/views.h"

namespace selvage::client {
namespace {

using namespace std::chrono_literals;

class Client : public testing::Test {
 protected:
  std::shared_ptr<tls::CredentialStore> pair(const test::Authority& ca, const std::string& name) {
    const test::Identity made = ca.server(name, {"localhost", "127.0.0.1"});
    return std::make_shared<tls::CredentialStore>(*tls::Credentials::from_parts({made.certificate}, made.key));
  }
  std::shared_ptr<tls::TrustStore> trust(const test::Authority& ca) {
    return std::make_shared<tls::TrustStore>(std::vector<tls::Root>{{ca.certificate(), {}}});
  }

  // A server that demands a client certificate of `ca_`; `fill` adds its handlers.
  std::unique_ptr<rpc::Server> serve(const std::function<void(rpc::Server&)>& fill) {
    rpc::ServerSettings settings;
    settings.listen_address = "127.0.0.1:0";
    settings.tls = std::make_shared<tls::ServerContext>(pair(ca_, "server"), trust(ca_), tls::ServerPolicy{});
    auto server = std::make_unique<rpc::Server>(settings);
    fill(*server);
    EXPECT_TRUE(server->start().has_value());
    return server;
  }
  std::shared_ptr<rpc::Channel> dial(const rpc::Server& server) {
    auto channel = Dialer(ours_).dial({server.address(), trust(ca_), "", {}, {}});
    EXPECT_TRUE(channel.has_value()) << to_string(channel.error());
    return channel ? *channel : nullptr;
  }

  test::Authority ca_{"tlsca.example.com"};
  TlsIdentity ours_ = pair(ca_, "client");
  wire::Signer signer_{"alice", [](BytesView) -> Result<Bytes> { return Bytes("signature"); }};
};

void add_endorser(rpc::Server& server, int32_t status) {
  server.add_unary("/protos.Endorser/ProcessProposal", [status](std::shared_ptr<rpc::ServerCall> call, Bytes request) {
    ::protos::ProposalResponse answer;
    answer.mutable_response()->set_status(status);
    answer.set_payload(request);
    if (status == 0) return call->finish({Code::kUnknown, "access denied"});
    call->reply(wire::marshal(answer));
  });
}

TEST_F(Client, DialsWithItsCertificateAndTellsItsHash) {
  auto server = serve([](rpc::Server& s) { add_endorser(s, 200); });
  auto channel = dial(*server);
  ASSERT_NE(channel, nullptr);
  EXPECT_EQ(Dialer(ours_).certificate_hash(), ours_->current()->leaf().sha256());
  EXPECT_EQ(Dialer(nullptr).certificate_hash(), "");
}

TEST_F(Client, SaysWhyTheServerRefusesIt) {
  auto server = serve([](rpc::Server& s) { add_endorser(s, 200); });
  const test::Authority other("other.example.com");
  for (const TlsIdentity& identity : {TlsIdentity(), TlsIdentity(pair(other, "stranger"))}) {
    auto channel = Dialer(identity).dial({server->address(), trust(ca_), "", {}, {}});
    ASSERT_FALSE(channel.has_value());
    EXPECT_TRUE(channel.error().message.starts_with("failed to create new connection: ")) << channel.error().message;
    EXPECT_NE(to_string(channel.error()).find("TLS-0"), std::string::npos) << to_string(channel.error());
    EXPECT_FALSE(channel.error().hint.empty());
  }
  auto distrusted = Dialer(ours_).dial({server->address(), trust(other), "", {}, {}});
  ASSERT_FALSE(distrusted.has_value());
  EXPECT_NE(distrusted.error().message.find("x509: certificate signed by unknown authority"), std::string::npos);
}

TEST_F(Client, AnswersComeInTheOrderOfThePeers) {
  auto one = serve([](rpc::Server& s) { add_endorser(s, 200); });
  auto two = serve([](rpc::Server& s) { add_endorser(s, 201); });
  const std::vector<EndorserClient> peers{{dial(*one), one->address()}, {dial(*two), two->address()}};
  auto answers = process_on_all(peers, ::protos::SignedProposal());
  ASSERT_TRUE(answers.has_value());
  EXPECT_EQ(answers->at(0).response().status(), 200);
  EXPECT_EQ(answers->at(1).response().status(), 201);
}

TEST_F(Client, OneRefusalOfSeveralPeersIsTheAnswer) {
  auto good = serve([](rpc::Server& s) { add_endorser(s, 200); });
  auto bad = serve([](rpc::Server& s) { add_endorser(s, 0); });
  const std::vector<EndorserClient> peers{{dial(*good), good->address()}, {dial(*bad), bad->address()}};
  EXPECT_EQ(process_on_all(peers, ::protos::SignedProposal()).error().message,
            "rpc error: code = Unknown desc = access denied");
}

void add_broadcast(rpc::Server& server, ::common::Status status) {
  server.add_blocking_stream("/orderer.AtomicBroadcast/Broadcast", [status](rpc::BlockingStream& stream) {
    for (Bytes message; stream.read(&message);) {
      ::orderer::BroadcastResponse answer;
      answer.set_status(status);
      answer.set_info("info");
      stream.write(wire::marshal(answer));
    }
    return rpc::Status();
  });
}

TEST_F(Client, BroadcastWaitsForEveryOrderersYes) {
  auto one = serve([](rpc::Server& s) { add_broadcast(s, ::common::SUCCESS); });
  auto two = serve([](rpc::Server& s) { add_broadcast(s, ::common::FORBIDDEN); });
  BroadcastClient yes({dial(*one)});
  EXPECT_TRUE(yes.send({}).has_value());
  EXPECT_TRUE(yes.send({}).has_value());  // the stream stays open
  BroadcastClient both({dial(*one), dial(*two)});
  EXPECT_EQ(both.send({}).error().message, "got unexpected status: FORBIDDEN -- info");
}

// Answers a seek with one block, or with a status when the seek is for block 9.
void add_deliver(rpc::Server& server, std::atomic<int>* bound) {
  server.add_blocking_stream("/orderer.AtomicBroadcast/Deliver", [bound](rpc::BlockingStream& stream) {
    Bytes message;
    if (!stream.read(&message)) return rpc::Status();
    const auto open = wire::open_envelope(message);
    if (open && open->channel_header.tls_cert_hash == stream.call().peer().certificate_sha256) ++*bound;
    const auto seek = wire::parse<::orderer::SeekInfo>(open->payload.data);
    ::orderer::DeliverResponse answer;
    if (seek->start().specified().number() == 9) {
      answer.set_status(::common::NOT_FOUND);
    } else {
      answer.mutable_block()->mutable_header()->set_number(seek->start().specified().number());
    }
    stream.write(wire::marshal(answer));
    return rpc::Status();
  });
}

TEST_F(Client, FetchesBlocksBoundToItsConnection) {
  std::atomic<int> bound = 0;
  auto server = serve([&](rpc::Server& s) { add_deliver(s, &bound); });
  DeliverClient deliver(dial(*server), From::kOrderer, "ch", signer_, Dialer(ours_).certificate_hash());
  auto block = deliver.fetch(uint64_t{5});
  ASSERT_TRUE(block.has_value()) << to_string(block.error());
  EXPECT_EQ(block->header().number(), 5u);
  EXPECT_EQ(bound, 1);
  EXPECT_EQ(deliver.fetch(uint64_t{9}).error().message, "can't read the block: &{NOT_FOUND}");
}

// After the seek: a block of other transactions, then one with ours.
void add_events(rpc::Server& server, ::protos::TxValidationCode code) {
  server.add_blocking_stream("/protos.Deliver/DeliverFiltered", [code](rpc::BlockingStream& stream) {
    Bytes message;
    if (!stream.read(&message)) return rpc::Status();
    for (const char* id : {"other", "ours"}) {
      ::protos::DeliverResponse answer;
      auto* transaction = answer.mutable_filtered_block()->add_filtered_transactions();
      transaction->set_txid(id);
      transaction->set_tx_validation_code(code);
      if (!stream.write(wire::marshal(answer))) break;
    }
    return rpc::Status();
  });
}

TEST_F(Client, WaitsUntilEveryPeerHasCommitted) {
  auto one = serve([](rpc::Server& s) { add_events(s, ::protos::VALID); });
  auto two = serve([](rpc::Server& s) { add_events(s, ::protos::VALID); });
  CommitClient commit("ch", "ours", signer_, Dialer(ours_).certificate_hash());
  ASSERT_TRUE(commit.connect({{dial(*one), one->address()}, {dial(*two), two->address()}}, 30s).has_value());
  std::atomic<int> told = 0;
  EXPECT_TRUE(commit.wait(30s, [&](const std::string&, ::protos::TxValidationCode) { ++told; }).has_value());
  EXPECT_EQ(told, 2);
}

TEST_F(Client, AnInvalidTransactionIsAnError) {
  auto server = serve([](rpc::Server& s) { add_events(s, ::protos::MVCC_READ_CONFLICT); });
  CommitClient commit("ch", "ours", signer_, "");
  ASSERT_TRUE(commit.connect({{dial(*server), server->address()}}, 30s).has_value());
  EXPECT_EQ(commit.wait(30s).error().message, "transaction invalidated with status (MVCC_READ_CONFLICT)");
}

// Takes the seek and never answers, or with one block only.
struct Silent final : rpc::StreamHandler {
  explicit Silent(std::shared_ptr<rpc::ServerCall> kept, Bytes block = "") : call(std::move(kept)), newest(std::move(block)) {}
  void on_message(Bytes) override {
    if (!newest.empty()) call->write(newest);
  }
  void on_half_close() override {}
  std::shared_ptr<rpc::ServerCall> call;  // a call that nobody holds is over
  Bytes newest;
};

TEST_F(Client, AStreamThatEndsOrStaysSilentIsAnError) {
  auto ends = serve([](rpc::Server& s) {
    s.add_blocking_stream("/protos.Deliver/DeliverFiltered", [](rpc::BlockingStream& stream) {
      Bytes seek;
      stream.read(&seek);
      ::protos::DeliverResponse answer;
      answer.set_status(::common::FORBIDDEN);
      stream.write(wire::marshal(answer));
      return rpc::Status();
    });
  });
  CommitClient refused("ch", "ours", signer_, "");
  ASSERT_TRUE(refused.connect({{dial(*ends), ends->address()}}, 30s).has_value());
  EXPECT_EQ(refused.wait(30s).error().message, "deliver completed with status (FORBIDDEN) before txid received");

  auto other = serve([](rpc::Server& s) {
    s.add_stream("/protos.Deliver/DeliverFiltered",
                 [](std::shared_ptr<rpc::ServerCall> call) { return std::make_unique<Silent>(std::move(call)); });
  });
  CommitClient silent("ch", "ours", signer_, "");
  EXPECT_EQ(silent.connect({{dial(*other), other->address()}}, 100ms).error().message, "timed out waiting for txid on all peers");
  auto begins = serve([](rpc::Server& s) {
    ::protos::DeliverResponse answer;
    answer.mutable_filtered_block()->set_number(1);
    s.add_stream("/protos.Deliver/DeliverFiltered", [block = wire::marshal(answer)](std::shared_ptr<rpc::ServerCall> call) {
      return std::make_unique<Silent>(std::move(call), block);
    });
  });
  CommitClient waiting("ch", "ours", signer_, "");
  ASSERT_TRUE(waiting.connect({{dial(*begins), begins->address()}}, 30s).has_value());
  EXPECT_EQ(waiting.wait(100ms).error().message, "timed out waiting for txid on all peers");
}

// A transaction may be in a block a moment after it was sent: before, each peer's stream must have begun.
TEST_F(Client, TheTransactionIsSentOnceEveryPeerHasBegunToSendBlocks) {
  std::promise<void> may_begin;
  auto begin = may_begin.get_future().share();
  auto slow = serve([begin](rpc::Server& s) {
    s.add_blocking_stream("/protos.Deliver/DeliverFiltered", [begin](rpc::BlockingStream& stream) {
      begin.wait();
      ::protos::DeliverResponse answer;
      answer.mutable_filtered_block()->set_number(1);
      stream.write(wire::marshal(answer));
      answer.mutable_filtered_block()->add_filtered_transactions()->set_txid("ours");
      stream.write(wire::marshal(answer));
      return rpc::Status();
    });
  });
  CommitClient commit("ch", "ours", signer_, "");
  std::atomic<bool> connected = false;
  std::thread connecting([&] {
    EXPECT_TRUE(commit.connect({{dial(*slow), slow->address()}}, 30s).has_value());
    connected = true;
  });
  EXPECT_FALSE(connected);
  may_begin.set_value();
  connecting.join();
  EXPECT_TRUE(commit.wait(30s).has_value());
}

}  // namespace
}  // namespace selvage::client
