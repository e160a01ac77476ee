#include "ops/prometheus.h"

#include <gtest/gtest.h>

#include "ops/statsd.h"

namespace selvage::ops {
namespace {

const metrics::Options kRequests{"grpc", "server", "unary_requests_completed", "The number of unary requests completed.",
                                 {"service", "method", "code"}, "%{#fqname}.%{service}.%{method}.%{code}", {}};

bool has(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

TEST(Prometheus, CountersPrintAsGoDoes) {
  Prometheus provider;
  provider.counter(kRequests).with({"protos_Endorser", "ProcessProposal", "OK"}).add(2);
  provider.counter(kRequests).with({"protos_Endorser", "ProcessProposal", "OK"}).add(1);
  const std::string text = provider.text();
  EXPECT_TRUE(has(text, "# HELP grpc_server_unary_requests_completed The number of unary requests completed."));
  EXPECT_TRUE(has(text, "# TYPE grpc_server_unary_requests_completed counter"));
  EXPECT_TRUE(has(text, "grpc_server_unary_requests_completed{code=\"OK\",method=\"ProcessProposal\",service=\"protos_Endorser\"} 3")) << text;
}

TEST(Prometheus, GaugesAndLargeNumbersPrintAsGoDoes) {
  Prometheus provider;
  auto& height = provider.gauge({"ledger", "", "blockchain_height", "Height", {"channel"}, "", {}}).with({"ch\"1"});
  height.set(1234567);
  EXPECT_TRUE(has(provider.text(), "ledger_blockchain_height{channel=\"ch\\\"1\"} 1.234567e+06")) << provider.text();
  height.set(0.25);
  height.add(0.5);
  EXPECT_TRUE(has(provider.text(), "ledger_blockchain_height{channel=\"ch\\\"1\"} 0.75"));
}

TEST(Prometheus, HistogramsHaveCumulativeBuckets) {
  Prometheus provider;
  auto& time = provider.histogram({"ledger", "", "commit_time", "Time", {}, "", {0.5, 1}}).with({});
  time.observe(0.25);
  time.observe(0.75);
  time.observe(4);
  const std::string text = provider.text();
  EXPECT_TRUE(has(text, "# TYPE ledger_commit_time histogram"));
  EXPECT_TRUE(has(text, "ledger_commit_time_bucket{le=\"0.5\"} 1")) << text;
  EXPECT_TRUE(has(text, "ledger_commit_time_bucket{le=\"1\"} 2"));
  EXPECT_TRUE(has(text, "ledger_commit_time_bucket{le=\"+Inf\"} 3"));
  EXPECT_TRUE(has(text, "ledger_commit_time_sum 5"));
  EXPECT_TRUE(has(text, "ledger_commit_time_count 3"));
}

TEST(Prometheus, FamiliesWithoutValuesAreNotPrintedAndAskingTwiceIsOne) {
  Prometheus provider;
  EXPECT_EQ(&provider.counter(kRequests), &provider.counter(kRequests));
  EXPECT_EQ(provider.text().find("grpc_server"), std::string::npos);
  provider.gauge(kRequests).with({"a", "b", "c"}).set(1);  // another kind under a taken name
  EXPECT_EQ(provider.text().find("grpc_server"), std::string::npos);
}

TEST(Prometheus, FiguresOfTheProcessHaveGosNames) {
  const std::string text = Prometheus().text();
  for (const char* type : {"process_resident_memory_bytes gauge", "process_cpu_seconds_total counter", "go_goroutines gauge",
                           "go_gc_duration_seconds summary", "process_open_fds gauge"}) {
    EXPECT_TRUE(has(text, std::string("# TYPE ") + type)) << type;
  }
}

TEST(Statsd, NamesFollowTheFormatAndAreSafe) {
  EXPECT_EQ(statsd_name(kRequests, {"protos.Endorser", "Process Proposal", "OK"}),
            "grpc.server.unary_requests_completed.protos_Endorser.Process_Proposal.OK");
  EXPECT_EQ(statsd_name({"a", "", "b", "", {}, "", {}}, {}), "a.b");
}

TEST(Statsd, CountersAreSentOnceGaugesAlways) {
  Statsd provider("org1_peer0");
  provider.counter(kRequests).with({"s", "m", "OK"}).add(2);
  provider.gauge({"a", "", "g", "", {}, "", {}}).with({}).set(7);
  provider.histogram({"a", "", "h", "", {}, "", {}}).with({}).observe(0.5);
  EXPECT_EQ(provider.take_lines(), (std::vector<std::string>{"org1_peer0.a.g:7.000000|g\n", "org1_peer0.a.h:0.500000|ms\n",
                                                             "org1_peer0.grpc.server.unary_requests_completed.s.m.OK:2.000000|c\n"}));
  EXPECT_EQ(provider.take_lines(), std::vector<std::string>{"org1_peer0.a.g:7.000000|g\n"});
}

}  // namespace
}  // namespace selvage::ops
