// What a listener may demand of clients beyond Fabric: that nobody took their certificate back, and a name that may come.
#include <gtest/gtest.h>

#include "crypto/der.h"
#include "crypto/revocation_list.h"
#include "kit/handshakes.h"

namespace selvage::tls {
namespace {

namespace der = crypto::der;

struct Listener {
  test::Authority ca{"tlsca.org1"};
  ServerPolicy policy;
  std::shared_ptr<TrustStore> trust = test::trust({ca.certificate()});
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();

  // The code of the refusal; empty: served.
  std::string answer_to(const test::Identity& who) {
    policy.client_names_setting.key = "CORE_PEER_TLS_CLIENTNAMES";
    ServerContext server(test::credentials(ca.server("peer0", {"localhost"})), trust, policy, clock);
    ClientContext client(test::credentials(who, "client"), test::trust({ca.certificate()}), of_client, clock);
    auto talk = test::converse(client, server);
    talk.run();
    auto diagnosis = talk.server->diagnosis();
    said = diagnosis ? diagnosis->cause + " " + diagnosis->remedy : "";
    alert = talk.client->failure() ? talk.client->failure()->alert_received : std::nullopt;
    client_says = talk.client->diagnosis() ? talk.client->diagnosis()->code : "";
    return diagnosis ? diagnosis->code : "";
  }
  ClientPolicy of_client;
  std::string said, client_says;
  std::optional<int> alert;
};

Revocations list_of(const test::Authority& ca, const crypto::Certificate& taken_back) {
  Provenance from;
  from.kind = Provenance::Kind::kChannel;
  from.channel = "mychannel";
  from.msp_id = "Org1MSP";
  return {crypto::RevocationList::from_der(test::revocation_list(ca, taken_back)).value(), from};
}

TEST(Revocation, RefusesWhoseCertificateIsTakenBackAndNamesTheList) {
  Listener listener;
  auto bad = listener.ca.client("bad"), good = listener.ca.client("good");
  listener.policy.revocation = true;
  EXPECT_EQ(listener.answer_to(bad), "");
  listener.trust->set_source("channel mychannel", {}, {list_of(listener.ca, bad.certificate)});
  EXPECT_EQ(listener.answer_to(bad), "TLS-14");
  EXPECT_NE(listener.said.find("CN=bad"), std::string::npos) << listener.said;
  EXPECT_NE(listener.said.find("channel mychannel, Org1MSP"), std::string::npos) << listener.said;
  EXPECT_EQ(listener.alert, kAlertCertificateRevoked);
  EXPECT_EQ(listener.answer_to(good), "");
  listener.trust->set_source("channel mychannel", {});  // the next configuration has no list
  EXPECT_EQ(listener.answer_to(bad), "");
}

TEST(Revocation, IsOffUnlessTurnedOn) {
  Listener listener;
  auto bad = listener.ca.client("bad");
  listener.trust->set_source("channel mychannel", {}, {list_of(listener.ca, bad.certificate)});
  EXPECT_EQ(listener.answer_to(bad), "");
}

TEST(Revocation, BelievesOnlyListsThatTheIssuerSigned) {
  Listener listener;
  listener.policy.revocation = true;
  auto fine = listener.ca.client("fine");
  test::Authority impostor("tlsca.org1");
  listener.trust->set_source("channel mychannel", {{impostor.certificate(), {}}}, {list_of(impostor, fine.certificate)});
  EXPECT_EQ(listener.answer_to(fine), "");
}

TEST(ClientNames, LetInWhoHasOneOfThem) {
  Listener listener;
  auto app = listener.ca.client("app1", [](crypto::CertificateRequest& request) {
    Bytes names = der::wrap(0x82, "app1.org1") + der::wrap(0x86, "spiffe://org1/app1");
    request.extra_extensions.push_back({"2.5.29.17", false, der::wrap(der::kSequence, names)});
  });
  const auto answer = [&](std::vector<std::string> names) {
    listener.policy.client_names = std::move(names);
    return listener.answer_to(app);
  };
  EXPECT_EQ(answer({}), "");
  EXPECT_EQ(answer({"app1.org1"}), "");
  EXPECT_EQ(answer({"else", "dns:APP1.*"}), "");
  EXPECT_EQ(answer({"uri:spiffe://org1/*"}), "");
  EXPECT_EQ(answer({"app2.org1", "uri:app1.org1", "spiffe://org1/app1"}), "TLS-58");
  EXPECT_NE(listener.said.find("app1.org1, spiffe://org1/app1"), std::string::npos) << listener.said;
  EXPECT_NE(listener.said.find("CORE_PEER_TLS_CLIENTNAMES"), std::string::npos) << listener.said;
  listener.policy.client_names = {"app1.org1"};
  EXPECT_EQ(listener.answer_to(listener.ca.client("app1")), "TLS-58");  // a common name is no name
}

TEST(ClientNames, TellTheClientThatItsCertificateIsGoodButNotLetIn) {
  for (const bool tls12 : {false, true}) {
    Listener listener;
    listener.policy.client_names = {"app2.org1"};
    listener.of_client.tls12_only = tls12;
    EXPECT_EQ(listener.answer_to(listener.ca.client("app1")), "TLS-58");
    EXPECT_EQ(listener.alert, kAlertAccessDenied);
    EXPECT_EQ(listener.client_says, "TLS-58");
  }
}

}  // namespace
}  // namespace selvage::tls
