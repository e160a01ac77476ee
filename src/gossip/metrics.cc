#include "gossip/metrics.h"

namespace selvage::gossip {
namespace {

metrics::Options options(const char* subsystem, const char* name, const char* help, const char* label = nullptr) {
  metrics::Options out;
  out.name_space = "gossip";
  out.subsystem = subsystem;
  out.name = name;
  out.help = help;
  out.statsd_format = "%{#fqname}";
  if (label != nullptr) {
    out.label_names = {label};
    out.statsd_format += std::string(".%{") + label + "}";
  }
  return out;
}

metrics::Family<metrics::Histogram>& privdata(metrics::Provider& provider, const char* name, const char* help) {
  return provider.histogram(options("privdata", name, help, "channel"));
}

}  // namespace

Metrics::Metrics(metrics::Provider& provider)
    : sent(provider.counter(options("comm", "messages_sent", "Number of messages sent")).with({})),
      received(provider.counter(options("comm", "messages_received", "Number of messages received")).with({})),
      overflow(provider.counter(options("comm", "overflow_count", "Number of outgoing queue buffer overflows")).with({})),
      members(provider.gauge(options("membership", "total_peers_known", "Total known peers", "channel"))),
      leader(provider.gauge(options("leader_election", "leader", "Peer is leader (1) or follower (0)", "channel"))),
      height(provider.gauge(options("state", "height", "Current ledger height", "channel"))),
      commit_duration(
          provider.histogram(options("state", "commit_duration", "Time it takes to commit a block in seconds", "channel"))),
      payload_buffer(provider.gauge(options("payload_buffer", "size", "Size of the payload buffer", "channel"))),
      dropped(provider.counter(options("comm", "messages_dropped", "Number of messages of other peers that were not used",
                                       "reason"))) {}

PrivateDataMetrics::PrivateDataMetrics(metrics::Provider& provider)
    : validation(privdata(provider, "validation_duration", "Time it takes to validate a block (in seconds)")),
      list_missing(
          privdata(provider, "list_missing_duration", "Time it takes to list the missing private data (in seconds)")),
      fetch(privdata(provider, "fetch_duration", "Time it takes to fetch missing private data from peers (in seconds)")),
      commit_block(privdata(provider, "commit_block_duration",
                            "Time it takes to commit private data and the corresponding block (in seconds)")),
      purge(privdata(provider, "purge_duration", "Time it takes to purge private data (in seconds)")),
      send(privdata(provider, "send_duration", "Time it takes to send a missing private data element (in seconds)")),
      reconciliation(privdata(provider, "reconciliation_duration", "Time it takes for reconciliation to complete (in seconds)")),
      pull(privdata(provider, "pull_duration", "Time it takes to pull a missing private data element (in seconds)")),
      retrieve(privdata(provider, "retrieve_duration",
                        "Time it takes to retrieve missing private data elements from the ledger (in seconds)")) {}

}  // namespace selvage::gossip
