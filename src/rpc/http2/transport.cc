#include "rpc/http2/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "tls/session.h"

namespace selvage::rpc {
namespace {

constexpr size_t kReadBytes = 128u << 10;
constexpr auto kLinger = std::chrono::seconds(1);

// One buffer a thread: nothing stays in it between two events.
char* read_buffer() {
  thread_local std::unique_ptr<char[]> buffer(new char[kReadBytes]);
  return buffer.get();
}

Bytes& plaintext_buffer() {
  thread_local Bytes buffer;
  return buffer;
}

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {  // as Go prints them
      ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
      return fmt::format("{}:{}", text, ntohs(v6.sin6_port));
    }
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  return "";
}

// Go's words, without its capital letter ("connection reset by peer").
std::string error_text(int number) {
  std::string text = ::strerror(number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

}  // namespace

std::string remote_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? address_text(address) : "";
}

std::string local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? address_text(address) : "";
}

Transport::Transport(os::EventLoop& loop, int fd, std::unique_ptr<tls::Session> tls, Owner* owner,
                     std::shared_ptr<void> keep)
    : loop_(loop), fd_(fd), tls_(std::move(tls)), owner_(owner), keep_(std::move(keep)) {}

Transport::~Transport() {
  if (fd_ >= 0) ::close(fd_);
}

void Transport::start() {
  interest_ = os::EventLoop::kRead;
  auto watched = loop_.watch(fd_, interest_, [self = shared_from_this()](uint32_t events) { self->on_event(events); });
  if (!watched) return fail(watched.error().message);
  if (!tls_) {
    open_ = true;
    owner_->on_open();
    return;
  }
  received({});
}

void Transport::on_event(uint32_t events) {
  auto self = shared_from_this();  // drop() releases what the loop holds
  if (fd_ >= 0 && (events & os::EventLoop::kWrite) && write() && owner_ && was_full_ && pending_bytes() <= kLowBytes) {
    was_full_ = false;
    owner_->on_room();
  }
  if (fd_ >= 0 && (events & os::EventLoop::kRead)) {
    if (closing_) {
      discard();
    } else {
      read();
    }
  }
}

void Transport::read() {
  char* buffer = read_buffer();
  ssize_t count = ::recv(fd_, buffer, kReadBytes, 0);
  if (count > 0) return received(BytesView(buffer, static_cast<size_t>(count)));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  std::string why;
  if (count < 0) {
    why = fmt::format("read tcp {}->{}: read: {}", local_address(fd_), remote_address(fd_), error_text(errno));
  }
  if (tls_) tls_->receive_end(why);
  fail(why);
}

void Transport::discard() {
  ssize_t count = ::recv(fd_, read_buffer(), kReadBytes, 0);
  if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
  drop();
}

void Transport::received(BytesView bytes) {
  auto self = shared_from_this();
  if (!tls_) return owner_->on_bytes(bytes);
  Bytes plaintext = std::move(plaintext_buffer());
  plaintext.clear();
  tls_->receive(bytes, plaintext);
  if (!open_ && (tls_->state() == tls::Session::State::kOpen || tls_->state() == tls::Session::State::kPeerClosed)) {
    open_ = true;
    owner_->on_open();
  }
  if (owner_ && !plaintext.empty()) owner_->on_bytes(plaintext);
  if (plaintext.capacity() <= (1u << 20)) plaintext_buffer() = std::move(plaintext);
  if (!owner_) return;
  if (tls_->state() == tls::Session::State::kFailed) {
    const tls::Evidence* failure = tls_->failure();
    return fail(failure ? failure->error : "tls: failed");
  }
  if (tls_->state() == tls::Session::State::kPeerClosed) return fail("");
  write();
}

// The other side or the connection failed us: tell the owner, then leave in an orderly way.
void Transport::fail(const std::string& why) {
  if (!owner_) return;
  Owner* owner = std::exchange(owner_, nullptr);
  close();
  owner->on_closed(why);
}

size_t Transport::pending_bytes() const { return out_.size() - out_sent_ + (tls_ ? tls_->output().size() : 0); }

void Transport::flush() {
  if (fd_ < 0) return;
  if (tls_ && open_ && !out_.empty()) {
    tls_->send(out_);
    if (out_.capacity() > (1u << 20)) {
      Bytes().swap(out_);
    } else {
      out_.clear();
    }
  }
  if (!(interest_ & os::EventLoop::kWrite)) write();
  if (!has_room()) was_full_ = true;
}

bool Transport::write() {
  while (true) {
    BytesView ready = tls_ ? tls_->output() : BytesView(out_).substr(out_sent_);
    if (ready.empty()) break;
    ssize_t count = ::send(fd_, ready.data(), ready.size(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      // What the other side said before it left (an alert, say) may still be waiting for us: read once more.
      std::string why = fmt::format("write tcp {}->{}: write: {}", local_address(fd_), remote_address(fd_), error_text(errno));
      if (owner_ && !closing_) {
        char* buffer = read_buffer();
        ssize_t last = ::recv(fd_, buffer, kReadBytes, MSG_DONTWAIT);
        if (tls_ && last > 0) {
          Bytes ignored;
          tls_->receive(BytesView(buffer, static_cast<size_t>(last)), ignored);
        }
        if (tls_ && tls_->state() != tls::Session::State::kFailed) tls_->receive_end(why);
        if (tls_ && tls_->failure()) why = tls_->failure()->error;
        Owner* owner = owner_;
        drop();
        owner->on_closed(why);
      } else {
        drop();
      }
      return false;
    }
    if (tls_) {
      tls_->consume_output(static_cast<size_t>(count));
    } else {
      out_sent_ += static_cast<size_t>(count);
      if (out_sent_ == out_.size()) {
        out_sent_ = 0;
        if (out_.capacity() > (1u << 20)) {
          Bytes().swap(out_);
        } else {
          out_.clear();
        }
      } else if (out_sent_ > (1u << 20)) {
        out_.erase(0, out_sent_);
        out_sent_ = 0;
      }
    }
    if (static_cast<size_t>(count) < ready.size()) break;
  }
  if (closing_ && !lingering_ && pending_bytes() == 0) {
    lingering_ = true;
    ::shutdown(fd_, SHUT_WR);
  }
  update_interest();
  return true;
}

void Transport::update_interest() {
  uint32_t wanted = os::EventLoop::kRead | (pending_bytes() > 0 ? os::EventLoop::kWrite : 0);
  if (wanted == interest_ || fd_ < 0) return;
  interest_ = wanted;
  loop_.change(fd_, wanted);
}

void Transport::close() {
  if (closing_ || fd_ < 0) return;
  auto self = shared_from_this();
  owner_ = nullptr;
  flush();
  if (fd_ < 0) return;
  closing_ = true;
  if (tls_) out_.clear();  // what the handshake did not get to
  if (tls_) tls_->close();
  linger_timer_ = loop_.after(kLinger, [self] {
    self->linger_timer_ = 0;
    self->drop();
  });
  write();
}

void Transport::abort() { drop(); }

void Transport::drop() {
  auto self = shared_from_this();
  owner_ = nullptr;
  if (linger_timer_ != 0) loop_.cancel(linger_timer_);
  linger_timer_ = 0;
  if (fd_ < 0) return;
  loop_.unwatch(fd_);
  ::close(fd_);
  fd_ = -1;
  keep_.reset();
}

}  // namespace selvage::rpc
