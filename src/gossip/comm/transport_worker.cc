#include "gossip/comm/transport_worker.h"

#include <algorithm>

#include "base/log.h"

namespace selvage::gossip {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.comm");
  return instance;
}

constexpr size_t kStrangersMax = 500;
constexpr size_t kQueuedBytesMax = 32u << 20;  // on one connection; a message alone may always be queued
constexpr auto kPauseAfterFailure = std::chrono::seconds(1);
constexpr auto kSecondConnectionLivesFor = std::chrono::seconds(3);
constexpr auto kRefusalsToldEvery = std::chrono::seconds(1);

std::string key_of(const Target& target) { return target.pki_id.empty() ? "@" + target.endpoint : target.pki_id; }

}  // namespace

Transport::Transport(const Settings& settings, TransportSettings own, const PeerCrypto& crypto, Metrics& metrics, Home& home)
    : settings_(settings), own_(std::move(own)), crypto_(crypto), metrics_(metrics), home_(home),
      own_pki_id_(pki_id_of(crypto.own_identity())), relay_(std::make_shared<Relay>(*this)) {}

std::shared_ptr<StreamEvents> Transport::events() const { return relay_; }

// Signed once for each certificate: nothing in it changes from connection to connection.
Result<Bytes> Transport::greeting(bool incoming) {
  const Bytes hash = !own_.tls ? Bytes() : incoming ? own_.server_hash() : own_.client_hash();
  auto& made = greetings_[hash];
  if (made.empty()) {
    if (greetings_.size() > 16) greetings_.clear();  // certificates that were replaced
    SELVAGE_TRY(const MessagePtr message, make_handshake(crypto_, hash));
    return greetings_[hash] = message->envelope.SerializeAsString();
  }
  return made;
}

bool Transport::opened(const StreamPtr& stream) {
  if (stranger_count_ >= kStrangersMax) return false;
  ++stranger_count_;
  const bool posted = home_.post([this, stream] {
    stream->since = home_.now().steady;
    strangers_.insert(stream);
    if (own_.tls && stream->wire->tls().peer_hash.empty()) {
      LOG_WARN(logger(), "{} didn't send TLS certificate (TLS-53: a peer shows its client pair, or its server's, on every connection; is it a "
                         "proxy?)", stream->address);
      return refuse(stream, {Code::kUnknown, "no TLS certificate", "", ""});
    }
    auto hello = greeting(true);
    if (!hello) return refuse(stream, hello.error());
    stream->wire->write(std::move(*hello));
  });
  if (!posted) --stranger_count_;
  return posted;
}

void Transport::Relay::cut() {
  std::lock_guard lock(mutex_);
  to_ = nullptr;
}

void Transport::Relay::came(const StreamPtr& stream, Bytes envelope) {
  std::lock_guard lock(mutex_);
  if (to_ == nullptr) return;
  to_->home_.post([to = to_, stream, bytes = std::move(envelope)] {
    to->take(stream, bytes);
    stream->done();
  });
}

void Transport::Relay::ended(const StreamPtr& stream, const rpc::Status& why) {
  std::lock_guard lock(mutex_);
  if (to_ != nullptr) to_->home_.post([to = to_, stream, why] { to->remove(stream, why); });
}

void Transport::take(const StreamPtr& stream, const Bytes& envelope) {
  if (stream->closed) return;
  const auto message = read_message(envelope);
  if (!message) {
    metrics_.dropped.with({"bytes"}).add(1);
    LOG_WARN(logger(), "Got error, aborting: {} from {}", to_string(message.error()), escape(stream->address));
    return refuse(stream, message.error());
  }
  if (!stream->sender) return shake_hands(stream, *message);
  metrics_.received.add(1);
  home_.received(stream->sender, *message);
}

