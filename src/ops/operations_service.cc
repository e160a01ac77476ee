#include "ops/operations_service.h"

#include <atomic>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "ops/logspec.h"
#include "ops/prometheus.h"
#include "ops/statsd.h"
#include "ops/statsd_worker.h"

namespace selvage::ops {
namespace {

log::Logger& logger() {
  static auto& the = *new log::Logger("operations.runner");
  return the;
}

// What a log observer, a plain function, counts with. Never freed: a record may be under way while a node stops.
struct LogCounters {
  explicit LogCounters(std::shared_ptr<metrics::Provider> given) : owner(std::move(given)) {
    metrics::Provider& provider = *owner;
    auto& checked_family = provider.counter({"logging", "", "entries_checked",
                                             "Number of log entries checked against the active logging level", {"level"},
                                             "%{#fqname}.%{level}", {}});
    auto& written_family = provider.counter({"logging", "", "entries_written", "Number of log entries that are written",
                                             {"level"}, "%{#fqname}.%{level}", {}});
    static constexpr const char* kNames[] = {"debug", "info", "warn", "error", "dpanic", "panic", "fatal"};
    for (size_t i = 0; i < 7; ++i) {
      checked[i] = [family = &checked_family, name = kNames[i]] { family->with({name}).add(1); };
      written[i] = [family = &written_family, name = kNames[i]] { family->with({name}).add(1); };
    }
  }
  std::shared_ptr<metrics::Provider> owner;
  std::function<void()> checked[7];
  std::function<void()> written[7];
};
std::atomic<LogCounters*> log_counters{nullptr};

void count_record(log::Level level, bool was_written) {
  LogCounters* counters = log_counters.load();
  const auto index = static_cast<size_t>(static_cast<int>(level) + 1);
  if (counters != nullptr && index < 7) (was_written ? counters->written : counters->checked)[index]();
}

// What is no UTF-8 is replaced, as by Go's encoder.
template <class Json>
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// {"error": "..."} with a line end, as Go's encoder writes it.
http::Response json_error(int status, const std::string& key, const std::string& text, bool line_end) {
  return http::Response::json(status, text_of(nlohmann::json{{key, text}}) + (line_end ? "\n" : ""));
}

std::string rfc3339_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() % 1000000000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, nanos);
}

http::Response serve_logspec(const http::Request& request) {
  if (request.method == "GET") return http::Response::json(200, text_of(nlohmann::json{{"spec", log::spec()}}) + "\n");
  if (request.method != "PUT") return json_error(400, "error", "invalid request method: " + request.method, true);
  const auto spec = parse_logspec_body(request.body);
  if (!spec) return json_error(400, "error", spec.error().message, true);
  if (const Status set = log::set_spec(*spec); !set) return json_error(400, "error", set.error().message, true);
  http::Response done;
  done.status = 204;
  return done;
}

http::Response serve_healthz(const Health& health, const http::Request& request) {
  if (request.method != "GET") {
    http::Response refused;
    refused.status = 405;
    return refused;
  }
  const auto failures = health.failures();
  nlohmann::ordered_json body{{"status", failures.empty() ? "OK" : "Service Unavailable"}, {"time", rfc3339_now()}};
  for (const auto& [component, reason] : failures) {
    body["failed_checks"].push_back(nlohmann::ordered_json{{"component", component}, {"reason", reason}});
  }
  return http::Response::json(failures.empty() ? 200 : 503, text_of(body));
}

}  // namespace

struct Operations::State {
  explicit State(OperationsSettings given) : settings(std::move(given)), server(settings.http) {}
  OperationsSettings settings;
  std::shared_ptr<Prometheus> prometheus;
  std::shared_ptr<Statsd> statsd;
  std::unique_ptr<StatsdWorker> statsd_worker;
  Health health;
  http::Server server;
};

Operations::Operations(OperationsSettings settings) : state_(std::make_unique<State>(std::move(settings))) {
  State& state = *state_;
  const OperationsSettings& given = state.settings;
  if (given.metrics_provider == "prometheus") {
    state.prometheus = std::make_shared<Prometheus>();
    state.server.add("/metrics", [&state](const http::Request&) {
      return http::Response::text(200, state.prometheus->text(), "text/plain; version=0.0.4; charset=utf-8");
    }, true);
  } else if (given.metrics_provider == "statsd") {
    state.statsd = std::make_shared<Statsd>(given.statsd_prefix);
    state.statsd_worker = std::make_unique<StatsdWorker>(*state.statsd, given.statsd_network, given.statsd_address, given.statsd_write_interval);
  } else if (given.metrics_provider != "disabled") {
    LOG_WARN(logger(), "Unknown provider type: {}; metrics disabled", given.metrics_provider);
  }
  state.server.add("/logspec", serve_logspec, true);
  state.server.add("/healthz", [&state](const http::Request& request) { return serve_healthz(state.health, request); });
  state.server.add("/version", [&state](const http::Request& request) {
    if (request.method != "GET") return json_error(400, "Error", "invalid request method: " + request.method, false);
    return http::Response::json(200, nlohmann::ordered_json{{"CommitSHA", state.settings.commit}, {"Version", state.settings.version}}.dump());
  });
  if (state.prometheus || state.statsd) {
    std::shared_ptr<metrics::Provider> provider = state.statsd;
    if (state.prometheus) provider = state.prometheus;
    static auto& all = *new std::vector<LogCounters*>;  // where leak checkers see them
    all.push_back(new LogCounters(std::move(provider)));
    log_counters.store(all.back());
    log::set_observer(count_record);
  }
}

Operations::~Operations() {
  stop();
  log::set_observer(nullptr);
  log_counters.store(nullptr);
}

metrics::Provider& Operations::metrics() {
  if (state_->prometheus) return *state_->prometheus;
  if (state_->statsd) return *state_->statsd;
  return metrics::disabled();
}

Health& Operations::health() { return state_->health; }
http::Server& Operations::server() { return state_->server; }

Status Operations::start() {
  if (state_->statsd_worker) SELVAGE_CHECK(state_->statsd_worker->start());
  metrics().gauge({"", "", "fabric_version", "The active version of Fabric.", {"version"}, "%{#fqname}.%{version}", {}})
      .with({state_->settings.version}).set(1);
  return state_->server.start();
}

void Operations::stop() {
  state_->server.stop(std::chrono::seconds(1));
  if (state_->statsd_worker) state_->statsd_worker->stop();
}

}  // namespace selvage::ops
