#include "order/cluster/cluster_metrics.h"

namespace selvage::order::cluster {
namespace {

metrics::Options comm_metric(const char* name, const char* help, std::vector<std::string> labels) {
  metrics::Options made;
  made.name_space = "cluster";
  made.subsystem = "comm";
  made.name = name;
  made.help = help;
  made.statsd_format = "%{#fqname}";
  for (const std::string& label : labels) made.statsd_format += ".%{" + label + "}";
  made.label_names = std::move(labels);
  return made;
}

const std::vector<std::string> kQueue{"host", "msg_type", "channel"};
const std::vector<std::string> kHost{"host", "channel"};
const std::vector<std::string> kChannel{"channel"};

}  // namespace

ClusterMetrics::ClusterMetrics(metrics::Provider& provider)
    : egress_queue_length(provider.gauge(comm_metric("egress_queue_length", "Length of the egress queue.", kQueue))),
      egress_queue_capacity(
          provider.gauge(comm_metric("egress_queue_capacity", "Capacity of the egress queue.", kQueue))),
      egress_queue_workers(
          provider.gauge(comm_metric("egress_queue_workers", "Count of egress queue workers.", kChannel))),
      egress_stream_count(
          provider.gauge(comm_metric("egress_stream_count", "Count of streams to other nodes.", kChannel))),
      egress_tls_connection_count(
          provider.gauge(comm_metric("egress_tls_connection_count", "Count of TLS connections to other nodes.", {}))
              .with({})),
      ingress_stream_count(
          provider.gauge(comm_metric("ingress_stream_count", "Count of streams from other nodes.", {})).with({})),
      msg_send_time(
          provider.histogram(comm_metric("msg_send_time", "The time it takes to send a message in seconds.", kHost))),
      msg_dropped_count(provider.counter(comm_metric("msg_dropped_count", "Count of messages dropped.", kHost))) {}

}  // namespace selvage::order::cluster
