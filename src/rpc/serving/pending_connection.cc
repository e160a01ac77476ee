#include "rpc/serving/pending_connection.h"

#include <fmt/format.h>

#include <utility>

#include "rpc/serving/refused_connection.h"
#include "rpc/serving/server_connection.h"
#include "tls/context.h"
#include "tls/session.h"

namespace selvage::rpc {
namespace {

void gone(ServerState& state) {
  if (state.closed) state.closed->add(1);
  state.connection_gone();
}

}  // namespace

PendingConnection::PendingConnection(os::EventLoop& loop, std::shared_ptr<ServerState> state, ServerState::PerLoop& home)
    : loop_(loop), state_(std::move(state)), home_(home), peer_(std::make_shared<Peer>()) {}

void PendingConnection::start(int fd, std::shared_ptr<void> keep, std::shared_ptr<void> slot) {
  accepted_ = std::chrono::steady_clock::now();
  peer_->address = remote_address(fd);
  slot_ = std::move(slot);
  place_ = home_.pending.insert(home_.pending.end(), shared_from_this());
  if (state_->opened) state_->opened->add(1);
  std::unique_ptr<tls::Session> session;
  if (auto context = state_->tls.load()) {
    const bool may_explain = context->policy().explain == tls::Explain::kClient &&
                             state_->explanations.may_explain(tls::host_of(peer_->address), loop_.now());
    session = context->accept(peer_->address, may_explain);
  }
  transport_ = std::make_shared<Transport>(loop_, fd, std::move(session), this, std::move(keep));
  timer_ = loop_.after(state_->settings.handshake_timeout, [this] {
    timer_ = 0;
    timed_out();
  });
  transport_->start();
  // The oldest goes first: who has not finished while so many came after will hardly finish at all.
  const size_t bound = std::max<size_t>(1, state_->settings.handshakes_max / std::max<size_t>(1, state_->loops.size()));
  while (home_.pending.size() > bound) home_.pending.front()->drop();
}

bool PendingConnection::leave() {
  if (std::exchange(left_, true)) return false;
  loop_.cancel(std::exchange(timer_, 0));
  slot_.reset();
  home_.pending.erase(place_);
  return true;
}

void PendingConnection::on_open() {
  auto self = shared_from_this();
  if (!leave()) return;
  tls::Session* session = transport_->tls();
  if (session != nullptr && session->refused()) {
    state_->handshake_log.failed(*session, peer_->address);
    auto permit = state_->explanations.begin(tls::host_of(peer_->address), loop_.now());
    if (!permit) {
      transport_->close();
      return gone(*state_);
    }
    auto refused = std::make_shared<RefusedConnection>(
        loop_, transport_, tls::to_client_sentence(*session->failure(), *session->diagnosis()), std::move(permit),
        [state = state_, &home = home_](const std::shared_ptr<RefusedConnection>& one) {
          home.refused.erase(one);
          gone(*state);
        });
    home_.refused.insert(refused);
    return refused->start();
  }
  if (session != nullptr) {
    const tls::SessionFacts& facts = session->facts();
    peer_->tls = true;
    peer_->tls_version = facts.version;
    peer_->tls_cipher = facts.cipher;
    peer_->tls_group = facts.group;
    peer_->verified = facts.peer_verified;
    if (!facts.peer_chain.empty()) {
      const crypto::Certificate& leaf = facts.peer_chain.front();
      peer_->certificate = leaf.der();
      peer_->certificate_sha256 = leaf.sha256();
      peer_->certificate_subject = leaf.subject();
    }
    state_->handshake_log.completed(peer_->address, std::chrono::steady_clock::now() - accepted_);
  }
  auto connection = std::make_shared<ServerConnection>(loop_, state_, home_);
  home_.connections.insert(connection);
  connection->start(transport_, peer_, accepted_);
}

void PendingConnection::on_closed(const std::string&) {
  auto self = shared_from_this();
  tls::Session* session = transport_->tls();
  if (session != nullptr && session->failure() != nullptr) state_->handshake_log.failed(*session, peer_->address);
  if (leave()) gone(*state_);
}

void PendingConnection::timed_out() {
  if (left_) return;
  auto self = shared_from_this();
  std::string why = fmt::format("read tcp {}->{}: i/o timeout", local_address(transport_->fd()), peer_->address);
  if (tls::Session* session = transport_->tls()) session->receive_end(why);
  transport_->close();
  on_closed(why);
}

void PendingConnection::drop() {
  auto self = shared_from_this();
  if (!leave()) return;
  transport_->abort();
  gone(*state_);
}

}  // namespace selvage::rpc
