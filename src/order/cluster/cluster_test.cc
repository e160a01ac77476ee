// Connections between consenters: who is who by which key, and what becomes of messages to servers of every kind.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "kit/certificates.h"
#include "order/cluster/members.h"
#include "order/cluster/transport_client.h"
#include "orderer/cluster.pb.h"
#include "os/system_clock.h"
#include "rpc/server.h"
#include "tls/context.h"
#include "wire/marshal.h"

namespace selvage::order::cluster {
namespace {

[[maybe_unused]] const bool kQuiet = log::set_spec("fatal").has_value();

using namespace std::chrono_literals;

std::shared_ptr<tls::CredentialStore> store_of(const test::Identity& identity) {
  return std::make_shared<tls::CredentialStore>(
      *tls::Credentials::from_pem(identity.certificate_pem(), identity.key_pem()));
}

tls::Root root_of(const test::Authority& ca) { return {ca.certificate(), {}}; }

TEST(Members, TellsTheConsentersApartByTheKeysOfTheirClientCertificates) {
  test::Authority ca("tlsca");
  const auto one = ca.client("one"), two = ca.client("two"), stranger = ca.client("stranger");
  const Members members{{1, "a:1", one.certificate, one.certificate}, {2, "b:2", two.certificate, two.certificate}};
  const Member* found = sender_of(members, two.certificate.der());
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->id, 2u);
  EXPECT_EQ(sender_of(members, stranger.certificate.der()), nullptr);
  EXPECT_EQ(sender_of(members, "no certificate"), nullptr);
  EXPECT_EQ(sender_of(members, ""), nullptr);
}

TEST(Members, ACertificateThatWasRenewedWithItsKeyIsStillTheSameNode) {
  test::Authority ca("tlsca");
  const auto old = ca.client("one");
  const auto renewed = crypto::issue(test::Authority::leaf_request("one"), old.certificate.public_key(),
                                     ca.certificate(), ca.key());
  ASSERT_TRUE(renewed);
  EXPECT_NE(renewed->der(), old.certificate.der());
  const Members members{{7, "a:1", old.certificate, old.certificate}};
  EXPECT_NE(sender_of(members, renewed->der()), nullptr);
  EXPECT_TRUE(server_pin("a:1", old.certificate)(*renewed));
}

TEST(Members, APinRefusesAnotherKeyInFabricsWords) {
  test::Authority ca("tlsca");
  const auto expected = ca.server("one", {"localhost"}), other = ca.server("one", {"localhost"});
  const auto pin = server_pin("orderer1:7050", expected.certificate);
  EXPECT_TRUE(pin(expected.certificate));
  const auto refused = pin(other.certificate);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "public key of server certificate presented by orderer1:7050 doesn't match the expected public key");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "General.TLS.Certificate", refused.error().hint);
}

TEST(Members, OfAStrangerSayWhoseKeyItShouldHave) {
  test::Authority ca("tlsca");
  const auto first = ca.server("orderer1", {"localhost"}), second = ca.server("orderer2", {"localhost", "127.0.0.1"});
  const auto renewed = ca.server("orderer2", {"localhost"});
  const Members members{{1, "localhost:7050", first.certificate, first.certificate, {}},
                        {2, "localhost:7051", second.certificate, second.certificate, {}}};
  const std::string told = describe_stranger(members, "ch1", "10.0.0.7:51234", renewed.certificate.der());
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "TLS-51: 10.0.0.7:51234 presents CN=orderer2 (serial " + renewed.certificate.serial_hex(), told);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "but channel ch1 has CN=orderer2 (serial " + second.certificate.serial_hex(), told);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "for the consenter localhost:7051", told);
  const auto nobody = ca.server("else", {"localhost"});  // a name that both endpoints have
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "the key of no consenter of channel ch1",
                      describe_stranger(members, "ch1", "10.0.0.7:1", nobody.certificate.der()));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "cannot be read", describe_stranger(members, "ch1", "10.0.0.7:1", "no DER"));
}

TEST(Members, AreAllConsentersButOurselves) {
  test::Authority ca("tlsca");
  etcdraft::BlockMetadata ids;
  etcdraft::ConfigMetadata config;
  for (uint64_t id : {4u, 9u, 2u}) {
    ids.add_consenter_ids(id);
    auto* consenter = config.add_consenters();
    consenter->set_host("node" + std::to_string(id));
    consenter->set_port(7050);
    consenter->set_server_tls_cert(ca.server("s", {"localhost"}).certificate_pem());
    consenter->set_client_tls_cert(ca.client("c").certificate_pem());
  }
  const auto members = members_of(ids, config, 9);
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 2u);
  EXPECT_EQ((*members)[1].endpoint, "node2:7050");
  config.mutable_consenters(0)->set_server_tls_cert("rubbish");
  EXPECT_FALSE(members_of(ids, config, 9));
}

