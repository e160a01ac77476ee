// One channel's share of gossip's and private data's metrics: how long the steps of a block take, and how many wait.
#pragma once

#include <string>

#include "gossip/metrics.h"

namespace selvage::node {

struct ChannelMetrics {
  ChannelMetrics(metrics::Provider& provider, const std::string& channel) {
    const gossip::Metrics state(provider);
    const gossip::PrivateDataMetrics data(provider);
    waiting = &state.payload_buffer.with({channel});
    whole = &state.commit_duration.with({channel});
    validation = &data.validation.with({channel});
    list_missing = &data.list_missing.with({channel});
    store = &data.commit_block.with({channel});
    purge = &data.purge.with({channel});
  }
  metrics::Gauge* waiting;
  metrics::Histogram* whole;  // validation, private data and storage
  metrics::Histogram* validation;
  metrics::Histogram* list_missing;
  metrics::Histogram* store;
  metrics::Histogram* purge;
};

}  // namespace selvage::node
