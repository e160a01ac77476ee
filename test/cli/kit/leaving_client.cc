// Opens many calls to a peer, a connection each, leaves each somewhere in its middle, and waits to be told how to go.
//
//   leaving_client <peer> <peer's CA> <MSP directory> <MSP id> <TLS certificate> <TLS key> <channel> <calls of each kind>
//
// Prints "open" once the peer has them. A line on standard input: they are cancelled, then the connections closed. Killing
// the program is the other way.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>

#include "client/deliver_client.h"
#include "client/dial_client.h"
#include "crypto/hash.h"
#include "discovery/protocol.pb.h"
#include "gateway/gateway.pb.h"
#include "gossip/message.pb.h"
#include "identity/posix_msp_directory.h"
#include "msp/identities.pb.h"
#include "orderer/ab.pb.h"
#include "tls/files_service.h"
#include "wire/signer.h"

namespace selvage {
namespace {

// Hears of a call's first message, and reads no more.
class Opened final : public rpc::ClientHandler {
 public:
  explicit Opened(std::shared_ptr<std::promise<void>> first) : first_(std::move(first)) {}
  void on_message(Bytes) override { told(); }
  void on_end(const rpc::Status& status, const rpc::Metadata&) override {
    if (first_ && status.code != Code::kCancelled) std::fprintf(stderr, "ended at once: %s\n", status.to_string().c_str());
    told();
  }

 private:
  void told() {
    if (const auto first = std::exchange(first_, nullptr)) first->set_value();
  }
  std::shared_ptr<std::promise<void>> first_;
};

struct Kind {
  std::string method;
  Bytes request;         // empty: nothing is sent after the headers
  bool half_close;       // false: the peer waits for more
  bool answered;         // a first message comes
};

class Leaver {
 public:
  Leaver(char** arguments, identity::SigningIdentity signer, std::shared_ptr<tls::TrustStore> trust,
         std::shared_ptr<const tls::Credentials> pair)
      : target_{arguments[1], std::move(trust), "", {}, {}}, channel_(arguments[7]), signer_(wire::signer_of(std::move(signer))),
        dialer_(std::make_shared<tls::CredentialStore>(std::move(pair))) {}

  Status open(const Kind& kind) {
    SELVAGE_TRY(auto channel, dialer_.dial(target_));
    auto first = std::make_shared<std::promise<void>>();
    auto answer = first->get_future();
    auto call = channel->open(kind.method, {}, std::make_unique<Opened>(first));
    if (!kind.request.empty()) call->write(kind.request);
    if (kind.half_close) call->half_close();
    if (kind.answered) answer.wait();
    channels_.push_back(std::move(channel));
    calls_.push_back(std::move(call));
    return {};
  }

  void cancel() {
    for (const auto& call : calls_) call->cancel();
    for (const auto& channel : channels_) channel->close();
  }

  Result<std::vector<Kind>> kinds() const {
    SELVAGE_TRY(const Bytes seek, seek_request());
    SELVAGE_TRY(const Bytes events, events_request());
    SELVAGE_TRY(const Bytes status, status_request());
    SELVAGE_TRY(const Bytes hello, gossip_hello());
    return std::vector<Kind>{
        {"/protos.Deliver/Deliver", seek, false, true},
        {"/protos.Deliver/DeliverFiltered", seek, true, true},
        {"/protos.Deliver/DeliverWithPrivateData", seek, false, true},
        {"/protos.Deliver/Deliver", "", false, false},
        {"/gateway.Gateway/ChaincodeEvents", events, true, false},
        {"/gateway.Gateway/ChaincodeEvents", "", false, false},
        {"/gateway.Gateway/CommitStatus", status, true, false},
        {"/gateway.Gateway/Endorse", "", false, false},
        {"/protos.Endorser/ProcessProposal", "", false, false},
        {"/discovery.Discovery/Discover", "", false, false},
        {"/gossip.Gossip/GossipStream", "", false, true},
        {"/gossip.Gossip/GossipStream", hello, false, true},
    };
  }

 private:
  Result<Bytes> seek_request() const {
    ::orderer::SeekInfo seek;
    seek.mutable_start()->mutable_oldest();
    seek.mutable_stop()->mutable_specified()->set_number(UINT64_MAX);
    SELVAGE_TRY(const auto envelope, client::make_seek_envelope(channel_, signer_, dialer_.certificate_hash(), seek));
    return envelope.SerializeAsString();
  }
  Result<Bytes> events_request() const {
    ::gateway::ChaincodeEventsRequest request;
    request.set_channel_id(channel_);
    request.set_identity(signer_.serialized);
    request.set_chaincode_id("nothing");
    request.mutable_start_position()->mutable_specified();
    ::gateway::SignedChaincodeEventsRequest with_signature;
    with_signature.set_request(request.SerializeAsString());
    SELVAGE_TRY(*with_signature.mutable_signature(), signer_.sign(with_signature.request()));
    return with_signature.SerializeAsString();
  }
  Result<Bytes> status_request() const {
    ::gateway::CommitStatusRequest request;
    request.set_channel_id(channel_);
    request.set_identity(signer_.serialized);
    request.set_transaction_id("never");
    ::gateway::SignedCommitStatusRequest with_signature;
    with_signature.set_request(request.SerializeAsString());
    SELVAGE_TRY(*with_signature.mutable_signature(), signer_.sign(with_signature.request()));
    return with_signature.SerializeAsString();
  }
  // The handshake of a peer, and nothing after it.
  Result<Bytes> gossip_hello() const {
    ::msp::SerializedIdentity identity;
    if (!identity.ParseFromString(signer_.serialized)) return fail(Code::kInternal, "no identity");
    ::gossip::GossipMessage message;
    message.set_tag(::gossip::GossipMessage::EMPTY);
    message.mutable_conn()->set_pki_id(crypto::sha256({identity.mspid(), identity.id_bytes()}));
    message.mutable_conn()->set_identity(signer_.serialized);
    message.mutable_conn()->set_tls_cert_hash(dialer_.certificate_hash());
    ::gossip::Envelope envelope;
    envelope.set_payload(message.SerializeAsString());
    SELVAGE_TRY(*envelope.mutable_signature(), signer_.sign(envelope.payload()));
    return envelope.SerializeAsString();
  }

  const client::Target target_;
  const std::string channel_;
  const wire::Signer signer_;
  const client::Dialer dialer_;
  std::vector<std::shared_ptr<rpc::Channel>> channels_;
  std::vector<std::shared_ptr<rpc::ClientCall>> calls_;
};

Status leave(char** arguments) {
  SELVAGE_TRY(auto trust, client::trust_file(arguments[2], {}));
  SELVAGE_TRY(auto signer, identity::load_signing_identity(arguments[3], arguments[4]));
  SELVAGE_TRY(auto pair, tls::load_credentials({arguments[5], {}, arguments[6], {}}));
  Leaver leaver(arguments, std::move(signer), std::move(trust), std::move(pair));
  SELVAGE_TRY(const auto kinds, leaver.kinds());
  for (int left = std::atoi(arguments[8]); left > 0; --left) {
    for (const Kind& kind : kinds) SELVAGE_CHECK(leaver.open(kind));
  }
  std::cout << "open" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  leaver.cancel();
  return {};
}

}  // namespace
}  // namespace selvage

int main(int count, char** arguments) {
  if (count != 9) return 2;
  const auto done = selvage::leave(arguments);
  if (!done) std::fprintf(stderr, "%s\n", selvage::to_string(done.error()).c_str());
  return done ? 0 : 1;
}
