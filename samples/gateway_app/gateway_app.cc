// An application in C++: one identity and one TLS identity, given once; a transaction, a query, and events with a checkpoint.
//
//   gateway_app <peer host:port> <peer's TLS CA> <TLS certificate> <TLS key> <MSP id> <certificate> <key> <channel> <chaincode>
#include <fstream>
#include <iostream>
#include <iterator>

#include "client/gateway/gateway_client.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "identity/signer.h"
#include "os/posix_disk.h"
#include "tls/files_service.h"

namespace {

using namespace selvage;

Bytes read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

// Who we are on the ledger.
Result<wire::Signer> load_user(const std::string& mspid, const std::string& certificate_file, const std::string& key_file) {
  SELVAGE_TRY(auto certificate, crypto::Certificate::from_pem(read(certificate_file)));
  SELVAGE_TRY(auto key, crypto::PrivateKey::from_pem(read(key_file)));
  SELVAGE_TRY(auto user, identity::SigningIdentity::make(mspid, std::move(certificate), std::move(key)));
  return wire::signer_of(std::move(user));
}

Status run(const std::vector<std::string>& words) {
  // Who we are on the wire. Every connection of this dialer shows it; nothing has to be passed twice.
  SELVAGE_TRY(const auto pair, tls::load_credentials({words[2], {"TLS certificate", "", 0}, words[3], {"TLS key", "", 0}}));
  const client::Dialer dialer(std::make_shared<tls::CredentialStore>(pair));
  client::Target peer;
  peer.address = words[0];
  SELVAGE_TRY(peer.trust, client::trust_file(words[1], {"TLS CA", "", 0}));
  SELVAGE_TRY(auto user, load_user(words[4], words[5], words[6]));

  SELVAGE_TRY(const auto gateway, client::Gateway::connect(dialer, peer, user));
  const auto network = gateway.network(words[7]);
  const auto contract = network.contract(words[8]);

  // Endorsed by as many organisations as the policy wants, ordered, committed.
  SELVAGE_TRY([[maybe_unused]] const auto put, contract.submit({"put", {"k", "one"}, {}, {}}));
  SELVAGE_TRY(const auto value, contract.evaluate({"get", {"k"}, {}, {}}));
  std::cout << "k = " << value << std::endl;

  // The same in steps; the signatures could come from a machine that has the key and no network.
  SELVAGE_TRY(auto proposal, contract.propose({"put", {"k", "two"}, {}, {}}));
  SELVAGE_TRY(auto proposal_signature, user.sign([&] {
    ::gateway::ProposedTransaction proposed;
    proposed.ParseFromString(proposal.bytes());
    return proposed.proposal().proposal_bytes();
  }()));
  SELVAGE_TRY(auto signed_proposal, gateway.signed_proposal(proposal.bytes(), proposal_signature));
  SELVAGE_TRY(auto transaction, signed_proposal.endorse());
  SELVAGE_TRY(auto commit, transaction.submit());
  SELVAGE_TRY(const auto status, commit.status());
  std::cout << "in steps: " << ::protos::TxValidationCode_Name(status.code) << std::endl;

  // Events from a block on. What was dealt with is noted: after a restart the application goes on behind it.
  SELVAGE_TRY(const auto checkpointer, client::FileCheckpointer::open(os::posix_disk(), "gateway_app.checkpoint"));
  for (const std::string number : {"1", "2"}) {
    SELVAGE_TRY([[maybe_unused]] const auto sent, contract.submit({"event", {"happened", number}, {}, {}}));
    SELVAGE_TRY(const auto events, network.chaincode_events(words[8], status.block, checkpointer.get()));
    SELVAGE_TRY(const auto event, events->next());
    std::cout << "event: " << event->name << " " << event->payload << std::endl;
    SELVAGE_CHECK(checkpointer->note_transaction(event->block, event->transaction_id));
  }
  SELVAGE_TRY(const auto blocks, network.filtered_block_events(status.block));
  SELVAGE_TRY(const auto block, blocks->next());
  std::cout << "block of the transaction: " << (block->number() == status.block ? "seen" : "another") << std::endl;

  // Refusals say who refused and why.
  if (const auto refused = contract.submit({"no such function", {}, {}, {}}); !refused) {
    std::cout << "refused: " << refused.error().message << "\n" << refused.error().cause << std::endl;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 9) {
    std::cerr << "usage: gateway_app <peer> <TLS CA> <TLS certificate> <TLS key> <MSP id> <certificate> <key> <channel> "
                 "<chaincode>\n";
    return 2;
  }
  if (const auto done = run(words); !done) {
    std::cerr << to_string(done.error()) << "\n";
    return 1;
  }
}
