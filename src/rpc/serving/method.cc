#include "rpc/serving/method.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "rpc/http2/text.h"

namespace selvage::rpc {
namespace {

// As zap prints a time: milliseconds, UTC.
std::string iso8601(SystemTime time) {
  auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds.time_since_epoch().count()),
                     (milliseconds - seconds).count());
}

// Label values have no dots (they would be levels in statsd).
std::string undotted(std::string text) {
  std::replace(text.begin(), text.end(), '.', '_');
  return text;
}

}  // namespace

void Method::prepare(const ServerSettings& settings, std::shared_ptr<ServiceLimit> limit) {
  size_t slash = path_.rfind('/');
  service_ = path_.substr(1, slash - 1);
  name_ = path_.substr(slash + 1);
  limit_ = std::move(limit);
  access_.emplace(settings.access_logger);
  limiter_.emplace(settings.limiter_logger);
  if (!settings.metrics) return;
  metrics::Provider& provider = *settings.metrics;
  std::string kind = kind_ == Kind::kUnary ? "unary" : "stream";
  auto options = [&](const std::string& what, const std::string& help, bool code) {
    metrics::Options o{.name_space = "grpc", .subsystem = "server", .name = kind + "_" + what, .help = help};
    o.label_names = {"service", "method"};
    o.statsd_format = "%{#fqname}.%{service}.%{method}";
    if (code) {
      o.label_names.push_back("code");
      o.statsd_format += ".%{code}";
    }
    return o;
  };
  metrics::LabelValues labels{undotted(service_), undotted(name_)};
  received_ = &provider.counter(options("requests_received", "The number of " + kind + " requests received.", false)).with(labels);
  completed_family_ = &provider.counter(options("requests_completed", "The number of " + kind + " requests completed.", true));
  duration_family_ = &provider.histogram(options("request_duration", "The time to complete a " + kind + " request.", true));
  if (kind_ == Kind::kUnary) return;
  messages_received_ =
      &provider.counter(options("messages_received", "The number of stream messages received.", false)).with(labels);
  messages_sent_ = &provider.counter(options("messages_sent", "The number of stream messages sent.", false)).with(labels);
}

Status Method::admit(std::shared_ptr<void>* token) {
  if (received_) received_->add(1);
  if (!limit_) return {};
  if (limit_->running.fetch_add(1) >= limit_->max) {
    limit_->running.fetch_sub(1);
    LOG_ERROR(*limiter_, "Too many requests for {}, exceeding concurrency limit ({})", limit_->service, limit_->max);
    // Fabric quirk: internal/peer/node/grpc_limiters.go: a plain Go error, so the code is Unknown.
    return {Code::kUnknown, fmt::format("too many requests for {}, exceeding concurrency limit ({})", limit_->service, limit_->max)};
  }
  *token = std::shared_ptr<void>(nullptr, [limit = limit_](void*) { limit->running.fetch_sub(1); });
  return {};
}

void Method::complete(const Status& status, const Peer& peer, std::optional<SteadyTime> deadline, SteadyTime began) {
  SteadyTime now = std::chrono::steady_clock::now();
  auto took = now - began;
  if (completed_family_) {
    size_t code = std::min<size_t>(static_cast<size_t>(status.code), completed_.size() - 1);
    if (!completed_[code].load(std::memory_order_acquire)) {
      metrics::LabelValues labels{undotted(service_), undotted(name_), name_of(status.code)};
      completed_[code].store(&completed_family_->with(labels), std::memory_order_release);
      duration_[code].store(&duration_family_->with(labels), std::memory_order_release);
    }
    completed_[code].load(std::memory_order_acquire)->add(1);
    // The other thread that finds the counter may be between the two stores.
    if (auto* histogram = duration_[code].load(std::memory_order_acquire)) {
      histogram->observe(std::chrono::duration<double>(took).count());
    }
  }
  if (!access_ || !access_->enabled(log::Level::kInfo)) return;
  log::Fields fields{{"grpc.service", service_}, {"grpc.method", name_}};
  if (deadline) {
    auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(*deadline - now);
    fields.emplace_back("grpc.request_deadline", iso8601(std::chrono::system_clock::now() + left));
  }
  fields.emplace_back("grpc.peer_address", peer.address);
  if (!peer.certificate_subject.empty()) fields.emplace_back("grpc.peer_subject", escape(peer.certificate_subject));
  if (!status.ok()) fields.emplace_back("error", status.to_string());
  fields.emplace_back("grpc.code", name_of(status.code));
  fields.emplace_back("grpc.call_duration", go_duration(std::chrono::duration_cast<std::chrono::nanoseconds>(took)));
  // Fabric has a closure of its interceptor here, which Go calls so.
  access_->with(fields).write(log::Level::kInfo, "func1", kind_ == Kind::kUnary ? "unary call completed" : "streaming call completed");
}

}  // namespace selvage::rpc