void Transport::shake_hands(const StreamPtr& stream, const MessagePtr& message) {
  TlsFacts tls = stream->wire->tls();
  tls.tls = own_.tls;
  auto greeting = home_.greet(*message, tls, stream->address);
  if (!greeting) return refuse(stream, greeting.error());
  if (greeting->probe) {
    LOG_INFO(logger(), "Peer {} ({}) probed us", to_hex(greeting->sender->pki_id), stream->address);
    return close(stream, {});
  }
  const auto dial = find_dial(stream);
  if (stream->incoming || dial == dials_.end()) return establish(stream, std::move(greeting->sender));

  const SenderPtr& sender = greeting->sender;
  const Bytes expected = dial->second.target.pki_id;
  if (!expected.empty() && expected != sender->pki_id) {
    if (home_.org_of(expected) != sender->org) {
      LOG_WARN(logger(), "Remote endpoint claims to be a different peer, expected {} but got {}", to_hex(expected),
               to_hex(sender->pki_id));
      return refuse(stream, {Code::kUnauthenticated, "authentication failure", "", ""});
    }
    LOG_INFO(logger(), "Peer {} changed its PKI-ID from {} to {}", escape(stream->address), to_hex(expected),
             to_hex(sender->pki_id));
    home_.replaced(expected);
  }
  const Dialling done = std::move(dial->second);
  dials_.erase(dial);
  if (sender->pki_id == own_pki_id_) {  // by another name of ours, or as whom we were before our certificate was renewed
    close(stream, {});
  } else {
    establish(stream, sender);
    for (const MessagePtr& waiting : done.waiting) write(*stream, waiting);
  }
  if (done.is_contact) home_.dialled(done.target.endpoint, sender);
}

void Transport::establish(const StreamPtr& stream, SenderPtr sender) {
  if (strangers_.erase(stream) > 0) --stranger_count_;
  LOG_DEBUG(logger(), "{} a connection {} {}, {}", stream->incoming ? "Accepted" : "Created", stream->incoming ? "of" : "to",
            escape(stream->address), to_hex(sender->pki_id));
  stream->sender = std::move(sender);
  stream->since = home_.now().steady;
  auto& streams = peers_[stream->sender->pki_id];
  streams.push_back(stream);
  if (streams.size() > 2) close(StreamPtr(streams.front()), {});
}

void Transport::refuse(const StreamPtr& stream, const Error& error) {
  const SteadyTime now = home_.now().steady;
  if (stream->incoming && now - refusals_told_ >= kRefusalsToldEvery) {
    refusals_told_ = now;
    LOG_ERROR(logger(), "Authentication failed: {}: {}", escape(stream->address), to_string(error));
  }
  const auto dial = find_dial(stream);
  const std::string key = dial == dials_.end() ? "" : dial->first;
  close(stream, {error.code == Code::kOk ? Code::kUnknown : error.code, error.message});
  if (key.empty()) return;
  LOG_WARN(logger(), "Authentication failed: {}", to_string(error));
  dial_failed(key, error);
}

std::map<std::string, Transport::Dialling>::iterator Transport::find_dial(const StreamPtr& stream) {
  return std::find_if(dials_.begin(), dials_.end(), [&](const auto& item) { return item.second.stream == stream; });
}

void Transport::close(const StreamPtr& stream, rpc::Status status) {
  if (stream->closed) return;
  stream->closed = true;
  stream->wire->close(std::move(status));
  if (strangers_.erase(stream) > 0) --stranger_count_;
  if (!stream->sender) return;
  const auto found = peers_.find(stream->sender->pki_id);
  if (found == peers_.end()) return;
  std::erase(found->second, stream);
  if (found->second.empty()) peers_.erase(found);
}

void Transport::remove(const StreamPtr& stream, const rpc::Status& why) {
  const auto dial = find_dial(stream);
  const std::string key = dial == dials_.end() ? "" : dial->first;
  if (stream->sender && !stream->closed) {
    LOG_DEBUG(logger(), "Client {}  disconnected: {}", escape(stream->address), why.to_string());
  }
  close(stream, {});
  if (!key.empty()) dial_failed(key, {why.code == Code::kOk ? Code::kUnavailable : why.code, why.to_string(), "", ""});
}

void Transport::dial_failed(const std::string& key, const Error& error) {
  const auto found = dials_.find(key);
  if (found == dials_.end()) return;
  const Dialling failed = std::move(found->second);
  dials_.erase(found);
  failed_[key] = home_.now().steady;
  if (!failed.target.pki_id.empty() && !peers_.contains(failed.target.pki_id)) {
    LOG_WARN(logger(), "Failed obtaining connection for {}, PKIid:{} reason: {}", escape(failed.target.endpoint),
             to_hex(failed.target.pki_id), to_string(error));
    home_.unreachable(failed.target.pki_id);
  }
  if (failed.is_contact) home_.dialled(failed.target.endpoint, fail(error));
}

