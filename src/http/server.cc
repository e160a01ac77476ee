#include "http/server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.h"
#include "http/connection.h"
#include "http/socket.h"
#include "os/event_loop.h"
#include "tls/context.h"
#include "tls/diagnosis.h"
#include "tls/failure_count.h"

namespace selvage::http {
namespace {

// Threads that run handlers; started when there is work, up to a limit, and kept.
class Workers {
 public:
  explicit Workers(size_t threads_max) : threads_max_(threads_max) {}
  ~Workers() { stop(); }

  void add(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    if (idle_ < tasks_.size() && threads_.size() < threads_max_) threads_.emplace_back([this] { run(); });
    work_.notify_one();
  }

  // Tasks that have not begun are dropped; returns when none runs.
  void stop() {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      tasks_.clear();
      threads.swap(threads_);
      work_.notify_all();
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      work_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      --idle_;
      if (stopping_) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }
  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

struct Route {
  Handler handler;
  bool needs_certificate = false;
};

}  // namespace

struct Server::State : Connection::Owner, std::enable_shared_from_this<State> {
  explicit State(ServerSettings given)
      : settings(std::move(given)), logger(settings.logger), tls(settings.tls), workers(settings.workers_max) {}

  // Loop's thread.
  void accept();
  void on_request(std::shared_ptr<Connection> connection, Request request) override;
  void on_refused(tls::Session& session, const std::string& remote_address) override;
  void on_gone(Connection* connection) override {
    connections.erase(connection->shared_from_this());
    if (connections.empty() && stopping) emptied.set_value();
  }
  bool on_held(std::ptrdiff_t more) override {
    held_bytes += more;
    return more < 0 || held_bytes <= static_cast<std::ptrdiff_t>(std::max(settings.held_bytes_max, 8 * settings.body_bytes_max));
  }
  bool make_room();
  const Route* find(const std::string& path) const;

