#include "rpc/serving/server_connection.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <cstring>

#include "rpc/serving/server_stream.h"
#include "tls/context.h"
#include "tls/session.h"

namespace selvage::rpc {
namespace {

constexpr uint64_t kDrainPing = 0x676f617761793a29;
constexpr int kPingStrikesMax = 2;                             // Go's
constexpr auto kIdlePingInterval = std::chrono::hours(2);      // Go's: what a client without streams may ping at

}  // namespace

Connection::Options ServerConnection::options(const ServerSettings& settings) {
  Options o;
  o.server = true;
  o.streams_max = settings.streams_max;
  o.metadata_bytes_max = settings.metadata_bytes_max;
  o.partial_bytes_max = std::max<size_t>(4 * settings.receive_bytes_max, 1u << 20);
  o.keepalive_interval = settings.keepalive.interval;
  o.keepalive_timeout = settings.keepalive.timeout;
  o.keepalive_without_streams = true;  // a server pings whoever is silent
  return o;
}

ServerConnection::ServerConnection(os::EventLoop& loop, std::shared_ptr<ServerState> state, ServerState::PerLoop& home)
    : Connection(loop, options(state->settings)), state_(std::move(state)), home_(home) {}

void ServerConnection::start(std::shared_ptr<Transport> transport, std::shared_ptr<const Peer> peer, SteadyTime accepted) {
  transport_ = std::move(transport);
  peer_ = std::move(peer);
  transport_->set_owner(this);
  handshake_timer_ = loop_.at(accepted + state_->settings.handshake_timeout, [this] {
    handshake_timer_ = 0;
    if (!ended()) cut(fmt::format("read tcp {}->{}: i/o timeout", local_address(transport_->fd()), peer_->address));
  });
  start_http2();
}

void ServerConnection::on_end(const std::string&) {
  loop_.cancel(handshake_timer_);
  loop_.cancel(drain_timer_);
  if (state_->closed) state_->closed->add(1);
  // Callbacks of this connection are on the stack: it goes when they are through.
  auto self = std::static_pointer_cast<ServerConnection>(shared_from_this());
  loop_.post([self] {
    self->home_.connections.erase(self);
    self->state_->connection_gone();
  });
}

std::shared_ptr<Stream> ServerConnection::begin_stream(int32_t) {
  if (last_stream_told_) return nullptr;
  return std::make_shared<ServerStream>(*this);
}

Result<Bytes> ServerConnection::export_key(const std::string& label, const Bytes& context, size_t length) {
  if (ended()) return fail(Code::kCancelled, "the connection is gone");
  tls::Session* session = transport_->tls();
  if (!session) return fail(Code::kFailedPrecondition, "the connection is plaintext: there is no keying material");
  return session->export_key(label, context, length);
}

void ServerConnection::body_done(Stream& stream) { static_cast<ServerStream&>(stream).send_trailers(); }

void ServerConnection::on_settings() {
  if (std::exchange(up_, true)) return;
  loop_.cancel(std::exchange(handshake_timer_, 0));
  if (home_.draining) drain();
}

void ServerConnection::on_frame(uint8_t type, uint8_t flags, int32_t, size_t payload_bytes) {
  bool fine = true;
  if (type == NGHTTP2_DATA && payload_bytes == 0 && !(flags & NGHTTP2_FLAG_END_STREAM)) fine = empty_data_.take(loop_.now());
  if (type == NGHTTP2_SETTINGS && !(flags & NGHTTP2_FLAG_ACK)) fine = settings_.take(loop_.now());
  if (!fine) close_with_error(NGHTTP2_ENHANCE_YOUR_CALM, "too many frames that carry nothing");
}

void ServerConnection::on_reset_sent(uint32_t error) {
  if (error == NGHTTP2_NO_ERROR) return;  // the answer was complete
  if (!resets_provoked_.take(loop_.now())) close_with_error(NGHTTP2_ENHANCE_YOUR_CALM, "too many streams in error");
}

// Go's enforcement (google.golang.org/grpc/internal/transport/http2_server.go): a ping is fine when something was sent
// since the last one; otherwise it must keep its distance.
void ServerConnection::on_ping(const uint8_t*) {
  SteadyTime now = loop_.now();
  SteadyTime last = std::exchange(last_ping_, now);
  if (!pings_.take(now)) return close_with_error(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
  if (std::exchange(pings_forgiven_, false) || last == SteadyTime{}) {
    ping_strikes_ = 0;
    return;
  }
  const ServerKeepalive& keepalive = state_->settings.keepalive;
  std::chrono::nanoseconds distance = keepalive.min_interval;
  if (stream_count() == 0 && !keepalive.permit_without_stream) distance = kIdlePingInterval;
  if (now - last < distance && ++ping_strikes_ > kPingStrikesMax) {
    close_with_error(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
  }
}

void ServerConnection::on_ping_ack(const uint8_t* payload) {
  uint64_t value;
  std::memcpy(&value, payload, sizeof value);
  if (draining_ && value == kDrainPing) finish_drain();
}

void ServerConnection::drain() {
  if (draining_ || ended()) return;
  if (!up_) return cut("the server is stopping");
  draining_ = true;
  submit_shutdown_notice();
  // A turn later, because pings overtake: its answer must prove that the client has read the notice.
  loop_.post([self = shared_from_this(), this] {
    if (!ended()) submit_ping(kDrainPing);
  });
  drain_timer_ = loop_.after(std::chrono::seconds(1), [this] {
    drain_timer_ = 0;
    finish_drain();
  });
}

void ServerConnection::finish_drain() {
  if (std::exchange(last_stream_told_, true)) return;
  submit_goaway(last_remote_stream(), NGHTTP2_NO_ERROR, "");
  close_if_drained();
}

void ServerConnection::on_stream_gone() { close_if_drained(); }

void ServerConnection::close_if_drained() {
  if (draining_ && last_stream_told_ && stream_count() == 0) close_orderly("the server is stopping", true);
}

void ServerConnection::cut(const std::string& why) { close_orderly(why); }

}  // namespace selvage::rpc