void Transport::start_dial(const std::string& key, const Target& to) {
  Dialling& dialling = dials_[key];
  dialling.target = to;
  dialling.stream = dial(to.endpoint, own_.dial, relay_);
  dialling.stream->since = home_.now().steady;
  auto hello = greeting(false);
  if (hello) dialling.stream->wire->write(std::move(*hello));
}

void Transport::connect(const std::string& endpoint) {
  const Target target{"", endpoint};
  const std::string key = key_of(target);
  if (!dials_.contains(key)) start_dial(key, target);
  dials_[key].is_contact = true;
}

void Transport::send(const Target& to, const MessagePtr& message) {
  if (const auto found = peers_.find(to.pki_id); found != peers_.end()) return write(*found->second.back(), message);
  if (to.endpoint.empty()) return;
  const std::string key = key_of(to);
  auto found = dials_.find(key);
  if (found == dials_.end()) {
    const auto failed = failed_.find(key);
    if (failed != failed_.end() && home_.now().steady - failed->second < kPauseAfterFailure) return;
    start_dial(key, to);
    found = dials_.find(key);
  }
  if (found->second.waiting.size() >= settings_.send_queue) return metrics_.overflow.add(1);
  found->second.waiting.push_back(message);
}

void Transport::write(Stream& stream, const MessagePtr& message) {
  Bytes bytes = message->envelope.SerializeAsString();
  const size_t queued = stream.wire->queued_bytes();
  if (queued > 0 && queued + bytes.size() > kQueuedBytesMax) {
    metrics_.overflow.add(1);
    LOG_DEBUG(logger(), "Buffer to {} overflowed, dropping message {}", escape(stream.address), describe(*message));
    return;
  }
  metrics_.sent.add(1);
  stream.wire->write(std::move(bytes));
}

void Transport::close_peer(const Bytes& pki_id) {
  const auto found = peers_.find(pki_id);
  if (found == peers_.end()) return;
  for (const StreamPtr& stream : std::vector<StreamPtr>(found->second)) close(stream, {});
}

void Transport::close_all() {
  relay_->cut();
  for (auto& [key, dialling] : std::exchange(dials_, {})) close(dialling.stream, {});
  for (const StreamPtr& stream : std::set<StreamPtr>(strangers_)) close(stream, {Code::kUnavailable, "shutting down"});
  while (!peers_.empty()) close_peer(Bytes(peers_.begin()->first));
}

SteadyTime Transport::next_due() const {
  SteadyTime next = SteadyTime::max();
  for (const auto& stream : strangers_) next = std::min(next, stream->since + settings_.connection_timeout);
  for (const auto& [key, dialling] : dials_) {
    next = std::min(next, dialling.stream->since + settings_.dial_timeout + settings_.connection_timeout);
  }
  for (const auto& [id, streams] : peers_) {
    if (streams.size() > 1 && own_pki_id_ < id) next = std::min(next, streams.back()->since + kSecondConnectionLivesFor);
  }
  return next;
}

void Transport::tick(Now now) {
  const auto late = [&](const StreamPtr& stream) {
    return Error{Code::kDeadlineExceeded, "timed out waiting for connection message from " + stream->address, "", ""};
  };
  for (const StreamPtr& stream : std::set<StreamPtr>(strangers_)) {
    if (now.steady - stream->since >= settings_.connection_timeout) refuse(stream, late(stream));
  }
  std::vector<StreamPtr> overdue, surplus;
  for (const auto& [key, dialling] : dials_) {
    if (now.steady - dialling.stream->since >= settings_.dial_timeout + settings_.connection_timeout) {
      overdue.push_back(dialling.stream);
    }
  }
  for (const StreamPtr& stream : overdue) refuse(stream, late(stream));
  for (const auto& [id, streams] : peers_) {
    if (streams.size() > 1 && own_pki_id_ < id && now.steady - streams.back()->since >= kSecondConnectionLivesFor) {
      surplus.push_back(streams.front());
    }
  }
  for (const StreamPtr& stream : surplus) close(stream, {});
  std::erase_if(failed_, [&](const auto& item) { return now.steady - item.second > kPauseAfterFailure; });
}

}  // namespace selvage::gossip
