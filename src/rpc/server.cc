#include "rpc/server.h"

#include <errno.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <future>
#include <utility>

#include "base/log.h"
#include "os/event_loop.h"
#include "rpc/http2/transport.h"
#include "rpc/serving/pending_connection.h"
#include "rpc/serving/refused_connection.h"
#include "rpc/serving/server_connection.h"
#include "rpc/serving/server_state.h"
#include "tls/context.h"

namespace selvage::rpc {
namespace {

// A descriptor that listens, or an error with Go's words.
Result<int> listen_on(const std::string& address) {
  auto refuse = [&](const std::string& why) { return fail(Code::kUnavailable, fmt::format("listen tcp {}: {}", address, why)); };
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return fail(Code::kInvalidArgument, fmt::format("listen tcp: address {}: missing port in address", address));
  }
  std::string host = address.substr(0, colon);
  std::string port = address.substr(colon + 1);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int result = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (result != 0) return refuse(fmt::format("lookup {}: {}", host, ::gai_strerror(result)));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
  // "All addresses" is one socket for both families where the machine has IPv6, as in Go.
  const addrinfo* chosen = found;
  for (const addrinfo* a = found; host.empty() && a; a = a->ai_next) {
    if (a->ai_family == AF_INET6) chosen = a;
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    int fd = ::socket(chosen->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && chosen != found) {
      chosen = found;
      continue;
    }
    if (fd < 0) return refuse(fmt::format("socket: {}", ::strerror(errno)));
    int on = 1, off = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (chosen->ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, host.empty() ? &off : &on, sizeof off);
    if (::bind(fd, chosen->ai_addr, chosen->ai_addrlen) == 0 && ::listen(fd, 1024) == 0) return fd;
    int error = errno;
    ::close(fd);
    if (chosen != found && error != EADDRINUSE) {
      chosen = found;
      continue;
    }
    std::string text = ::strerror(error);
    text[0] = static_cast<char>(::tolower(text[0]));
    return refuse("bind: " + text);
  }
  return refuse("bind: no usable address");
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  explicit State(ServerSettings settings) : shared(std::make_shared<ServerState>(std::move(settings))) {}

  std::shared_ptr<ServerState> shared;
  std::shared_ptr<os::LoopGroup> group;
  int listener = -1;
  os::EventLoop* accept_loop = nullptr;
  size_t next = 0;  // on the accept loop
  std::string address;
  uint16_t port = 0;
  std::mutex stop_mutex;
  bool started = false;
  bool stopped = false;

