// What every peer command works with: who we are, and connections to peers and orderers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "client/broadcast_client.h"
#include "client/commit_client.h"
#include "client/deliver_client.h"
#include "client/dial_client.h"
#include "client/endorser_client.h"
#include "peer/chaincode.pb.h"
#include "tools/peer/settings.h"
#include "wire/proposal.h"
#include "wire/signer.h"

namespace selvage::tools::peer {

// A peer as the command line names it.
struct PeerChoice {
  std::string address;  // empty: peer.address of core.yaml
  std::string ca_file;  // its TLS root certificate; empty: peer.tls.rootcert.file
};

// Every connection of one command. Errors have Fabric's words, and then why.
class Session {
 public:
  // Loads our identity from the MSP folder. "cannot init crypto, specified path ... does not exist ...".
  [[nodiscard]] static Result<std::unique_ptr<Session>> open(const Settings& settings);

  [[nodiscard]] const wire::Signer& signer() const { return signer_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }

  // --peerAddresses and --tlsRootCertFiles of a call, or the peers of its --connectionProfile. `several`: the command
  // takes more than one. `lifecycle`: errors have the words of `lifecycle chaincode` rather than of `chaincode`.
  [[nodiscard]] Result<std::vector<PeerChoice>> choose_peers(const cobra::Call& call, bool several,
                                                             bool lifecycle) const;

  // "endorser client failed to connect to <address>: failed to create new connection: ...".
  [[nodiscard]] Result<client::EndorserClient> endorser(const PeerChoice& peer = {});
  [[nodiscard]] Result<std::vector<client::EndorserClient>> endorsers(const std::vector<PeerChoice>& peers);
  // For another service of a peer. `who`: "snapshot client", as errors name it.
  [[nodiscard]] Result<std::shared_ptr<rpc::Channel>> peer_channel(const PeerChoice& peer, const std::string& who);
  // From --orderer, or else from the channel's configuration, which `endorser` is asked for.
  [[nodiscard]] Result<std::unique_ptr<client::BroadcastClient>> broadcast(const std::string& channel_id,
                                                                           const client::EndorserClient* endorser,
                                                                           const log::Logger& logger);
  // From the orderer when --orderer is given, else from the peer.
  [[nodiscard]] Result<client::DeliverClient> deliver(const std::string& channel_id, bool best_effort);
  [[nodiscard]] client::CommitClient commit(const std::string& channel_id, const std::string& transaction_id);

  // A call, proposed but not sent.
  struct Proposed {
    wire::NewProposal made;
    ::protos::SignedProposal signed_proposal;
  };
  [[nodiscard]] Result<Proposed> propose(const std::string& channel_id, const ::protos::ChaincodeInvocationSpec& call,
                                         const std::map<std::string, Bytes>& transient = {}) const;

 private:
  Session(Settings settings, wire::Signer signer) : settings_(std::move(settings)), signer_(std::move(signer)) {}
  [[nodiscard]] Result<std::shared_ptr<rpc::Channel>> dial_peer(const PeerChoice& peer);
  [[nodiscard]] Result<std::shared_ptr<rpc::Channel>> dial_orderer(const std::string& address);
  [[nodiscard]] Result<const client::Dialer*> peer_dialer();
  [[nodiscard]] Result<const client::Dialer*> orderer_dialer();

  Settings settings_;
  wire::Signer signer_;
  std::optional<client::Dialer> peer_dialer_;
  std::optional<client::Dialer> orderer_dialer_;
  Bytes peer_certificate_hash_;
  Bytes orderer_certificate_hash_;
};

// Orderer endpoints in a marshalled common.Config: those of the organisations, else the global ones.
[[nodiscard]] Result<std::vector<std::string>> orderer_endpoints(BytesView config);

}  // namespace selvage::tools::peer