// What is under way from a consenter whose key was replaced is taken for a moment: the moment is its own, not the next change's.
TEST(Members, KeepSinceWhenEachHasItsKey) {
  test::Authority ca("tlsca");
  const auto first = ca.client("orderer1"), second = ca.client("orderer2"), renewed = ca.client("orderer2");
  const auto at = [](int seconds) { return SteadyTime{} + std::chrono::seconds(seconds); };
  Members members{{1, "one:7050", first.certificate, first.certificate, {}}};
  keep_times(members, {}, at(1));
  Members more{{1, "one:7051", first.certificate, first.certificate, {}}, {2, "two:7050", second.certificate, second.certificate, {}}};
  keep_times(more, members, at(2));
  Members later{{1, "one:7051", first.certificate, first.certificate, {}}, {2, "two:7050", second.certificate, renewed.certificate, {}}};
  keep_times(later, more, at(3));
  Members last = later;
  keep_times(last, later, at(4));
  EXPECT_EQ(more[0].client_since, at(1));
  EXPECT_EQ(more[1].client_since, at(2));
  EXPECT_EQ(last[0].client_since, at(1));
  EXPECT_EQ(last[1].client_since, at(3));
}

TEST(ExpiryWarning, IsDueBelowTheThresholdAndEveryFiveMinutes) {
  const std::chrono::sys_seconds ends{std::chrono::hours(1000)};
  ExpiryWarning warning(ends, 24h);
  EXPECT_FALSE(warning.due(ends - 25h));
  EXPECT_TRUE(warning.due(ends - 23h));
  EXPECT_FALSE(warning.due(ends - 23h + 299s));
  EXPECT_TRUE(warning.due(ends - 23h + 300s));
  EXPECT_EQ(warning.text("orderer2", "127.0.0.1:7050", "ch1", ends - 23h),
            "Certificate of orderer2 from 127.0.0.1:7050 for channel ch1 expires in less than 23h0m0s");
}

// Another orderer: takes Step streams and keeps what came.
class TransportTest : public testing::Test {
 protected:
  TransportTest() : server_pair_(ca_.server("orderer2", {"127.0.0.1"})), own_(ca_.client("orderer1")) {
    tls::ServerPolicy policy;
    policy.listener = "Orderer";
    auto context = std::make_shared<tls::ServerContext>(
        store_of(server_pair_), std::make_shared<tls::TrustStore>(std::vector<tls::Root>{root_of(ca_)}), policy);
    server_ = std::make_unique<rpc::Server>(rpc::ServerSettings{.listen_address = "127.0.0.1:0", .tls = context});
    server_->add_stream("/orderer.Cluster/Step", [this](std::shared_ptr<rpc::ServerCall> call) {
      return std::make_unique<Taker>(*this, std::move(call));
    });
    EXPECT_TRUE(server_->start());
    Transport::Settings settings;
    settings.send_buffer = 10;
    settings.backoff_base = 10ms;
    settings.backoff_max = 50ms;
    transport_ = std::make_unique<Transport>(
        settings, Transport::Parts{own_store_, std::make_shared<tls::TrustStore>(std::vector<tls::Root>{root_of(ca_)}),
                                   metrics::disabled(), os::system_clock()});
  }
  ~TransportTest() override {
    transport_->shut_down();
    server_->stop();
  }

  void configure(const crypto::Certificate& expected) {
    transport_->configure("ch1", {{2, server_->address(), expected, expected}}, [this](raft::NodeId id) {
      std::lock_guard lock(mutex_);
      ++lost_;
      EXPECT_EQ(id, 2u);
      changed_.notify_all();
    });
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, condition);
  }

  class Taker final : public rpc::StreamHandler {
   public:
    Taker(TransportTest& test, std::shared_ptr<rpc::ServerCall> call) : test_(test), call_(std::move(call)) {}
    void on_message(Bytes bytes) override {
      std::lock_guard lock(test_.mutex_);
      test_.came_.push_back(*wire::parse<::orderer::StepRequest>(bytes));
      test_.sender_ = call_->peer().certificate;
      if (test_.refuse_) call_->finish({Code::kUnknown, "certificate extracted from TLS connection isn't authorized"});
      test_.changed_.notify_all();
    }
    void on_half_close() override {
      call_->finish(rpc::Status());
      std::lock_guard lock(test_.mutex_);
      ++test_.left_;
      test_.changed_.notify_all();
    }

   private:
    TransportTest& test_;
    std::shared_ptr<rpc::ServerCall> call_;
  };

  test::Authority ca_{"tlsca.example.com"};
  test::Identity server_pair_, own_;
  std::shared_ptr<tls::CredentialStore> own_store_ = store_of(own_);
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Transport> transport_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<::orderer::StepRequest> came_;
  Bytes sender_;
  int lost_ = 0, left_ = 0;
  bool refuse_ = false;
};

