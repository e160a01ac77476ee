// Fills a channel with blocks: `count` transactions that say nothing (peers store them as invalid), one a block when the
// channel's MaxMessageCount is 1.
//
//   make_blocks <orderer> <orderer's CA> <MSP directory> <MSP id> <TLS certificate> <TLS key> <channel> <count>
#include <cstdio>
#include <cstdlib>

#include "client/broadcast_client.h"
#include "client/dial_client.h"
#include "common/configtx.pb.h"
#include "identity/posix_msp_directory.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "tls/files_service.h"
#include "wire/envelope.h"

namespace selvage {
namespace {

Status make_blocks(char** arguments) {
  const auto trust = client::trust_file(arguments[2], {});
  if (!trust) return fail(trust.error());
  SELVAGE_TRY(const auto signer, identity::load_signing_identity(arguments[3], arguments[4]));
  SELVAGE_TRY(auto pair, tls::load_credentials({arguments[5], {}, arguments[6], {}}));
  const client::Dialer dialer(std::make_shared<tls::CredentialStore>(std::move(pair)));
  SELVAGE_TRY(const auto channel, dialer.dial({arguments[1], *trust, "", {}, {}}));
  client::BroadcastClient orderer({channel});
  const ::common::ConfigValue nothing;
  for (int left = std::atoi(arguments[8]); left > 0; --left) {
    SELVAGE_TRY(const auto envelope,
                wire::make_signed_envelope(::common::ENDORSER_TRANSACTION, arguments[7], wire::signer_of(signer), nothing,
                                           os::system_clock().now(), os::system_random()));
    SELVAGE_CHECK(orderer.send(envelope));
  }
  return {};
}

}  // namespace
}  // namespace selvage

int main(int count, char** arguments) {
  if (count != 9) return 2;
  const auto done = selvage::make_blocks(arguments);
  if (!done) std::fprintf(stderr, "%s\n", selvage::to_string(done.error()).c_str());
  return done ? 0 : 1;
}
