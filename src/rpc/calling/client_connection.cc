#include "rpc/calling/client_connection.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <mutex>

#include "base/log.h"
#include "rpc/calling/outgoing_call.h"
#include "rpc/http2/text.h"
#include "tls/session.h"

namespace selvage::rpc {

ClientConnection::ClientConnection(os::EventLoop& loop, Options options, Owner* owner) : Connection(loop, options), owner_(owner) {}

void ClientConnection::start(int fd, std::unique_ptr<tls::Session> session, const std::string& address) {
  facts_->address = address;
  transport_ = std::make_shared<Transport>(loop_, fd, std::move(session), this);
  transport_->start();
}

void ClientConnection::on_open() {
  opened_ = true;
  if (tls::Session* session = transport_->tls()) {
    const tls::SessionFacts& facts = session->facts();
    facts_->tls = true;
    facts_->tls_version = facts.version;
    facts_->verified = facts.peer_verified;
    if (!facts.peer_chain.empty()) {
      facts_->certificate = facts.peer_chain.front().der();
      facts_->certificate_sha256 = facts.peer_chain.front().sha256();
      facts_->certificate_subject = facts.peer_chain.front().subject();
    }
  }
  start_http2();
}

bool ClientConnection::submit(const std::shared_ptr<OutgoingCall>& call, const std::vector<Header>& headers) {
  return takes_calls() && submit_request(call, headers);
}

void ClientConnection::on_settings() {
  if (std::exchange(up_, true)) return;
  if (owner_) owner_->on_up(*this);
}

void ClientConnection::on_goaway(int32_t, uint32_t error, BytesView text) {
  goaway_ = true;
  end_text_ = fmt::format("connection error: received GOAWAY with error code {}{}", name_of_http2(error),
                          text.empty() ? "" : ", debug data: \"" + escape(text, 64) + "\"");
  bool pings = error == NGHTTP2_ENHANCE_YOUR_CALM && text == "too_many_pings";
  if (owner_) owner_->on_goaway(*this, pings);
  if (stream_count() == 0) close_orderly(end_text_);
}

void ClientConnection::on_stream_gone() {
  if (goaway_ && stream_count() == 0) return close_orderly(end_text_);
  if (owner_) owner_->on_call_gone(*this);
}

void ClientConnection::on_closed(const std::string& why) {
  if (!why.empty()) end_text_ = why;
  log_failure();
  Connection::on_closed(why);
}

void ClientConnection::on_end(const std::string& why) {
  if (end_text_.empty()) end_text_ = why;
  Owner* owner = std::exchange(owner_, nullptr);
  if (!owner) return;
  auto self = shared_from_this();
  loop_.defer([self] {});  // the owner lets go of us while we are on the stack
  owner->on_down(*this, why.empty() ? end_text_ : why);
}

std::shared_ptr<const tls::Diagnosis> ClientConnection::diagnosis() {
  tls::Session* session = transport_ ? transport_->tls() : nullptr;
  return session && session->failure() ? session->diagnosis() : nullptr;
}

Result<Bytes> ClientConnection::export_key(const std::string& label, const Bytes& context, size_t length) {
  tls::Session* session = transport_ ? transport_->tls() : nullptr;
  if (!session) return fail(Code::kFailedPrecondition, "the connection is plaintext: there is no keying material");
  return session->export_key(label, context, length);
}

// Fabric's line, and why; a process that dials the same server again and again says so once a minute.
void ClientConnection::log_failure() {
  tls::Session* session = transport_->tls();
  if (up_ || !session || !session->failure()) return;
  static auto& mutex = *new std::mutex;
  static auto& limiter = *new tls::RecordLimiter(std::chrono::seconds(60));
  static auto& logger = *new log::Logger("comm.tls");
  auto diagnosis = session->diagnosis();
  tls::RecordLimiter::Decision decision;
  {
    std::lock_guard lock(mutex);
    decision = limiter.admit(facts_->address, diagnosis->code, std::chrono::steady_clock::now());
  }
  log::Logger here = logger.with("remoteaddress", facts_->address);
  log::Level level = decision.print ? log::Level::kError : log::Level::kDebug;
  if (!opened_ && here.enabled(level)) here.write(level, "ClientHandshake", tls::handshake_line(*session->failure()));
  level = decision.print ? log::Level::kWarn : log::Level::kDebug;
  if (!here.enabled(level)) return;
  here.write(level, "ClientHandshake",
             "Why the TLS connection failed\n" + tls::to_record(*diagnosis, decision.seen_before, facts_->address));
}

}  // namespace selvage::rpc
