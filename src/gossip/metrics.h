// Gossip's metrics: Fabric's names, help and labels, and counters of our own for what was dropped.
#pragma once

#include "base/metrics.h"

namespace selvage::gossip {

struct Metrics {
  explicit Metrics(metrics::Provider& provider);
  metrics::Counter& sent;
  metrics::Counter& received;
  metrics::Counter& overflow;
  metrics::Family<metrics::Gauge>& members;            // channel
  metrics::Family<metrics::Gauge>& leader;             // channel
  metrics::Family<metrics::Gauge>& height;             // channel
  metrics::Family<metrics::Histogram>& commit_duration;  // channel
  metrics::Family<metrics::Gauge>& payload_buffer;     // channel
  metrics::Family<metrics::Counter>& dropped;          // reason; not in Fabric
};

// gossip_privdata_*, all by channel.
struct PrivateDataMetrics {
  explicit PrivateDataMetrics(metrics::Provider& provider);
  metrics::Family<metrics::Histogram>& validation;
  metrics::Family<metrics::Histogram>& list_missing;
  metrics::Family<metrics::Histogram>& fetch;
  metrics::Family<metrics::Histogram>& commit_block;
  metrics::Family<metrics::Histogram>& purge;
  metrics::Family<metrics::Histogram>& send;
  metrics::Family<metrics::Histogram>& reconciliation;
  metrics::Family<metrics::Histogram>& pull;
  metrics::Family<metrics::Histogram>& retrieve;
};

}  // namespace selvage::gossip
