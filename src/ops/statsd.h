// Metrics for statsd: instruments of base/metrics.h, and the lines to send. Names follow Options::statsd_format.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"

namespace selvage::ops {

class Statsd : public metrics::Provider {
 public:
  // A dot is put between `prefix` and the names where it has none.
  explicit Statsd(std::string prefix);
  ~Statsd() override;
  [[nodiscard]] metrics::Family<metrics::Counter>& counter(const metrics::Options& options) override;
  [[nodiscard]] metrics::Family<metrics::Gauge>& gauge(const metrics::Options& options) override;
  [[nodiscard]] metrics::Family<metrics::Histogram>& histogram(const metrics::Options& options) override;
  // What to send now: counters since the last call, gauges that were ever set, observations since the last call (the
  // first 10,000 of each name). Each entry is one line with its end. Any thread.
  [[nodiscard]] std::vector<std::string> take_lines();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "grpc.server.unary_requests_received.protos_Endorser" out of "%{#fqname}.%{service}" and the labels.
[[nodiscard]] std::string statsd_name(const metrics::Options& options, const metrics::LabelValues& values);

}  // namespace selvage::ops
