#include <algorithm>
#include <ostream>

#include "client/deliver_client.h"
#include "client/gateway/gateway_client.h"
#include "identity/posix_msp_directory.h"
#include "tls/files_service.h"
#include "tools/selvage/compare/blocks.h"
#include "tools/selvage/compare/compare.h"

namespace selvage::tools::compare {
namespace {

struct Ledger {
  std::string address;
  uint64_t height = 0;
  std::unique_ptr<client::Events<::common::Block>> blocks;
};

Result<Ledger> open(const Wanted& wanted, const client::Dialer& dialer, const std::shared_ptr<tls::TrustStore>& trust,
                    const wire::Signer& signer, const std::string& address) {
  client::Target target;
  target.address = address;
  target.trust = trust;
  target.roots_setting = {"--cafile", "", 0};
  SELVAGE_TRY(auto channel, dialer.dial(target));
  client::DeliverClient deliver(channel, client::From::kPeer, wanted.channel, signer, dialer.certificate_hash());
  SELVAGE_TRY(const auto newest, deliver.fetch(client::Newest{}));
  SELVAGE_TRY(const auto gateway, client::Gateway::connect(dialer, target, signer));
  Ledger ledger{address, newest.header().number() + 1, nullptr};
  SELVAGE_TRY(ledger.blocks, gateway.network(wanted.channel).block_events(0));
  return ledger;
}

// The next block of both; an error names the peer.
Result<::common::Block> next(Ledger& ledger) {
  auto block = ledger.blocks->next();
  if (!block) return fail(block.error().within(ledger.address));
  if (!*block) return fail(Code::kUnavailable, ledger.address + " ended its stream of blocks");
  return std::move(**block);
}

Result<bool> walk(const Wanted& wanted, Terminal terminal) {
  if (wanted.peers.size() != 2) return fail(Code::kInvalidArgument, "name two peers, each with --peer");
  client::TlsIdentity pair;
  const Origin certificate{"--certfile", "", 0}, key{"--keyfile", "", 0};
  SELVAGE_TRY(auto loaded, tls::load_credentials({wanted.tls_certificate, certificate, wanted.tls_key, key}));
  pair = std::make_shared<tls::CredentialStore>(std::move(loaded));
  SELVAGE_TRY(auto roots, tls::load_roots(wanted.ca_files, {"--cafile", "", 0}));
  const auto trust = std::make_shared<tls::TrustStore>(std::move(roots));
  SELVAGE_TRY(auto user, identity::load_signing_identity(wanted.msp_folder, wanted.mspid));
  const auto signer = wire::signer_of(std::move(user));
  client::DialSettings settings;
  settings.certificate_setting = certificate;
  settings.is_cli = true;
  const client::Dialer dialer(pair, settings);
  std::vector<Ledger> ledgers;
  for (const auto& address : wanted.peers) {
    auto ledger = open(wanted, dialer, trust, signer, address);
    if (!ledger) return fail(ledger.error().within(address));
    ledgers.push_back(std::move(*ledger));
  }
  const uint64_t common = std::min(ledgers[0].height, ledgers[1].height);
  for (uint64_t number = 0; number < common; ++number) {
    SELVAGE_TRY(const auto one, next(ledgers[0]));
    SELVAGE_TRY(const auto other, next(ledgers[1]));
    if (const auto found = difference(one, other)) {
      terminal.out << "block " << number << " differs between " << wanted.peers[0] << " and " << wanted.peers[1] << ": "
                   << *found << "\n";
      return false;
    }
  }
  terminal.out << common << " blocks are the same; heights: " << wanted.peers[0] << " " << ledgers[0].height << ", "
               << wanted.peers[1] << " " << ledgers[1].height << "\n";
  return true;
}

}  // namespace

int run(const Wanted& wanted, Terminal terminal) {
  const auto same = walk(wanted, terminal);
  if (!same) {
    terminal.err << "selvage: error: " << to_string(same.error()) << "\n";
    return 2;
  }
  return *same ? 0 : 1;
}

}  // namespace selvage::tools::compare
