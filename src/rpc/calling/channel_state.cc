#include "rpc/calling/channel_state.h"

#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "rpc/http2/gzip.h"
#include "tls/context.h"
#include "tls/diagnosis.h"
#include "tls/failure_count.h"

namespace selvage::rpc {
namespace {

std::string error_text(int number) {
  std::string text = ::strerror(number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

std::string connection_error(const std::string& what) { return fmt::format("connection error: desc = \"{}\"", what); }

}  // namespace

Channel::State::State(ChannelSettings s)
    : settings(std::move(s)),
      group(settings.loops ? settings.loops : os::LoopGroup::process()),
      loop(group->next()),
      tls(settings.tls),
      keepalive_interval_(settings.keepalive.interval),
      random_(std::random_device{}()) {}

Channel::State::~State() {
  if (dial_fd_ >= 0) ::close(dial_fd_);
}

void Channel::State::set_state(ChannelState next) {
  std::lock_guard lock(mutex);
  state = next;
  changed.notify_all();
}

std::shared_ptr<OutgoingHandle> Channel::State::launch(const std::string& method, const CallOptions& options,
                                                       std::unique_ptr<ClientHandler> handler, std::optional<Bytes> request) {
  OutgoingCall::Facts facts{method, options.metadata, options.deadline, options.wait_for_ready, options.gzip, settings.receive_bytes_max,
                            settings.send_bytes_max};
  if (options.timeout) {
    SteadyTime end = std::chrono::steady_clock::now() + *options.timeout;
    if (!facts.deadline || end < *facts.deadline) facts.deadline = end;
  }
  auto call = std::make_shared<OutgoingCall>(loop, this, std::move(facts), std::move(handler));
  auto handle = std::make_shared<OutgoingHandle>(loop, call);
  call->handle = handle;
  bool compress = options.gzip && request && !request->empty();
  if (compress) request = gzip(*request);
  // The call's own reference to its handle is weak; the post keeps it until the call has begun.
  loop.post([self = shared_from_this(), call, handle, compress, request = std::move(request)]() mutable {
    call->begin();
    if (request) {
      call->write(std::move(*request), compress);
      call->half_close();
    }
    self->place(call);
  });
  return handle;
}

void Channel::State::place(const std::shared_ptr<OutgoingCall>& call) {
  if (call->over()) return;
  calls_.insert(call.get());
  if (closed) return call->end({Code::kCancelled, "grpc: the client connection is closing"});
  loop.cancel(std::exchange(idle_timer_, 0));
  if (current_ && current_->takes_calls()) return run_call(call);
  if (state == ChannelState::kTransientFailure && !call->facts().wait_for_ready) {
    std::string text = why_waiting();
    return call->end({Code::kUnavailable, text});
  }
  waiting_.push_back(call);
  if (state == ChannelState::kIdle || state == ChannelState::kReady) connect();
}

void Channel::State::run_call(const std::shared_ptr<OutgoingCall>& call) {
  std::string authority = !settings.authority.empty() ? settings.authority : settings.server_name;
  if (authority.empty()) authority = settings.targets.empty() ? "localhost" : settings.targets.front();
  auto connection = current_;
  if (!call->start_on(connection, connection->peer()->tls ? "https" : "http", authority, settings.user_agent)) {
    call->end({Code::kUnavailable, "error reading from server: " + connection->end_text()});
  }
}

void Channel::State::send_again(const std::shared_ptr<OutgoingCall>& call) {
  // From within the old connection's callbacks: a new one may be needed.
  loop.post([self = shared_from_this(), call] { self->place(call); });
}

void Channel::State::call_over(OutgoingCall& call) {
  calls_.erase(&call);
  std::erase_if(waiting_, [&](const auto& waiting) { return waiting.get() == &call; });
  arm_idle();
}

std::string Channel::State::why_waiting() const {
  std::lock_guard lock(mutex);
  return failure ? failure->message : "";
}

ClientConnection::Options Channel::State::connection_options() const {
  ClientConnection::Options o;
  o.metadata_bytes_max = settings.metadata_bytes_max;
  o.partial_bytes_max = std::max<size_t>(4 * settings.receive_bytes_max, 1u << 20);
  o.keepalive_interval = keepalive_interval_;
  o.keepalive_timeout = settings.keepalive.timeout;
  o.keepalive_without_streams = settings.keepalive.permit_without_stream;
  return o;
}

void Channel::State::connect() {
  if (closed) return;
  loop.cancel(std::exchange(backoff_timer_, 0));
  set_state(ChannelState::kConnecting);
  resolution_ = std::make_unique<Resolution>(loop, settings.targets, [this](Resolved answer) { resolved(std::move(answer)); });
  resolution_->start();
}

void Channel::State::resolved(Resolved answer) {
  addresses_ = std::move(answer.addresses);
  next_address_ = 0;
  if (addresses_.empty()) {
    std::string error = answer.error.empty() ? "no addresses to dial" : answer.error;
    std::lock_guard lock(mutex);
    failure = ConnectFailure{settings.targets.empty() ? "" : settings.targets.front(),
                             connection_error("transport: Error while dialing: " + error), nullptr, false,
                             std::chrono::system_clock::now()};
  }
  next_address();
}

void Channel::State::next_address() {
  if (next_address_ >= addresses_.size()) return round_failed();
  dialling_address_ = addresses_[next_address_++];
  const Address& address = dialling_address_;
  auto refuse = [&](const std::string& why) {
    stop_dialling();
    address_failed({address.text, connection_error(fmt::format("transport: Error while dialing: dial tcp {}: {}", address.text, why)),
                    nullptr, false, std::chrono::system_clock::now()});
  };
  dial_fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (dial_fd_ < 0) return refuse("socket: " + error_text(errno));
  int on = 1;
  ::setsockopt(dial_fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  dial_timer_ = loop.after(settings.connect_timeout, [this, refuse] {
    dial_timer_ = 0;
    if (!dialling_) return refuse("i/o timeout");
    std::string stage = dialling_->handshake_done() ? "error reading server preface: " : "transport: authentication handshake failed: ";
    ConnectFailure late{dialling_address_.text, connection_error(stage + "context deadline exceeded"), dialling_->diagnosis(), false,
                        std::chrono::system_clock::now()};
    stop_dialling();
    address_failed(std::move(late));
  });
  int result = ::connect(dial_fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
  if (result != 0 && errno != EINPROGRESS) return refuse("connect: " + error_text(errno));
  auto watched = loop.watch(dial_fd_, os::EventLoop::kWrite, [this, refuse](uint32_t) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(dial_fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return refuse("connect: " + error_text(error));
    loop.unwatch(dial_fd_);
    connected(std::exchange(dial_fd_, -1), dialling_address_);
  });
  if (!watched) refuse(watched.error().message);
}

void Channel::State::connected(int fd, const Address& address) {
  std::shared_ptr<tls::ClientContext> context;
  {
    std::lock_guard lock(mutex);
    context = tls;
  }
  dialled_with_ = material();
  std::unique_ptr<tls::Session> session;
  if (context) session = context->connect(settings.server_name.empty() ? address.host : settings.server_name, address.text);
  dialling_ = std::make_shared<ClientConnection>(loop, connection_options(), this);
  auto hold = dialling_;
  hold->start(fd, std::move(session), address.text);
}

void Channel::State::stop_dialling() {
  loop.cancel(std::exchange(dial_timer_, 0));
  if (dial_fd_ >= 0) {
    loop.unwatch(dial_fd_);
    ::close(std::exchange(dial_fd_, -1));
  }
  if (auto connection = std::exchange(dialling_, nullptr)) {
    connection->forget();
    connection->close_orderly("the dial was given up");
    loop.defer([connection] {});  // lives until its last words are written: its transport points to it
  }
}

void Channel::State::address_failed(ConnectFailure why) {
  {
    std::lock_guard lock(mutex);
    failure = std::move(why);
  }
  // Not within the callback of the connection that failed.
  loop.post([self = shared_from_this()] {
    if (!self->closed && self->state == ChannelState::kConnecting) self->next_address();
  });
}

void Channel::State::round_failed() {
  {
    std::lock_guard lock(mutex);
    ++attempts_failed;
  }
  set_state(ChannelState::kTransientFailure);
  auto failed = std::exchange(waiting_, {});
  for (auto& call : failed) {
    if (call->facts().wait_for_ready) {
      waiting_.push_back(call);
    } else {
      call->end({Code::kUnavailable, why_waiting()});
    }
  }
  if (closed) return;
  auto base = std::chrono::duration_cast<std::chrono::nanoseconds>(settings.backoff.base);
  auto max = std::chrono::duration_cast<std::chrono::nanoseconds>(settings.backoff.max);
  backoff_ = backoff_.count() == 0
                 ? base
                 : std::min(max, std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(backoff_.count()) * settings.backoff.factor)));
  std::uniform_real_distribution<double> jitter(1 - settings.backoff.jitter, 1 + settings.backoff.jitter);
  bool verdict = false;
  {
    std::lock_guard lock(mutex);
    verdict = failure && failure->permanent;
  }
  // A TLS verdict stays what it is until somebody changes something: seldom, but at once when that somebody is us.
  if (verdict) backoff_ = max;
  auto wait = std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(backoff_.count()) * jitter(random_)));
  rest(wait, verdict ? dialled_with_ : "");
}

void Channel::State::rest(std::chrono::nanoseconds wait, const std::string& refused_material) {
  constexpr std::chrono::nanoseconds kLookEvery = std::chrono::seconds(1);
  auto slice = refused_material.empty() ? wait : std::min(wait, kLookEvery);
  backoff_timer_ = loop.after(slice, [this, wait, slice, refused_material] {
    backoff_timer_ = 0;
    if (!refused_material.empty() && material() != refused_material) {
      backoff_ = {};
      return retry_or_rest();
    }
    if (wait > slice) return rest(wait - slice, refused_material);
    retry_or_rest();
  });
}

// What we show and whom we believe, as of now.
std::string Channel::State::material() const {
  std::lock_guard lock(mutex);
  if (!tls) return "";
  auto ours = tls->credentials()->current();
  return std::to_string(ours ? ours->version() : 0) + " " + std::to_string(tls->trust()->current()->version());
}

// After a back-off, or when a connection went: dial again only if somebody waits.
void Channel::State::retry_or_rest() {
  bool wanted = !waiting_.empty();
  {
    std::lock_guard lock(mutex);
    wanted = wanted || waiters > 0;
  }
  if (wanted) return connect();
  set_state(ChannelState::kIdle);
}

void Channel::State::on_up(ClientConnection& connection) {
  if (dialling_.get() != &connection) return;
  loop.cancel(std::exchange(dial_timer_, 0));
  current_ = std::exchange(dialling_, nullptr);
  backoff_ = {};
  {
    std::lock_guard lock(mutex);
    peer = current_->peer();
    failure.reset();
  }
  set_state(ChannelState::kReady);
  auto ready = std::exchange(waiting_, {});
  for (auto& call : ready) place(call);
  arm_idle();
}

void Channel::State::on_goaway(ClientConnection& connection, bool too_many_pings) {
  // Go doubles, too.
  if (too_many_pings) keepalive_interval_ *= 2;
  if (current_.get() != &connection) return;
  leaving_.insert(std::exchange(current_, nullptr));
  {
    std::lock_guard lock(mutex);
    peer = nullptr;
  }
  retry_or_rest();
}

void Channel::State::on_down(ClientConnection& connection, const std::string& why) {
  if (dialling_.get() == &connection) {
    loop.cancel(std::exchange(dial_timer_, 0));
    auto hold = std::exchange(dialling_, nullptr);
    auto diagnosis = connection.diagnosis();
    bool permanent = diagnosis && diagnosis->permanent;
    if (diagnosis) tls::count_failure(*diagnosis, "outgoing");
    std::string stage = connection.handshake_done() ? "error reading server preface: " : "transport: authentication handshake failed: ";
    return address_failed({dialling_address_.text, connection_error(stage + (why.empty() ? "EOF" : why)), std::move(diagnosis),
                           permanent, std::chrono::system_clock::now()});
  }
  std::erase_if(leaving_, [&](const auto& c) { return c.get() == &connection; });
  if (current_.get() != &connection) return;
  current_ = nullptr;
  {
    std::lock_guard lock(mutex);
    peer = nullptr;
  }
  if (!closed) retry_or_rest();
}

void Channel::State::on_call_gone(ClientConnection&) { arm_idle(); }

void Channel::State::arm_idle() {
  if (closed || settings.idle_timeout.count() == 0 || !current_ || !calls_.empty() || idle_timer_ != 0) return;
  idle_timer_ = loop.after(settings.idle_timeout, [this] {
    idle_timer_ = 0;
    if (!current_ || !calls_.empty()) return;
    current_->close_orderly("idle");
  });
}

selvage::Status Channel::State::wait_ready(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex);
  auto until = std::chrono::steady_clock::now() + timeout;
  size_t failed_before = attempts_failed;
  ++waiters;
  lock.unlock();
  loop.post([self = shared_from_this()] {
    bool resting = self->state == ChannelState::kIdle || self->state == ChannelState::kTransientFailure;
    if (resting && !self->current_) self->connect();
  });
  lock.lock();
  bool decided = changed.wait_until(lock, until, [&] {
    return closed || state == ChannelState::kReady || (attempts_failed > failed_before && failure && failure->permanent);
  });
  --waiters;
  if (decided && state == ChannelState::kReady) return {};
  if (closed) return fail(Code::kCancelled, "grpc: the client connection is closing");
  if (!failure) return fail(Code::kUnavailable, "context deadline exceeded");
  if (!failure->diagnosis) return fail(Code::kUnavailable, failure->message);
  std::string cause = failure->diagnosis->code + ": " + failure->diagnosis->cause;
  if (cause.ends_with('.')) cause.pop_back();  // the remedy follows in the same line
  return fail(Code::kUnavailable, failure->message, std::move(cause), failure->diagnosis->remedy);
}

void Channel::State::close() {
  auto task = [self = shared_from_this()] {
    State& s = *self;
    {
      std::lock_guard lock(s.mutex);
      if (std::exchange(s.closed, true)) return;
    }
    s.set_state(ChannelState::kShutdown);
    s.resolution_.reset();
    s.loop.cancel(s.backoff_timer_);
    s.loop.cancel(s.idle_timer_);
    s.stop_dialling();
    auto calls = s.calls_;
    std::vector<std::shared_ptr<Stream>> held;
    for (OutgoingCall* call : calls) held.push_back(call->shared_from_this());
    for (auto& call : held) static_cast<OutgoingCall&>(*call).end({Code::kCancelled, "grpc: the client connection is closing"});
    auto connections = std::exchange(s.leaving_, {});
    if (s.current_) connections.insert(std::exchange(s.current_, nullptr));
    for (auto& connection : connections) {
      connection->forget();
      connection->close_orderly("grpc: the client connection is closing");
      s.loop.defer([connection] {});
    }
  };
  if (loop.in_loop_thread()) return task();
  std::promise<void> done;
  loop.post([&] {
    task();
    done.set_value();
  });
  done.get_future().get();
}

}  // namespace selvage::rpc
