#include "ops/prometheus.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "ops/process_metrics.h"

namespace selvage::ops {
namespace {

// Go's default buckets.
const std::vector<double> kBuckets{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

// Go's strconv 'g' with the fewest digits that read back.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::floor(value) && std::fabs(value) < 1e15) {
    const std::string plain = fmt::format("{:.0f}", value);
    if (std::fabs(value) < 1e6) return plain;
    std::string digits = plain.substr(plain[0] == '-' ? 1 : 0);
    const size_t exponent = digits.size() - 1;
    digits.resize(digits.find_last_not_of('0') + 1);
    return fmt::format("{}{}{}{}e+{:02}", plain[0] == '-' ? "-" : "", digits[0], digits.size() > 1 ? "." : "", digits.substr(1), exponent);
  }
  return fmt::format("{}", value);
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '"' && quotes) out += "\\\"";
    else out += c;
  }
  return out;
}

std::string full_name(const metrics::Options& options) {
  std::string name;
  for (const std::string* part : {&options.name_space, &options.subsystem, &options.name}) {
    if (part->empty()) continue;
    if (!name.empty()) name += '_';
    name += *part;
  }
  return name;
}

// {a="x",b="y"} with the labels in alphabetical order, as Go prints them; `more` goes last.
std::string label_text(const std::vector<std::string>& names, const metrics::LabelValues& values, const std::string& more = "") {
  std::vector<std::string> parts;
  for (size_t i = 0; i < names.size(); ++i) {
    parts.push_back(names[i] + "=\"" + escaped(i < values.size() ? values[i] : "", true) + "\"");
  }
  std::sort(parts.begin(), parts.end());
  if (!more.empty()) parts.push_back(more);
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out.empty() ? "" : "{" + out + "}";
}

class OneCounter : public metrics::Counter {
 public:
  explicit OneCounter(const metrics::Options&) {}
  void add(double delta) override { counter_.Increment(delta); }
  void print(const std::string& name, const std::vector<std::string>& labels, const metrics::LabelValues& values, std::string* out) const {
    *out += name + label_text(labels, values) + " " + number(counter_.Value()) + "\n";
  }

 private:
  prometheus::Counter counter_;
};

class OneGauge : public metrics::Gauge {
 public:
  explicit OneGauge(const metrics::Options&) {}
  void set(double value) override { gauge_.Set(value); }
  void add(double delta) override { gauge_.Increment(delta); }
  void print(const std::string& name, const std::vector<std::string>& labels, const metrics::LabelValues& values, std::string* out) const {
    *out += name + label_text(labels, values) + " " + number(gauge_.Value()) + "\n";
  }

 private:
  prometheus::Gauge gauge_;
};

class OneHistogram : public metrics::Histogram {
 public:
  explicit OneHistogram(const metrics::Options& options) : histogram_(options.buckets.empty() ? kBuckets : options.buckets) {}
  void observe(double value) override { histogram_.Observe(value); }
  void print(const std::string& name, const std::vector<std::string>& labels, const metrics::LabelValues& values, std::string* out) const {
    const auto seen = histogram_.Collect().histogram;
    for (const auto& bucket : seen.bucket) {
      *out += name + "_bucket" + label_text(labels, values, "le=\"" + number(bucket.upper_bound) + "\"") + " " +
              std::to_string(bucket.cumulative_count) + "\n";
    }
    *out += name + "_sum" + label_text(labels, values) + " " + number(seen.sample_sum) + "\n";
    *out += name + "_count" + label_text(labels, values) + " " + std::to_string(seen.sample_count) + "\n";
  }

 private:
  prometheus::Histogram histogram_;
};

class AnyFamily {
 public:
  virtual ~AnyFamily() = default;
  virtual void print(const std::string& name, std::string* out) const = 0;
};

template <class Instrument, class One>
class PrometheusFamily : public metrics::Family<Instrument>, public AnyFamily {
 public:
  PrometheusFamily(metrics::Options options, const char* type) : options_(std::move(options)), type_(type) {}

  Instrument& with(const metrics::LabelValues& values) override {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = children_.find(values); found != children_.end()) return *found->second;
    }
    const std::unique_lock lock(mutex_);
    auto& child = children_[values];
    if (!child) child = std::make_unique<One>(options_);
    return *child;
  }

  void print(const std::string& name, std::string* out) const override {
    const std::shared_lock lock(mutex_);
    if (children_.empty()) return;
    *out += "# HELP " + name + " " + escaped(options_.help, false) + "\n# TYPE " + name + " " + type_ + "\n";
    for (const auto& [values, child] : children_) child->print(name, options_.label_names, values, out);
  }

 private:
  const metrics::Options options_;
  const char* const type_;
  mutable std::shared_mutex mutex_;
  std::map<metrics::LabelValues, std::unique_ptr<One>> children_;
};

}  // namespace

struct Prometheus::State {
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<AnyFamily>> families;

  // What a name was first asked for it stays; asking for another kind gives one that is never printed.
  template <class Made, class Instrument>
  metrics::Family<Instrument>& family(const metrics::Options& options, const char* type, metrics::Family<Instrument>& otherwise) {
    const std::lock_guard lock(mutex);
    auto& slot = families[full_name(options)];
    if (!slot) slot = std::make_unique<Made>(options, type);
    auto* made = dynamic_cast<Made*>(slot.get());
    return made != nullptr ? static_cast<metrics::Family<Instrument>&>(*made) : otherwise;
  }
};

Prometheus::Prometheus() : state_(std::make_unique<State>()) {}
Prometheus::~Prometheus() = default;

metrics::Family<metrics::Counter>& Prometheus::counter(const metrics::Options& options) {
  return state_->family<PrometheusFamily<metrics::Counter, OneCounter>>(options, "counter", metrics::disabled().counter(options));
}
metrics::Family<metrics::Gauge>& Prometheus::gauge(const metrics::Options& options) {
  return state_->family<PrometheusFamily<metrics::Gauge, OneGauge>>(options, "gauge", metrics::disabled().gauge(options));
}
metrics::Family<metrics::Histogram>& Prometheus::histogram(const metrics::Options& options) {
  return state_->family<PrometheusFamily<metrics::Histogram, OneHistogram>>(options, "histogram", metrics::disabled().histogram(options));
}

std::string Prometheus::text() const {
  std::map<std::string, std::string> pieces = process_metrics();
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, family] : state_->families) family->print(name, &pieces[name]);
  }
  std::string out;
  for (const auto& [name, piece] : pieces) out += piece;
  return out;
}

}  // namespace selvage::ops
