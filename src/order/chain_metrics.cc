#include "order/chain_metrics.h"

namespace selvage::order {
namespace {

metrics::Options raft_metric(const char* name, const char* help) {
  return {.name_space = "consensus",
          .subsystem = "etcdraft",
          .name = name,
          .help = help,
          .label_names = {"channel"},
          .statsd_format = "%{#fqname}.%{channel}",
          .buckets = {}};
}

}  // namespace

ChainMetrics::ChainMetrics(metrics::Provider& provider)
    : cluster_size(provider.gauge(raft_metric("cluster_size", "Number of nodes in this channel."))),
      is_leader(provider.gauge(raft_metric(
          "is_leader", "The leadership status of the current node: 1 if it is the leader else 0."))),
      active_nodes(provider.gauge(raft_metric("active_nodes", "Number of active nodes in this channel."))),
      committed_block_number(provider.gauge(
          raft_metric("committed_block_number", "The block number of the latest block committed."))),
      snapshot_block_number(
          provider.gauge(raft_metric("snapshot_block_number", "The block number of the latest snapshot."))),
      leader_changes(
          provider.counter(raft_metric("leader_changes", "The number of leader changes since process start."))),
      proposal_failures(provider.counter(raft_metric("proposal_failures", "The number of proposal failures."))),
      normal_proposals_received(provider.counter(raft_metric(
          "normal_proposals_received", "The total number of proposals received for normal type transactions."))),
      config_proposals_received(provider.counter(raft_metric(
          "config_proposals_received", "The total number of proposals received for config type transactions."))),
      data_persist_duration(provider.histogram(
          raft_metric("data_persist_duration",
                      "The time taken for etcd/raft data to be persisted in storage (in seconds)."))),
      block_fill_duration(provider.histogram({.name_space = "blockcutter",
                                              .subsystem = "",
                                              .name = "block_fill_duration",
                                              .help = "The time from first transaction enqueing to the block being cut "
                                                      "in seconds.",
                                              .label_names = {"channel"},
                                              .statsd_format = "%{#fqname}.%{channel}",
                                              .buckets = {}})) {}

}  // namespace selvage::order