  void accept_some();
  void take(int fd);
  // One handshake more from this source; null: it has enough.
  std::shared_ptr<void> take_slot(int fd);
  void on_each_loop(const std::function<void(ServerState::PerLoop&)>& task) const;
};

Server::Server(ServerSettings settings) : state_(std::make_shared<State>(std::move(settings))) {}

Server::~Server() { stop(); }

static Method& add_method(ServerState& state, const std::string& path, Method::Kind kind) {
  state.methods.erase(path);
  auto [place, fresh] = state.methods.try_emplace(path, path, kind);
  size_t slash = path.rfind('/');
  if (path.size() > 1 && path[0] == '/' && slash > 1) state.services.insert(path.substr(1, slash - 1));
  return place->second;
}

void Server::add_unary(const std::string& path, UnaryHandler handler, Run where) {
  Method& method = add_method(*state_->shared, path, Method::Kind::kUnary);
  method.unary = std::move(handler);
  method.where = where;
}

void Server::add_stream(const std::string& path, StreamFactory factory) {
  add_method(*state_->shared, path, Method::Kind::kStream).stream = std::move(factory);
}

void Server::add_blocking_stream(const std::string& path, BlockingHandler handler) {
  add_method(*state_->shared, path, Method::Kind::kBlocking).blocking = std::move(handler);
}

std::vector<std::string> Server::services() const {
  std::vector<std::string> names(state_->shared->services.begin(), state_->shared->services.end());
  std::sort(names.begin(), names.end());
  return names;
}

selvage::Status Server::start() {
  State& s = *state_;
  ServerState& shared = *s.shared;
  ServerSettings& settings = shared.settings;
  if (s.started) return fail(Code::kFailedPrecondition, "the server was started before");
  if (settings.tls) SELVAGE_CHECK(settings.tls->check());
  shared.tls.store(settings.tls);
  SELVAGE_TRY(s.listener, listen_on(settings.listen_address));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(s.listener, reinterpret_cast<sockaddr*>(&bound), &size);
  s.address = local_address(s.listener);
  s.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  std::map<std::string, std::shared_ptr<ServiceLimit>> limits;
  for (const auto& [service, max] : settings.concurrency_limits) {
    if (max <= 0) continue;
    auto limit = std::make_shared<ServiceLimit>();
    limit->service = service;
    limit->max = max;
    limits[service] = std::move(limit);
    std::string word = service.substr(service.rfind('.') + 1);  // "/protos.Endorser": endorser
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (const log::Logger said(settings.limiter_logger); said.enabled(log::Level::kInfo)) {
      said.write(log::Level::kInfo, "initGrpcSemaphores", fmt::format("concurrency limit for {} service is {}", word, max));
    }
  }
  for (auto& [path, method] : shared.methods) {
    auto limit = limits.find(path.substr(0, path.rfind('/')));
    method.prepare(settings, limit == limits.end() ? nullptr : limit->second);
  }
  if (settings.metrics) {
    const std::string help = "gRPC connections {}. Open minus closed is the active number of connections.";
    auto counter = [&](const char* name, const char* word) {
      return &settings.metrics
                  ->counter({.name_space = "grpc", .subsystem = "comm", .name = name, .help = fmt::format(fmt::runtime(help), word)})
                  .with({});
    };
    shared.opened = counter("conn_opened", "opened");
    shared.closed = counter("conn_closed", "closed");
  }
  // Held here and not by what connections share: the last of them ends on a loop, which should not have to end its group.
  s.group = settings.loops ? std::exchange(settings.loops, nullptr) : os::LoopGroup::process();
  for (size_t i = 0; i < s.group->size(); ++i) {
    shared.loops.push_back(std::make_unique<ServerState::PerLoop>());
    shared.loops.back()->loop = &s.group->at(i);
  }
  s.accept_loop = &s.group->next();
  auto listening = std::make_shared<std::promise<selvage::Status>>();
  auto outcome = listening->get_future();
  s.accept_loop->post([state = state_, listening] {
    listening->set_value(
        state->accept_loop->watch(state->listener, os::EventLoop::kRead, [state](uint32_t) { state->accept_some(); }));
  });
  selvage::Status watched = outcome.get();
  if (!watched) {
    ::close(std::exchange(s.listener, -1));
    return fail(Code::kUnavailable, fmt::format("listen tcp {}: {}", settings.listen_address, watched.error().message));
  }
  s.started = true;
  return {};
}

void Server::State::accept_some() {
  for (int i = 0; i < 64; ++i) {
    int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Out of descriptors: whoever waits in line may wait some more, rather than have us spin.
      accept_loop->change(listener, 0);
      accept_loop->after(std::chrono::milliseconds(100), [self = shared_from_this()] {
        if (self->listener >= 0) self->accept_loop->change(self->listener, os::EventLoop::kRead);
      });
    }
    return;
  }
}

void Server::State::take(int fd) {
  if (shared->descriptors->load() >= shared->settings.connections_max) {
    ::close(fd);
    return;
  }
  shared->descriptors->fetch_add(1);
  std::shared_ptr<void> keep(nullptr, [count = shared->descriptors](void*) { count->fetch_sub(1); });
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::shared_ptr<void> slot;
  if (shared->settings.handshakes_per_source_max > 0 && !(slot = take_slot(fd))) {
    ::close(fd);
    return;
  }
  ServerState::PerLoop& home = *shared->loops[next++ % shared->loops.size()];
  {
    std::lock_guard lock(shared->mutex);
    ++shared->connections;
  }
  home.loop->post([shared = shared, &home, fd, keep = std::move(keep), slot = std::move(slot)] {
    std::make_shared<PendingConnection>(*home.loop, shared, home)->start(fd, keep, slot);
  });
}

