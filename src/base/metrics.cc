#include "base/metrics.h"

namespace selvage::metrics {
namespace {

class NoCounter : public Counter {
  void add(double) override {}
};
class NoGauge : public Gauge {
  void set(double) override {}
  void add(double) override {}
};
class NoHistogram : public Histogram {
  void observe(double) override {}
};

template <class Instrument, class Nothing>
class NoFamily : public Family<Instrument> {
  Instrument& with(const LabelValues&) override { return nothing_; }
  Nothing nothing_;
};

class Disabled : public Provider {
  Family<Counter>& counter(const Options&) override { return counters_; }
  Family<Gauge>& gauge(const Options&) override { return gauges_; }
  Family<Histogram>& histogram(const Options&) override { return histograms_; }
  NoFamily<Counter, NoCounter> counters_;
  NoFamily<Gauge, NoGauge> gauges_;
  NoFamily<Histogram, NoHistogram> histograms_;
};

}  // namespace

Provider& disabled() {
  static auto& provider = *new Disabled;  // never destroyed: instruments outlive static objects
  return provider;
}

}  // namespace selvage::metrics
