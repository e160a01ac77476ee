#include "network/load.h"

#include <deque>
#include <limits>

#include "identity/posix_msp_directory.h"
#include "orderer/ab.pb.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "peer/events.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "tls/files_service.h"
#include "wire/envelope.h"
#include "wire/proposal.h"

namespace selvage::bench {
namespace {

constexpr std::chrono::seconds kOperationMax{60};
constexpr const char* kProcessProposal = "/protos.Endorser/ProcessProposal";

Status check_response(const ::protos::ProposalResponse& response) {
  if (response.response().status() < 400) return {};
  return fail(Code::kAborted, std::to_string(response.response().status()) + " " + response.response().message());
}

}  // namespace

// The Broadcast stream, shared by all users: answers come in the order of the requests.
class Client::OrderStream {
 public:
  explicit OrderStream(std::unique_ptr<rpc::ClientStream> stream) : stream_(std::move(stream)) {
    reader_ = std::thread([this] { read(); });
  }
  ~OrderStream() {
    stream_->cancel();
    reader_.join();
  }

  Status send(Bytes envelope) {
    Ticket ticket;
    std::unique_lock lock(mutex_);
    if (gone_) return fail(Code::kUnavailable, "the orderer's stream has ended");
    tickets_.push_back(&ticket);
    if (!stream_->write(std::move(envelope))) return fail(Code::kUnavailable, "the orderer's stream has ended");
    answered_.wait(lock, [&] { return ticket.done || gone_; });
    if (!ticket.done) return fail(Code::kUnavailable, "the orderer's stream has ended");
    if (ticket.status != ::common::SUCCESS) {
      return fail(Code::kAborted, "orderer: " + ::common::Status_Name(ticket.status) + " " + ticket.info);
    }
    return {};
  }

 private:
  struct Ticket {
    bool done = false;
    ::common::Status status = ::common::UNKNOWN;
    std::string info;
  };

