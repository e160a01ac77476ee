// A provider of metrics that remembers, so that a test can ask what was counted.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/metrics.h"

namespace selvage::test {

// Any thread. Names are full ones, "gossip_comm_messages_sent"; what was never touched has the value 0.
class RecordedMetrics final : public metrics::Provider {
 public:
  // Of a counter or gauge; of a histogram the number of observations.
  [[nodiscard]] double value(const std::string& name, const metrics::LabelValues& labels = {}) const {
    std::lock_guard lock(mutex_);
    const auto found = values_.find({name, labels});
    return found == values_.end() ? 0 : found->second;
  }

  metrics::Family<metrics::Counter>& counter(const metrics::Options& options) override { return family(counters_, options); }
  metrics::Family<metrics::Gauge>& gauge(const metrics::Options& options) override { return family(gauges_, options); }
  metrics::Family<metrics::Histogram>& histogram(const metrics::Options& options) override {
    return family(histograms_, options);
  }

 private:
  using Key = std::pair<std::string, metrics::LabelValues>;

  void set(const Key& key, double value) {
    std::lock_guard lock(mutex_);
    values_[key] = value;
  }
  void add(const Key& key, double delta) {
    std::lock_guard lock(mutex_);
    values_[key] += delta;
  }

  struct Counted final : metrics::Counter {
    Counted(RecordedMetrics& to, Key key) : to(to), key(std::move(key)) {}
    void add(double delta) override { to.add(key, delta); }
    RecordedMetrics& to;
    const Key key;
  };
  struct Gauged final : metrics::Gauge {
    Gauged(RecordedMetrics& to, Key key) : to(to), key(std::move(key)) {}
    void set(double value) override { to.set(key, value); }
    void add(double delta) override { to.add(key, delta); }
    RecordedMetrics& to;
    const Key key;
  };
  struct Observed final : metrics::Histogram {
    Observed(RecordedMetrics& to, Key key) : to(to), key(std::move(key)) {}
    void observe(double) override { to.add(key, 1); }
    RecordedMetrics& to;
    const Key key;
  };

  template <class Instrument, class Recorded>
  struct Recording final : metrics::Family<Instrument> {
    Recording(RecordedMetrics& to, std::string name) : to(to), name(std::move(name)) {}
    Instrument& with(const metrics::LabelValues& labels) override {
      std::lock_guard lock(to.mutex_);
      return made.try_emplace(labels, to, Key{name, labels}).first->second;
    }
    RecordedMetrics& to;
    const std::string name;
    std::map<metrics::LabelValues, Recorded> made;
  };
  template <class Recordings>
  [[nodiscard]] typename Recordings::mapped_type& family(Recordings& families, const metrics::Options& options) {
    std::string name = options.name_space;
    if (!options.subsystem.empty()) name += "_" + options.subsystem;
    name += "_" + options.name;
    std::lock_guard lock(mutex_);
    return families.try_emplace(name, *this, name).first->second;
  }

  mutable std::mutex mutex_;
  std::map<Key, double> values_;
  std::map<std::string, Recording<metrics::Counter, Counted>> counters_;
  std::map<std::string, Recording<metrics::Gauge, Gauged>> gauges_;
  std::map<std::string, Recording<metrics::Histogram, Observed>> histograms_;
};

}  // namespace selvage::test
