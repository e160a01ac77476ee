#include "chaincode/package_runner.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "chaincode/builder/posix_build_files.h"
#include "chaincode/listener/listener_service.h"
#include "chaincode/session/shim_session.h"
#include "lifecycle/package.h"

namespace selvage::chaincode {
namespace {

using SessionPtr = std::shared_ptr<ShimSession>;

const log::Logger& logger() {
  static const log::Logger instance("chaincode");
  return instance;
}

// A process that was started for one session. The thread that watches it ends it when the session has ended.
class Child {
 public:
  Child(std::string package_id, ScratchFolder artifacts, std::chrono::milliseconds grace)
      : package_id_(std::move(package_id)), artifacts_(std::move(artifacts)), grace_(grace) {}
  ~Child() {
    ask_to_stop();
    if (watcher_.joinable()) watcher_.join();
  }

  Status start(ExternalBuilder& builder, const std::filesystem::path& output, const RunConfig& config, SessionPtr session,
               std::function<void()> gone) {
    if (auto written = write_file(artifacts_.path() / "chaincode.json", config.to_json(), 0600); !written)
      return fail(std::move(written).error().within("could not write chaincode.json"));
    auto process = builder.run(output, artifacts_.path(), [turn = turn_] { turn->set(&Turn::exited); });
    if (!process) return fail(std::move(process).error());
    process_ = std::move(*process);
    LOG_INFO(logger(), "chaincode was started package={} builder={} pid={}", package_id_, builder.name(), process_->pid());
    session->on_end([turn = std::weak_ptr<Turn>(turn_)](const std::string&) {
      if (auto mine = turn.lock()) mine->set(&Turn::stop);
    });
    watcher_ = std::thread([this, name = builder.name(), session = std::move(session), gone = std::move(gone)] {
      watch(name, session);
      gone();
    });
    return {};
  }

  [[nodiscard]] const std::string& package_id() const { return package_id_; }
  void ask_to_stop() { turn_->set(&Turn::stop); }
  void give_up() { turn_->set(&Turn::done); }  // start() failed
  [[nodiscard]] bool done() const {
    const std::lock_guard lock(turn_->mutex);
    return turn_->done;
  }

 private:
  // What the watcher waits for.
  struct Turn {
    mutable std::mutex mutex;
    std::condition_variable changed;
    bool exited = false;
    bool stop = false;
    bool done = false;
    void set(bool Turn::*flag) {
      const std::lock_guard lock(mutex);
      this->*flag = true;
      changed.notify_all();
    }
  };

  void watch(const std::string& builder, const SessionPtr& session) {
    bool ended_by_us = false;
    {
      std::unique_lock lock(turn_->mutex);
      turn_->changed.wait(lock, [&] { return turn_->exited || turn_->stop; });
      ended_by_us = !turn_->exited;
    }
    if (ended_by_us) process_->terminate(grace_);
    const os::Exit exit = process_->wait();
    const std::string reason = exit.ok() ? "container exited with 0"
                                         : "failed to wait on container exit: builder '" + builder +
                                               "' run failed: " + exit.to_string();
    if (ended_by_us) {
      LOG_DEBUG(logger(), "chaincode process was ended package={} how={}", package_id_, exit.to_string());
    } else {
      LOG_WARN(logger(), "chaincode process ended package={} how={}", package_id_, exit.to_string());
    }
    session->on_closed(reason);
    session->close();
    turn_->set(&Turn::done);
  }

  const std::string package_id_;
  ScratchFolder artifacts_;
  const std::chrono::milliseconds grace_;
  const std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();
  std::unique_ptr<os::Process> process_;
  std::thread watcher_;
};

}  // namespace

struct PackageRunner::State {
  State(PackageRunnerSettings s, PackageStore& p, ChaincodeListener* l)
      : settings(std::move(s)), packages(p), listener(l), builds(settings.builds) {}

  const PackageRunnerSettings settings;
  PackageStore& packages;
  ChaincodeListener* const listener;
  Builds builds;
  CcaasDialer dialer;

  std::mutex mutex;
  std::condition_variable child_gone;
  bool stopped = false;
  std::list<std::shared_ptr<Child>> children;

