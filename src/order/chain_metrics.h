// The consensus_etcdraft_* and blockcutter_* metrics.
#pragma once

#include "base/metrics.h"

namespace selvage::order {

// Instruments with Fabric's names, shared by all channels of a node.
struct ChainMetrics {
  explicit ChainMetrics(metrics::Provider& provider);
  metrics::Family<metrics::Gauge>&cluster_size, &is_leader, &active_nodes, &committed_block_number,
      &snapshot_block_number;
  metrics::Family<metrics::Counter>&leader_changes, &proposal_failures, &normal_proposals_received,
      &config_proposals_received;
  metrics::Family<metrics::Histogram>&data_persist_duration, &block_fill_duration;
};

}  // namespace selvage::order
