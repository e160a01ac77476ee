#include "network/gateway_load.h"

#include "identity/posix_msp_directory.h"
#include "tls/files_service.h"

namespace selvage::bench {

Result<std::unique_ptr<GatewayClient>> GatewayClient::make(const LoadSettings& settings) {
  SELVAGE_TRY(auto user, identity::load_signing_identity(settings.msp_directory, settings.mspid));
  SELVAGE_TRY(auto pair, tls::load_credentials({settings.tls_certificate, Origin{"--tls-cert", "", 0}, settings.tls_key,
                                                Origin{"--tls-key", "", 0}}));
  const client::Dialer dialer(std::make_shared<tls::CredentialStore>(std::move(pair)));
  client::Target target;
  target.address = settings.peers.front().address;
  SELVAGE_TRY(target.trust, client::trust_file(settings.peers.front().ca_file, Origin{"--peer", "", 0}));
  SELVAGE_TRY(const auto gateway, client::Gateway::connect(dialer, target, wire::signer_of(std::move(user))));
  std::unique_ptr<GatewayClient> made(
      new GatewayClient(gateway.network(settings.channel).contract(settings.chaincode)));
  // A network that has just come up: the peers may not have met yet.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    Status ready = made->endorse({"put", {"bench-ready", "1"}, {}, {}});
    if (ready) return made;
    if (std::chrono::steady_clock::now() > deadline) return fail(ready.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

Status GatewayClient::submit(const client::Call& call) {
  SELVAGE_CHECK(contract_.submit(call));
  return {};
}

Status GatewayClient::endorse(const client::Call& call) {
  SELVAGE_TRY(auto proposal, contract_.propose(call));
  SELVAGE_CHECK(proposal.endorse());
  return {};
}

Status GatewayClient::evaluate(const client::Call& call) {
  SELVAGE_CHECK(contract_.evaluate(call));
  return {};
}

}  // namespace selvage::bench
