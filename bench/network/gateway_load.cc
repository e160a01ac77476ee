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
  return std::unique_ptr<GatewayClient>(
      new GatewayClient(gateway.network(settings.channel).contract(settings.chaincode)));
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