  const ServerSettings settings;
  const log::Logger logger;
  std::mutex tls_mutex;
  std::shared_ptr<tls::ServerContext> tls;
  std::map<std::string, Route> routes;
  std::shared_ptr<os::LoopGroup> loops;
  os::EventLoop* loop = nullptr;
  int listener = -1;
  std::string address;
  std::set<std::shared_ptr<Connection>> connections;
  std::ptrdiff_t held_bytes = 0;
  tls::RecordLimiter refusals;
  bool stopping = false;
  std::promise<void> emptied;
  Workers workers;
};

void Server::State::accept() {
  for (int i = 0; i < 64; ++i) {  // leave the loop to others now and then
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      // Whoever waits in line may wait some more, rather than have us spin.
      loop->change(listener, 0);
      loop->after(std::chrono::milliseconds(100), [self = shared_from_this()] {
        if (!self->stopping) self->loop->change(self->listener, os::EventLoop::kRead);
      });
    }
    if (fd < 0) return;
    if (stopping || (connections.size() >= settings.connections_max && !make_room())) {
      ::close(fd);
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::string remote = address_text(from);
    std::unique_ptr<tls::Session> session;
    {
      const std::lock_guard lock(tls_mutex);
      if (tls) session = tls->accept(remote);
    }
    auto connection = std::make_shared<Connection>(*loop, fd, remote, std::move(session), settings, this);
    connections.insert(connection);
    connection->start();
  }
}

// Slots are for those who ask: somebody who took one and says nothing loses it to the next, and so does, after a while,
// somebody whose last question was answered.
bool Server::State::make_room() {
  const SteadyTime resting = loop->now() - std::chrono::seconds(1);
  std::shared_ptr<Connection> oldest;
  for (const auto& one : connections) {
    if (!one->waiting() || (one->served() && one->since() > resting)) continue;
    const bool older = !oldest || std::pair(one->served(), one->since()) < std::pair(oldest->served(), oldest->since());
    if (older) oldest = one;
  }
  if (oldest) oldest->drop();
  return oldest != nullptr;
}

const Route* Server::State::find(const std::string& path) const {
  if (const auto exact = routes.find(path); exact != routes.end()) return &exact->second;
  const Route* best = nullptr;
  size_t length = 0;
  for (const auto& [pattern, route] : routes) {
    if (pattern.ends_with('/') && path.starts_with(pattern) && pattern.size() > length) {
      best = &route;
      length = pattern.size();
    }
  }
  return best;
}

void Server::State::on_request(std::shared_ptr<Connection> connection, Request request) {
  const Route* route = find(request.path);
  if (route == nullptr) {
    Response missing = Response::text(404, "404 page not found\n");
    missing.headers.set("X-Content-Type-Options", "nosniff");
    return connection->answer(std::move(missing));
  }
  // Fabric quirk: core/middleware/require_cert.go: nothing but the status.
  if (route->needs_certificate && request.peer.tls && !request.peer.verified) {
    Response unauthorized;
    unauthorized.status = 401;
    if (refusals.admit(tls::host_of(request.peer.address), "401", std::chrono::steady_clock::now()).print) {
      LOG_WARN(logger.with("URL", escape(request.target)).with("Method", request.method).with("RemoteAddr", request.peer.address),
               "Client request not authorized, client must pass a valid client certificate for this operation");
    }
    return connection->answer(std::move(unauthorized));
  }
  workers.add([route, connection = std::move(connection), request = std::move(request)] {
    connection->answer(route->handler(request));
  });
}

void Server::State::on_refused(tls::Session& session, const std::string& remote_address) {
  const tls::Evidence* evidence = session.failure();
  const auto diagnosis = session.diagnosis();
  if (evidence == nullptr || diagnosis == nullptr) return;
  tls::count_failure(*evidence, *diagnosis);
  const auto admitted = refusals.admit(tls::host_of(remote_address), diagnosis->code, std::chrono::steady_clock::now());
  const bool loud = admitted.print && !diagnosis->noise;
  const log::Logger line = logger.with("server", settings.name).with("remoteaddress", remote_address);
  const log::Level level = loud ? log::Level::kWarn : log::Level::kDebug;
  if (!line.enabled(level)) return;
  line.write(level, "serve", "http: TLS handshake error from " + remote_address + ": " + evidence->error);
  std::string record = "Why the TLS handshake failed\n" + tls::to_record(*diagnosis);
  if (admitted.seen_before > 0) record += "\n   seen  " + std::to_string(admitted.seen_before) + " times before";
  line.with(tls::to_fields(*evidence, *diagnosis, admitted.seen_before)).write(level, "serve", record);
}

Server::Server(ServerSettings settings) : state_(std::make_shared<State>(std::move(settings))) {}
Server::~Server() { stop(); }

void Server::add(std::string path, Handler handler, bool needs_certificate) {
  state_->routes[std::move(path)] = Route{std::move(handler), needs_certificate};
}

Status Server::start() {
  State& state = *state_;
  if (state.tls) SELVAGE_CHECK(state.tls->check());
  SELVAGE_TRY(state.listener, listen_on(state.settings.listen_address));
  state.address = local_address(state.listener);
  state.loops = state.settings.loops ? state.settings.loops : os::LoopGroup::process();
  state.loop = &state.loops->next();
  auto watching = std::make_shared<std::promise<Status>>();
  auto watched = watching->get_future();
  state.loop->post([state = state_, watching] {
    watching->set_value(state->loop->watch(state->listener, os::EventLoop::kRead, [state](uint32_t) { state->accept(); }));
  });
  return watched.get();
}

std::string Server::address() const { return state_->address; }

uint16_t Server::port() const {
  return static_cast<uint16_t>(std::stoul("0" + state_->address.substr(state_->address.rfind(':') + 1)));
}

void Server::set_tls(std::shared_ptr<tls::ServerContext> tls) {
  const std::lock_guard lock(state_->tls_mutex);
  state_->tls = std::move(tls);
}

void Server::stop(std::chrono::milliseconds grace) {
  if (state_->listener < 0 || state_->loop == nullptr) return;
  auto emptied = state_->emptied.get_future();
  state_->loop->post([state = state_] {
    state->loop->unwatch(state->listener);
    ::close(state->listener);
    state->stopping = true;
    if (state->connections.empty()) return state->emptied.set_value();
    for (const auto& connection : std::set(state->connections)) connection->finish();
  });
  if (grace.count() <= 0 || emptied.wait_for(grace) != std::future_status::ready) {
    state_->loop->post([state = state_] {
      for (const auto& connection : std::set(state->connections)) connection->drop();
    });
    emptied.wait();
  }
  state_->workers.stop();
  state_->listener = -1;
  state_->loop = nullptr;
}

}  // namespace selvage::http
