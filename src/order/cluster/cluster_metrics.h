// The cluster_comm_* metrics: Fabric's names and labels, shared by all channels of a node.
#pragma once

#include "base/metrics.h"

namespace selvage::order::cluster {

struct ClusterMetrics {
  explicit ClusterMetrics(metrics::Provider& provider);
  metrics::Family<metrics::Gauge>&egress_queue_length, &egress_queue_capacity;  // host, msg_type, channel
  metrics::Family<metrics::Gauge>&egress_queue_workers, &egress_stream_count;   // channel
  metrics::Gauge&egress_tls_connection_count, &ingress_stream_count;
  metrics::Family<metrics::Histogram>& msg_send_time;      // host, channel
  metrics::Family<metrics::Counter>& msg_dropped_count;    // host, channel
};

}  // namespace selvage::order::cluster