std::shared_ptr<void> Server::State::take_slot(int fd) {
  std::string source = remote_address(fd);
  source.resize(std::min(source.size(), source.rfind(':')));
  std::lock_guard lock(shared->sources_mutex);
  size_t& count = shared->handshakes_by_source[source];
  if (count >= shared->settings.handshakes_per_source_max) return nullptr;
  ++count;
  return {shared.get(), [shared = shared, source](void*) {
    std::lock_guard lock(shared->sources_mutex);
    auto found = shared->handshakes_by_source.find(source);
    if (found != shared->handshakes_by_source.end() && --found->second == 0) shared->handshakes_by_source.erase(found);
  }};
}

std::string Server::address() const { return state_->address; }
uint16_t Server::port() const { return state_->port; }

void Server::set_tls(std::shared_ptr<tls::ServerContext> tls) { state_->shared->tls.store(std::move(tls)); }

size_t Server::connection_count() const {
  std::lock_guard lock(state_->shared->mutex);
  return state_->shared->connections;
}

const std::string& Server::name() const { return state_->shared->settings.name; }

std::vector<std::shared_ptr<const Peer>> Server::connections() const {
  std::vector<std::future<std::vector<std::shared_ptr<const Peer>>>> answers;
  {
    std::lock_guard once(state_->stop_mutex);
    if (!state_->started || state_->stopped) return {};
    for (auto& home : state_->shared->loops) {
      auto answer = std::make_shared<std::promise<std::vector<std::shared_ptr<const Peer>>>>();
      answers.push_back(answer->get_future());
      home->loop->post([answer, &home = *home, shared = state_->shared] {
        std::vector<std::shared_ptr<const Peer>> peers;
        for (const auto& connection : home.connections) peers.push_back(connection->peer());
        answer->set_value(std::move(peers));
      });
    }
  }
  std::vector<std::shared_ptr<const Peer>> all;
  for (auto& answer : answers) {
    // A loop that ends with its group drops what it was asked.
    if (answer.wait_for(std::chrono::seconds(2)) != std::future_status::ready) continue;
    for (auto& peer : answer.get()) all.push_back(std::move(peer));
  }
  return all;
}

void Server::State::on_each_loop(const std::function<void(ServerState::PerLoop&)>& task) const {
  for (auto& home : shared->loops) {
    home->loop->post([task, &home = *home, shared = shared] { task(home); });
  }
}

void Server::post(std::function<void()> task) { state_->shared->workers.run(std::move(task)); }

void Server::stop(std::chrono::milliseconds grace) {
  State& s = *state_;
  std::lock_guard once(s.stop_mutex);
  if (!s.started || s.stopped) return;
  s.stopped = true;
  ServerState& shared = *s.shared;
  // The listener goes first, on its loop; what it accepted before is registered by then.
  std::mutex mutex;
  std::condition_variable done;
  bool closed = false;
  s.accept_loop->post([&] {
    s.accept_loop->unwatch(s.listener);
    ::close(std::exchange(s.listener, -1));
    std::lock_guard lock(mutex);
    closed = true;
    done.notify_all();
  });
  {
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return closed; });
  }
  auto each = [](ServerState::PerLoop& home, auto task) {
    auto connections = home.connections;
    for (auto& connection : connections) task(*connection);
  };
  auto drop_strangers = [](ServerState::PerLoop& home) {
    while (!home.pending.empty()) home.pending.front()->drop();
    auto refused = home.refused;
    for (auto& connection : refused) connection->cut();
  };
  std::unique_lock lock(shared.mutex);
  if (grace.count() > 0) {
    s.on_each_loop([each, drop_strangers](ServerState::PerLoop& home) {
      home.draining = true;
      drop_strangers(home);
      each(home, [](ServerConnection& c) { c.drain(); });
    });
    shared.fewer.wait_for(lock, grace, [&] { return shared.connections == 0; });
  }
  s.on_each_loop([each, drop_strangers](ServerState::PerLoop& home) {
    home.draining = true;
    drop_strangers(home);
    each(home, [](ServerConnection& c) { c.cut("the server is stopping"); });
  });
  shared.fewer.wait(lock, [&] { return shared.connections == 0; });
  lock.unlock();
  shared.workers.stop();
  shared.stream_threads.stop();
}

}  // namespace selvage::rpc
