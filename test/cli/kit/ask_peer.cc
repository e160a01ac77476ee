// Asks a peer for a channel's height (qscc GetChainInfo) as an identity that `peer` may not start with, and prints what
// the peer says: "ok", or why not. Ends with 0 either way, unless there was no answer.
//
//   ask_peer <peer> <peer's CA> <MSP directory> <MSP id> <TLS certificate> <TLS key> <channel>
#include <cstdio>

#include "client/dial_client.h"
#include "client/endorser_client.h"
#include "identity/posix_msp_directory.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "tls/files_service.h"
#include "wire/envelope.h"
#include "wire/proposal.h"

namespace selvage {
namespace {

Result<std::string> ask(char** arguments) {
  const auto trust = client::trust_file(arguments[2], {});
  if (!trust) return fail(trust.error());
  SELVAGE_TRY(const auto signer, identity::load_signing_identity(arguments[3], arguments[4]));
  SELVAGE_TRY(auto pair, tls::load_credentials({arguments[5], {}, arguments[6], {}}));
  const client::Dialer dialer(std::make_shared<tls::CredentialStore>(std::move(pair)));
  SELVAGE_TRY(const auto connection, dialer.dial({arguments[1], *trust, "", {}, {}}));
  const std::vector<Bytes> call{"GetChainInfo", arguments[7]};
  const auto made = wire::make_proposal(arguments[7], wire::make_call("qscc", call), signer.serialized(),
                                        os::system_clock().now(), os::system_random());
  SELVAGE_TRY(const auto proposal, wire::sign_proposal(made.proposal, wire::signer_of(signer)));
  const client::EndorserClient peer(connection, arguments[1]);
  const auto answer = peer.process(proposal);
  if (!answer) return answer.error().message;
  return answer->response().status() == 200 ? std::string("ok") : answer->response().message();
}

}  // namespace
}  // namespace selvage

int main(int count, char** arguments) {
  if (count != 8) return 2;
  const auto answer = selvage::ask(arguments);
  std::puts(answer ? answer->c_str() : selvage::to_string(answer.error()).c_str());
  return answer ? 0 : 1;
}