  void read() {
    Bytes bytes;
    while (stream_->read(&bytes)) {
      ::orderer::BroadcastResponse response;
      const bool good = response.ParseFromString(bytes);
      const std::lock_guard lock(mutex_);
      if (tickets_.empty()) continue;
      Ticket& ticket = *tickets_.front();
      tickets_.pop_front();
      ticket.status = good ? response.status() : ::common::UNKNOWN;
      ticket.info = response.info();
      ticket.done = true;
      answered_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    gone_ = true;
    answered_.notify_all();
  }

  std::unique_ptr<rpc::ClientStream> stream_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::deque<Ticket*> tickets_;
  bool gone_ = false;
  std::thread reader_;
};

Client::Client(LoadSettings settings, identity::SigningIdentity signer)
    : settings_(std::move(settings)), signer_(std::move(signer)) {}

Client::~Client() {
  order_.reset();
  if (commits_ != nullptr) commits_->cancel();
  if (commit_reader_.joinable()) commit_reader_.join();
}

Result<std::unique_ptr<Client>> Client::make(LoadSettings settings) {
  SELVAGE_TRY(auto signer, identity::load_signing_identity(settings.msp_directory, settings.mspid));
  std::unique_ptr<Client> client(new Client(std::move(settings), std::move(signer)));
  SELVAGE_CHECK(client->connect());
  return client;
}

Result<std::shared_ptr<tls::ClientContext>> Client::context_for(const Target& target) const {
  SELVAGE_TRY(auto roots, tls::load_roots(target.ca_file, Origin{"--peer/--orderer", "", 0}));
  return std::make_shared<tls::ClientContext>(credentials_, std::make_shared<tls::TrustStore>(std::move(roots)));
}

Status Client::connect() {
  SELVAGE_TRY(auto pair, tls::load_credentials({settings_.tls_certificate, Origin{"--tls-cert", "", 0},
                                                settings_.tls_key, Origin{"--tls-key", "", 0}}));
  credentials_ = std::make_shared<tls::CredentialStore>(std::move(pair));
  const auto dial = [&](const Target& target) -> Result<std::shared_ptr<rpc::Channel>> {
    rpc::ChannelSettings settings;
    settings.targets = {target.address};
    SELVAGE_TRY(settings.tls, context_for(target));
    auto channel = rpc::Channel::make(std::move(settings));
    SELVAGE_CHECK(channel->wait_ready(std::chrono::seconds(10)));
    return channel;
  };
  for (const Target& peer : settings_.peers) {
    SELVAGE_TRY(auto channel, dial(peer));
    peers_.push_back(std::move(channel));
  }
  SELVAGE_TRY(orderer_, dial(settings_.orderer));
  order_ = std::make_unique<OrderStream>(orderer_->stream("/orderer.AtomicBroadcast/Broadcast"));
  return follow_commits();
}

Status Client::follow_commits() {
  ::orderer::SeekInfo seek;
  seek.mutable_start()->mutable_newest();
  seek.mutable_stop()->mutable_specified()->set_number(std::numeric_limits<uint64_t>::max());
  wire::EnvelopeOptions options;
  options.tls_cert_hash = credentials_->current()->leaf().sha256();
  SELVAGE_TRY(auto envelope, wire::make_signed_envelope(::common::DELIVER_SEEK_INFO, settings_.channel,
                                                        wire::signer_of(signer_), seek, os::system_clock().now(),
                                                        os::system_random(), options));
  commits_ = peers_.front()->stream("/protos.Deliver/DeliverFiltered");
  if (!commits_->write(envelope.SerializeAsString())) return fail(commits_->finish().error());
  // The newest block comes at once: only then is nothing of ours missed.
  Bytes first;
  if (!commits_->read(&first)) return fail(commits_->finish().error());
  ::protos::DeliverResponse response;
  if (!response.ParseFromString(first) || !response.has_filtered_block()) {
    return fail(Code::kUnknown, "DeliverFiltered answered " + response.ShortDebugString());
  }
  commit_reader_ = std::thread([this] { read_commits(); });
  return {};
}

void Client::read_commits() {
  Bytes bytes;
  while (commits_->read(&bytes)) {
    ::protos::DeliverResponse response;
    if (!response.ParseFromString(bytes)) continue;
    const std::lock_guard lock(mutex_);
    for (const auto& transaction : response.filtered_block().filtered_transactions()) {
      const auto found = pending_.find(transaction.txid());
      if (found == pending_.end()) continue;
      found->second->committed = true;
      if (transaction.tx_validation_code() != ::protos::VALID) {
        found->second->failure = {Code::kAborted, ::protos::TxValidationCode_Name(transaction.tx_validation_code()), "", ""};
      }
    }
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  commits_gone_ = true;
  changed_.notify_all();
}

namespace {

struct Asked {
  wire::NewProposal proposal;
  Bytes signed_bytes;
};

Result<Asked> ask(const LoadSettings& settings, const wire::Signer& signer, const std::vector<Bytes>& args) {
  Asked asked;
  asked.proposal = wire::make_proposal(settings.channel, wire::make_call(settings.chaincode, args), signer.serialized,
                                       os::system_clock().now(), os::system_random());
  SELVAGE_TRY(auto signed_proposal, wire::sign_proposal(asked.proposal.proposal, signer));
  asked.signed_bytes = signed_proposal.SerializeAsString();
  return asked;
}

// From all peers at once.
Result<std::vector<::protos::ProposalResponse>> collect(const std::vector<std::shared_ptr<rpc::Channel>>& peers,
                                                        const Bytes& proposal) {
  struct Gathering {
    std::mutex mutex;
    std::condition_variable done;
    size_t left;
    std::vector<rpc::UnaryReply> replies;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->left = peers.size();
  gathering->replies.resize(peers.size());
  rpc::CallOptions options;
  options.timeout = kOperationMax;
  for (size_t i = 0; i < peers.size(); ++i) {
    peers[i]->call_async(kProcessProposal, proposal, options, [gathering, i](rpc::UnaryReply reply) {
      const std::lock_guard lock(gathering->mutex);
      gathering->replies[i] = std::move(reply);
      if (--gathering->left == 0) gathering->done.notify_one();
    });
  }
  std::unique_lock lock(gathering->mutex);
  gathering->done.wait(lock, [&] { return gathering->left == 0; });
  std::vector<::protos::ProposalResponse> responses;
  for (const rpc::UnaryReply& reply : gathering->replies) {
    if (!reply.status.ok()) return fail(reply.status.error());
    ::protos::ProposalResponse response;
    if (!response.ParseFromString(reply.message)) return fail(Code::kInternal, "no ProposalResponse");
    SELVAGE_CHECK(check_response(response));
    responses.push_back(std::move(response));
  }
  return responses;
}

}  // namespace

Status Client::endorse(const std::vector<Bytes>& args) {
  SELVAGE_TRY(Asked asked, ask(settings_, wire::signer_of(signer_), args));
  SELVAGE_CHECK(collect(peers_, asked.signed_bytes));
  return {};
}

Status Client::evaluate(const std::vector<Bytes>& args) {
  SELVAGE_TRY(Asked asked, ask(settings_, wire::signer_of(signer_), args));
  SELVAGE_CHECK(collect({peers_.front()}, asked.signed_bytes));
  return {};
}

Status Client::submit(const std::vector<Bytes>& args) {
  const wire::Signer signer = wire::signer_of(signer_);
  SELVAGE_TRY(Asked asked, ask(settings_, signer, args));
  SELVAGE_TRY(auto responses, collect(peers_, asked.signed_bytes));
  SELVAGE_TRY(auto envelope, wire::make_transaction(asked.proposal.proposal, signer, responses));
  Pending mine;
  const std::string id = asked.proposal.transaction_id;
  {
    const std::lock_guard lock(mutex_);
    pending_.emplace(id, &mine);
  }
  const auto forget = [&](std::unique_lock<std::mutex>&) { pending_.erase(id); };
  if (Status ordered = order_->send(envelope.SerializeAsString()); !ordered) {
    std::unique_lock lock(mutex_);
    forget(lock);
    return ordered;
  }
  std::unique_lock lock(mutex_);
  const bool in_time = changed_.wait_for(lock, kOperationMax, [&] { return mine.committed || commits_gone_; });
  forget(lock);
  if (!mine.committed) {
    return fail(Code::kDeadlineExceeded, in_time ? "the peer's stream of commits has ended" : "no commit in 60 s");
  }
  if (mine.failure.code != Code::kUnknown) return fail(mine.failure);
  return {};
}

Status Client::handshake() {
  rpc::ChannelSettings settings;
  settings.targets = {settings_.peers.front().address};
  SELVAGE_TRY(settings.tls, context_for(settings_.peers.front()));
  const auto channel = rpc::Channel::make(std::move(settings));
  SELVAGE_CHECK(channel->wait_ready(std::chrono::seconds(10)));
  channel->close();
  return {};
}

}  // namespace selvage::bench