TEST_F(TransportTest, BringsMessagesAndTransactionsAsFabricWritesThem) {
  configure(server_pair_.certificate);
  ASSERT_TRUE(transport_->send("ch1", 2, "raft message", "metadata"));
  ASSERT_TRUE(wait([&] { return came_.size() == 1; }));
  EXPECT_EQ(came_[0].consensus_request().channel(), "ch1");
  EXPECT_EQ(came_[0].consensus_request().payload(), "raft message");
  EXPECT_EQ(came_[0].consensus_request().metadata(), "metadata");
  EXPECT_EQ(sender_, own_.certificate.der()) << "the cluster's client certificate is shown";
  ::common::Envelope envelope;
  envelope.set_payload("transaction");
  ASSERT_TRUE(transport_->submit("ch1", 2, wire::marshal(envelope), 5, [] {}));
  ASSERT_TRUE(wait([&] { return came_.size() == 2; }));
  EXPECT_EQ(came_[1].submit_request().payload().payload(), "transaction");
  EXPECT_EQ(came_[1].submit_request().last_validation_seq(), 5u);
  EXPECT_EQ(lost_, 0);
}

TEST_F(TransportTest, SaysWhatIsNotThere) {
  EXPECT_EQ(transport_->send("ch1", 2, "m", "").error().message, "channel ch1 doesn't exist");
  configure(server_pair_.certificate);
  EXPECT_EQ(transport_->send("ch1", 3, "m", "").error().message, "node 3 doesn't exist in channel ch1's membership");
  transport_->forget("ch1");
  EXPECT_EQ(transport_->send("ch1", 2, "m", "").error().message, "channel ch1 doesn't exist");
  transport_->shut_down();
  EXPECT_EQ(transport_->send("ch1", 2, "m", "").error().message, "communication has been shut down");
}

TEST_F(TransportTest, DoesNotSpeakWithAServerOfAnotherKeyThoughItsCertificateIsGood) {
  configure(ca_.server("orderer2", {"127.0.0.1"}).certificate);
  (void)transport_->send("ch1", 2, "secret", "");
  ASSERT_TRUE(wait([&] { return lost_ > 0; })) << "the loss is told";
  EXPECT_TRUE(came_.empty());
}

// The commit of the configuration that changes a node's key is the last thing which that node hears by its old one.
TEST_F(TransportTest, BringsWhatWasSentBeforeANodesKeyChanged) {
  configure(server_pair_.certificate);
  ASSERT_TRUE(transport_->send("ch1", 2, "one", ""));
  ASSERT_TRUE(wait([&] { return came_.size() == 1; }));
  ASSERT_TRUE(transport_->send("ch1", 2, "commit", ""));
  configure(ca_.server("orderer2", {"127.0.0.1"}).certificate);
  ASSERT_TRUE(wait([&] { return came_.size() == 2; }));
  EXPECT_EQ(came_[1].consensus_request().payload(), "commit");
}

// The others know us by our certificate's key: what we send moves to a connection that shows the new one, and nothing is lost.
TEST_F(TransportTest, MovesToANewConnectionWhenOurCertificateIsReplaced) {
  configure(server_pair_.certificate);
  ASSERT_TRUE(transport_->send("ch1", 2, "0", ""));
  ASSERT_TRUE(wait([&] { return came_.size() == 1; }));
  const test::Identity next = ca_.client("orderer1");
  own_store_->replace(store_of(next)->current());
  size_t sent = 1;
  bool moved = false;
  for (int i = 0; i < 2000 && !moved; ++i) {
    ASSERT_TRUE(transport_->send("ch1", 2, std::to_string(sent++), ""));
    std::unique_lock lock(mutex_);
    moved = changed_.wait_for(lock, 10ms, [&] { return sender_ == next.certificate.der(); });
  }
  EXPECT_TRUE(moved);
  EXPECT_TRUE(wait([&] { return came_.size() == sent && left_ == 1; })) << "the old stream is left, with all that was written";
  EXPECT_EQ(lost_, 0);
}

TEST_F(TransportTest, TellsThatAStreamEndedAndOpensAnother) {
  configure(server_pair_.certificate);
  refuse_ = true;
  ASSERT_TRUE(transport_->send("ch1", 2, "one", ""));
  ASSERT_TRUE(wait([&] { return lost_ == 1; }));
  {
    std::lock_guard lock(mutex_);
    refuse_ = false;
  }
  ASSERT_TRUE(transport_->send("ch1", 2, "two", ""));
  EXPECT_TRUE(wait([&] { return came_.size() == 2; }));
}

TEST_F(TransportTest, DropsWhatANodeThatIsGoneCannotTake) {
  configure(server_pair_.certificate);
  server_->stop();
  bool dropped = false;
  for (int i = 0; i < 100 && !dropped; ++i) {
    dropped = !transport_->send("ch1", 2, Bytes(1000, 'x'), "").has_value();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 5ms, [&] { return lost_ > 0; });
  }
  EXPECT_TRUE(dropped || lost_ > 0);
}

}  // namespace
}  // namespace selvage::order::cluster
