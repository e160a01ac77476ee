// Metrics for Prometheus: instruments of base/metrics.h kept by prometheus-cpp, and their text.
#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"

namespace selvage::ops {

class Prometheus : public metrics::Provider {
 public:
  Prometheus();
  ~Prometheus() override;
  [[nodiscard]] metrics::Family<metrics::Counter>& counter(const metrics::Options& options) override;
  [[nodiscard]] metrics::Family<metrics::Gauge>& gauge(const metrics::Options& options) override;
  [[nodiscard]] metrics::Family<metrics::Histogram>& histogram(const metrics::Options& options) override;
  // Everything in the text format 0.0.4, process_* and go_* of this process included. Any thread.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::ops