  struct Way {
    std::optional<Connection> dial;  // a service; else `build` is run
    std::optional<Build> build;
  };
  Result<Way> way_to(const std::string& package_id, BytesView package_bytes);
  Status run(const std::string& package_id, const Build& build, const SessionPtr& session);
  // Ends processes of an earlier session of the package, and forgets those that have ended.
  void clear(const std::string& package_id);
};

// How the package's process is reached, once it is built.
Result<PackageRunner::State::Way> PackageRunner::State::way_to(const std::string& package_id, BytesView package_bytes) {
  SELVAGE_TRY(auto package, lifecycle::parse_package(package_bytes));
  auto build = builds.build(package_id, package);
  if (!build) return fail(std::move(build).error().within("external builder failed"));
  Way way;
  if (!*build) {
    SELVAGE_TRY(way.dial, packaged_connection(settings.ccaas, package));
    return way;
  }
  way.build = std::move(**build);
  SELVAGE_TRY(auto json, way.build->connection_json());
  if (json) {
    // The builder has filled in its templates.
    SELVAGE_TRY(way.dial, parse_connection(*json, ""));
  }
  return way;
}

void PackageRunner::State::clear(const std::string& package_id) {
  std::list<std::shared_ptr<Child>> ended;  // destroyed, and their threads joined, without the lock
  {
    std::unique_lock lock(mutex);
    for (auto& child : children)
      if (child->package_id() == package_id) child->ask_to_stop();
    child_gone.wait(lock, [&] {
      return std::none_of(children.begin(), children.end(),
                          [&](const auto& child) { return child->package_id() == package_id && !child->done(); });
    });
    for (auto child = children.begin(); child != children.end();) {
      auto next = std::next(child);
      if ((*child)->done()) ended.splice(ended.end(), children, child);
      child = next;
    }
  }
}

Status PackageRunner::State::run(const std::string& package_id, const Build& build, const SessionPtr& session) {
  if (listener == nullptr)
    return fail(Code::kUnavailable, "could not get connection info: this peer has no chaincode listener");
  clear(package_id);
  SELVAGE_TRY(auto config, listener->invite(package_id));
  auto artifacts = ScratchFolder::make("fabric-run");
  if (!artifacts) return fail(std::move(artifacts).error().within("error starting container: error starting container"));
  auto child = std::make_shared<Child>(package_id, std::move(*artifacts), settings.stop_grace);
  {
    const std::lock_guard lock(mutex);
    if (stopped) return fail(Code::kUnavailable, "peer is stopping");
    children.push_back(child);
  }
  listener->expect(package_id, session);
  auto started = child->start(*build.builder, build.output, config, session, [this] {
    const std::lock_guard lock(mutex);
    child_gone.notify_all();
  });
  if (started) return {};
  listener->forget(package_id, session);
  child->give_up();
  {
    const std::lock_guard lock(mutex);
    children.remove(child);
    child_gone.notify_all();
  }
  return fail(std::move(started).error().within("error starting container: error starting container"));
}

PackageRunner::PackageRunner(PackageRunnerSettings settings, PackageStore& packages, ChaincodeListener* listener)
    : state_(std::make_unique<State>(std::move(settings), packages, listener)) {}

PackageRunner::~PackageRunner() { stop(); }

Status PackageRunner::build(const std::string& package_id, BytesView package) {
  SELVAGE_TRY(auto way, state_->way_to(package_id, package));
  if (way.dial) SELVAGE_CHECK(check_connection(*way.dial));
  return {};
}

Status PackageRunner::connect(const std::string& package_id, const SessionPtr& session) {
  const char* const building = "error building chaincode: error building image";
  auto package = state_->packages.load(package_id);
  if (!package) {
    return fail(std::move(package).error().within(std::string(building) +
                                                  ": failed to get chaincode package for external build"));
  }
  auto way = state_->way_to(package_id, *package);
  if (!way) return fail(std::move(way).error().within(building));
  if (way->dial) return state_->dialer.dial(package_id, *way->dial, session);
  return state_->run(package_id, *way->build, session);
}

void PackageRunner::stop() {
  std::list<std::shared_ptr<Child>> children;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    children = state_->children;
  }
  state_->builds.stop();
  state_->dialer.stop();
  for (auto& child : children) child->ask_to_stop();
  {
    std::unique_lock lock(state_->mutex);
    state_->child_gone.wait(lock, [&] {
      return std::all_of(children.begin(), children.end(), [](const auto& child) { return child->done(); });
    });
    state_->children.clear();
  }
}

}  // namespace selvage::chaincode
