#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.h"
#include "chaincode/launcher.h"
#include "chaincode/session/deadlines_worker.h"

namespace selvage::chaincode {
namespace {

using SteadyClock = std::chrono::steady_clock;
using SessionPtr = std::shared_ptr<ShimSession>;

const log::Logger& logger() {
  static const log::Logger instance("chaincode");
  return instance;
}

constexpr auto kLivedLongEnough = std::chrono::seconds(10);

// One attempt to get a session; those who ask meanwhile wait for it.
struct Attempt {
  bool done = false;
  Result<SessionPtr> result = SessionPtr();
};

struct Process {
  SessionPtr session;
  std::shared_ptr<Attempt> attempt;  // null: none on the way
  bool kept = false;
};

}  // namespace

struct Launcher::State {
  State(LaunchSettings s, std::unique_ptr<Connector> c, metrics::Provider& m, Post p)
      : settings(s),
        connector(std::move(c)),
        metrics(m),
        post(std::move(p)),
        duration(m.histogram({.name_space = "chaincode",
                              .subsystem = "",
                              .name = "launch_duration",
                              .help = "The time to launch a chaincode.",
                              .label_names = {"chaincode", "success"},
                              .statsd_format = "%{#fqname}.%{chaincode}.%{success}"})),
        failures(m.counter({.name_space = "chaincode",
                            .subsystem = "",
                            .name = "launch_failures",
                            .help = "The number of chaincode launches that have failed.",
                            .label_names = {"chaincode"},
                            .statsd_format = "%{#fqname}.%{chaincode}"})),
        timeouts(m.counter({.name_space = "chaincode",
                            .subsystem = "",
                            .name = "launch_timeouts",
                            .help = "The number of chaincode launches that have timed out.",
                            .label_names = {"chaincode"},
                            .statsd_format = "%{#fqname}.%{chaincode}"})) {}

  const LaunchSettings settings;
  std::unique_ptr<Connector> connector;
  metrics::Provider& metrics;
  const Post post;
  Deadlines deadlines;
  metrics::Family<metrics::Histogram>& duration;
  metrics::Family<metrics::Counter>& failures;
  metrics::Family<metrics::Counter>& timeouts;
  Chaincodes* chaincodes = nullptr;

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::map<std::string, Process> processes;
  std::set<SessionPtr> starting;  // not ready yet; so that stop() need not wait for them
  std::vector<std::thread> keepers;

  SessionPtr make_session(const std::string& package_id) {
    return std::make_shared<ShimSession>(settings.session, package_id,
                                         ShimSession::Parts{chaincodes, metrics, deadlines, post});
  }
  Result<SessionPtr> start(const std::string& package_id);
  void keep(const std::string& package_id);
};

Launcher::Launcher(LaunchSettings settings, std::unique_ptr<Connector> connector, metrics::Provider& metrics, Post post)
    : state_(std::make_unique<State>(settings, std::move(connector), metrics, std::move(post))) {}

Launcher::~Launcher() { stop(); }

void Launcher::set_chaincodes(Chaincodes& chaincodes) { state_->chaincodes = &chaincodes; }

Result<SessionPtr> Launcher::State::start(const std::string& package_id) {
  const auto began = SteadyClock::now();
  auto session = make_session(package_id);
  struct Starting {
    State& state;
    SessionPtr session;
    Starting(State& s, SessionPtr one) : state(s), session(std::move(one)) {
      std::lock_guard lock(state.mutex);
      state.starting.insert(session);
    }
    ~Starting() {
      std::lock_guard lock(state.mutex);
      state.starting.erase(session);
    }
  } starting_now{*this, session};
  auto finish = [&](const char* success) {
    duration.with({package_id, success}).observe(std::chrono::duration<double>(SteadyClock::now() - began).count());
  };
  if (auto connected = connector->connect(package_id, session); !connected) {
    session->close();
    failures.with({package_id}).add(1);
    finish("false");
    return fail(std::move(connected).error());
  }
  if (auto ready = session->wait_ready(began + settings.startup_timeout); !ready) {
    const bool late = ready.error().code == Code::kDeadlineExceeded;
    session->close();
    (late ? timeouts : failures).with({package_id}).add(1);
    finish("false");
    if (late)
      return fail(Code::kDeadlineExceeded, "timeout expired while starting chaincode " + package_id + " for transaction");
    return fail(std::move(ready).error().within("chaincode registration failed"));
  }
  finish("true");
  LOG_INFO(logger(), "chaincode is ready package={} duration={}ms", package_id,
           std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - began).count());
  return session;
}

