// Metrics as the parts see them; ops/ has the sinks (Prometheus, statsd). Names, help and labels are Fabric's.
//
// Instruments are made once (at construction of the part that uses them), live as long as their Provider and are safe
// from any thread; with() is a hash look-up, so hot paths keep what it returns.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace selvage::metrics {

struct Options {
  std::string name_space;  // "grpc"
  std::string subsystem;   // "server"; may be empty
  std::string name;        // "unary_requests_received"
  std::string help;
  std::vector<std::string> label_names;
  std::string statsd_format;    // Fabric's "%{#fqname}.%{service}"; empty: name and labels in order
  std::vector<double> buckets;  // histograms; empty: Prometheus' defaults
};

using LabelValues = std::vector<std::string>;  // in the order of Options::label_names

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double delta) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double delta) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

template <class Instrument>
class Family {
 public:
  virtual ~Family() = default;
  // Owned by the family.
  [[nodiscard]] virtual Instrument& with(const LabelValues& values) = 0;
};

class Provider {
 public:
  virtual ~Provider() = default;
  // Asking twice for one full name gives the same family.
  [[nodiscard]] virtual Family<Counter>& counter(const Options& options) = 0;
  [[nodiscard]] virtual Family<Gauge>& gauge(const Options& options) = 0;
  [[nodiscard]] virtual Family<Histogram>& histogram(const Options& options) = 0;
};

// Drops everything; for tools, tests and `metrics.provider: disabled`.
[[nodiscard]] Provider& disabled();

}  // namespace selvage::metrics
