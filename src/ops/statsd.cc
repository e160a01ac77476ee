#include "ops/statsd.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

namespace selvage::ops {
namespace {

constexpr size_t kObservationsMax = 10000;

// Characters with a meaning in a line become '_'.
std::string safe(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '.' || c == '|' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r') c = '_';
  }
  return out;
}

std::string dotted(const metrics::Options& options) {
  std::string name;
  for (const std::string* part : {&options.name_space, &options.subsystem, &options.name}) {
    if (!part->empty()) name += (name.empty() ? "" : ".") + *part;
  }
  return name;
}

class Lines {
 public:
  virtual ~Lines() = default;
  virtual void take(const std::string& name, std::vector<std::string>* out) = 0;
};

class OneCounter : public metrics::Counter, public Lines {
 public:
  void add(double delta) override {
    const std::lock_guard lock(mutex_);
    sum_ += delta;
    touched_ = true;
  }
  void take(const std::string& name, std::vector<std::string>* out) override {
    const std::lock_guard lock(mutex_);
    if (touched_) out->push_back(fmt::format("{}:{:f}|c\n", name, sum_));
    sum_ = 0;
    touched_ = false;
  }

 private:
  std::mutex mutex_;
  double sum_ = 0;
  bool touched_ = false;
};

class OneGauge : public metrics::Gauge, public Lines {
 public:
  void set(double value) override {
    const std::lock_guard lock(mutex_);
    value_ = value;
    touched_ = true;
  }
  void add(double delta) override {
    const std::lock_guard lock(mutex_);
    value_ += delta;
    touched_ = true;
  }
  void take(const std::string& name, std::vector<std::string>* out) override {
    const std::lock_guard lock(mutex_);
    if (touched_) out->push_back(fmt::format("{}:{:f}|g\n", name, value_));
  }

 private:
  std::mutex mutex_;
  double value_ = 0;
  bool touched_ = false;
};

class OneHistogram : public metrics::Histogram, public Lines {
 public:
  void observe(double value) override {
    const std::lock_guard lock(mutex_);
    if (seen_.size() < kObservationsMax) seen_.push_back(value);
  }
  void take(const std::string& name, std::vector<std::string>* out) override {
    const std::lock_guard lock(mutex_);
    for (const double value : seen_) out->push_back(fmt::format("{}:{:f}|ms\n", name, value));
    seen_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<double> seen_;
};

}  // namespace

std::string statsd_name(const metrics::Options& options, const metrics::LabelValues& values) {
  std::string_view format = options.statsd_format.empty() ? "%{#fqname}" : std::string_view(options.statsd_format);
  std::string out;
  while (!format.empty()) {
    const size_t begin = format.find("%{");
    out += format.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const size_t end = format.find('}', begin);
    if (end == std::string_view::npos) break;
    const std::string_view verb = format.substr(begin + 2, end - begin - 2);
    format.remove_prefix(end + 1);
    if (verb == "#fqname") out += dotted(options);
    else if (verb == "#namespace") out += options.name_space;
    else if (verb == "#subsystem") out += options.subsystem;
    else if (verb == "#name") out += options.name;
    for (size_t i = 0; i < options.label_names.size() && i < values.size(); ++i) {
      if (options.label_names[i] == verb) out += safe(values[i]);
    }
  }
  return out;
}

struct Statsd::State {
  explicit State(std::string given) : prefix(std::move(given)) {
    if (!prefix.empty() && prefix.back() != '.') prefix += '.';
  }

  template <class Instrument, class One>
  class MadeFamily : public metrics::Family<Instrument> {
   public:
    MadeFamily(State& state, metrics::Options options) : state_(state), options_(std::move(options)) {}
    Instrument& with(const metrics::LabelValues& values) override {
      const std::lock_guard lock(state_.mutex);
      auto& line = state_.lines[state_.prefix + statsd_name(options_, values)];
      if (!line) line = std::make_unique<One>();
      auto* one = dynamic_cast<One*>(line.get());
      return one != nullptr ? *one : unused_;  // the name is taken by another kind
    }

   private:
    State& state_;
    metrics::Options options_;
    One unused_;
  };

  template <class Made>
  Made& family(std::map<std::string, std::unique_ptr<Made>>& families, const metrics::Options& options) {
    const std::lock_guard lock(mutex);
    auto& slot = families[dotted(options)];
    if (!slot) slot = std::make_unique<Made>(*this, options);
    return *slot;
  }

  std::string prefix;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Lines>> lines;
  std::map<std::string, std::unique_ptr<MadeFamily<metrics::Counter, OneCounter>>> counters;
  std::map<std::string, std::unique_ptr<MadeFamily<metrics::Gauge, OneGauge>>> gauges;
  std::map<std::string, std::unique_ptr<MadeFamily<metrics::Histogram, OneHistogram>>> histograms;
};

Statsd::Statsd(std::string prefix) : state_(std::make_unique<State>(std::move(prefix))) {}
Statsd::~Statsd() = default;

metrics::Family<metrics::Counter>& Statsd::counter(const metrics::Options& options) { return state_->family(state_->counters, options); }
metrics::Family<metrics::Gauge>& Statsd::gauge(const metrics::Options& options) { return state_->family(state_->gauges, options); }
metrics::Family<metrics::Histogram>& Statsd::histogram(const metrics::Options& options) { return state_->family(state_->histograms, options); }

std::vector<std::string> Statsd::take_lines() {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> out;
  for (const auto& [name, line] : state_->lines) line->take(name, &out);
  return out;
}

}  // namespace selvage::ops