Result<SessionPtr> Launcher::launch(const std::string& package_id) {
  std::shared_ptr<Attempt> attempt;
  {
    std::unique_lock lock(state_->mutex);
    if (state_->stopping) return fail(Code::kUnavailable, "could not launch chaincode " + package_id + ": peer is stopping");
    Process& process = state_->processes[package_id];
    if (process.session && process.session->ready()) return process.session;
    if (process.attempt) {
      attempt = process.attempt;
      state_->changed.wait(lock, [&] { return attempt->done; });
      return attempt->result;
    }
    process.session.reset();
    attempt = process.attempt = std::make_shared<Attempt>();
  }
  Result<SessionPtr> started = state_->start(package_id);
  if (!started) started = fail(std::move(started).error().within("could not launch chaincode " + package_id));
  std::lock_guard lock(state_->mutex);
  Process& process = state_->processes[package_id];
  if (started && state_->stopping) {  // stop() did not see this one
    (*started)->close();
    started = fail(Code::kUnavailable, "could not launch chaincode " + package_id + ": peer is stopping");
  }
  if (started) process.session = *started;
  process.attempt.reset();
  attempt->result = started;
  attempt->done = true;
  state_->changed.notify_all();
  return started;
}

Result<SessionPtr> Launcher::unsolicited(const std::string& package_id) {
  std::lock_guard lock(state_->mutex);
  if (state_->stopping) return fail(Code::kUnavailable, "peer is stopping");
  const auto found = state_->processes.find(package_id);
  if (found != state_->processes.end() && found->second.session && !found->second.session->closed())
    return fail(Code::kAlreadyExists, "duplicate chaincodeID: " + package_id);
  return state_->make_session(package_id);
}

void Launcher::adopt(const std::string& package_id, SessionPtr session) {
  std::unique_lock lock(state_->mutex);
  Process& process = state_->processes[package_id];
  const bool taken = state_->stopping || (process.session && !process.session->closed());
  if (!taken) {
    process.session = std::move(session);
    LOG_INFO(logger(), "chaincode is ready package={}", package_id);
    return;
  }
  lock.unlock();
  session->close();
}

void Launcher::keep_running(const std::string& package_id) {
  std::lock_guard lock(state_->mutex);
  if (state_->stopping || std::exchange(state_->processes[package_id].kept, true)) return;
  state_->keepers.emplace_back([this, package_id] { keep(package_id); });
}

void Launcher::keep(const std::string& package_id) {
  auto delay = state_->settings.retry_first;
  bool complained = false;
  auto pause = [&](std::chrono::nanoseconds time) {
    std::unique_lock lock(state_->mutex);
    return !state_->changed.wait_for(lock, time, [&] { return state_->stopping || !state_->processes[package_id].kept; });
  };
  auto released = [&] { return state_->stopping || !state_->processes[package_id].kept; };  // under the lock
  while (true) {
    {
      std::lock_guard lock(state_->mutex);
      if (released()) return;
    }
    auto session = launch(package_id);
    if (!session) {
      if (!complained) LOG_WARN(logger(), "{}; dialling again until it answers", to_string(session.error()));
      complained = true;
      if (!pause(delay)) return;
      delay = std::min(delay * 2, state_->settings.retry_most);
      continue;
    }
    const auto ready_since = SteadyClock::now();
    complained = false;
    auto ended = std::make_shared<std::pair<bool, std::string>>(false, "");
    (*session)->on_end([this, ended](const std::string& reason) {
      std::lock_guard lock(state_->mutex);
      *ended = {true, reason};
      state_->changed.notify_all();
    });
    std::unique_lock lock(state_->mutex);
    const auto interval = state_->settings.keepalive;
    while (!ended->first && !released()) {
      auto woken = [&] { return ended->first || released(); };
      if (interval.count() <= 0) {
        state_->changed.wait(lock, woken);
      } else if (!state_->changed.wait_for(lock, interval, woken)) {
        lock.unlock();
        (*session)->send_keepalive();
        lock.lock();
      }
    }
    if (released()) return;
    LOG_WARN(logger(), "connection to chaincode ended, dialling again package={} reason={}", package_id,
             escape(ended->second, 300));
    lock.unlock();
    // One that registers and dies at once, over and over, is not started over and over.
    if (SteadyClock::now() - ready_since > kLivedLongEnough) {
      delay = state_->settings.retry_first;
    } else {
      if (!pause(delay)) return;
      delay = std::min(delay * 2, state_->settings.retry_most);
    }
  }
}

void Launcher::release(const std::string& package_id) {
  SessionPtr session;
  {
    std::lock_guard lock(state_->mutex);
    auto found = state_->processes.find(package_id);
    if (found == state_->processes.end() || !std::exchange(found->second.kept, false)) return;
    session = std::exchange(found->second.session, nullptr);
    state_->changed.notify_all();
  }
  if (session) session->close();
}

void Launcher::stop() {
  std::vector<std::thread> keepers;
  std::vector<SessionPtr> sessions;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    keepers.swap(state_->keepers);
    sessions.assign(state_->starting.begin(), state_->starting.end());
    for (auto& [id, process] : state_->processes)
      if (process.session) sessions.push_back(process.session);
    state_->changed.notify_all();
  }
  state_->connector->stop();
  for (auto& session : sessions) session->close();
  for (auto& keeper : keepers) keeper.join();
}

}  // namespace selvage::chaincode
