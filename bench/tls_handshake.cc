// CPU of one mutual handshake on the server's side alone, and on both, without sockets: in full, resumed, and with many roots.
// `./dev bench handshake` runs it beside Go's server (go_tls/).
#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdlib>

#include "kit/handshakes.h"
#include "kit/resuming_client.h"

namespace selvage {
namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Ends {
  explicit Ends(bool tls12, int roots = 1, bool resumption = false) {
    auto clock = std::make_shared<test::StillClock>();
    tls::ClientPolicy client_policy;
    client_policy.tls12_only = tls12;
    tls::ServerPolicy server_policy;
    server_policy.resumption = resumption;
    std::vector<crypto::Certificate> trusted;
    for (int i = 1; i < roots; ++i) trusted.push_back(test::Authority("tlsca.org" + std::to_string(i + 1)).certificate());
    trusted.push_back(ca.certificate());
    trust = test::trust(trusted);
    server = std::make_unique<tls::ServerContext>(test::credentials(ca.server("peer0", {"localhost"})), trust, server_policy, clock);
    client = std::make_unique<tls::ClientContext>(test::credentials(app, "client"), test::trust({ca.certificate()}), client_policy, clock);
  }
  test::Authority ca{"tlsca.org1"};
  test::Identity app = ca.client("app1");
  std::shared_ptr<tls::TrustStore> trust;
  std::unique_ptr<tls::ServerContext> server;
  std::unique_ptr<tls::ClientContext> client;
};

// Seconds of CPU that the server took.
double handshake(Ends& ends) {
  double server_seconds = 0;
  auto client = ends.client->connect("localhost", "localhost:7051");
  double start = cpu_seconds();
  auto server = ends.server->accept("10.0.0.7:51234");
  server_seconds += cpu_seconds() - start;
  Bytes heard;
  client->receive("", heard);
  while (server->state() != tls::Session::State::kOpen) {
    Bytes flight(client->output());
    client->consume_output(flight.size());
    if (flight.empty()) std::abort();  // refused
    start = cpu_seconds();
    server->receive(flight, heard);
    server_seconds += cpu_seconds() - start;
    flight = Bytes(server->output());
    server->consume_output(flight.size());
    client->receive(flight, heard);
  }
  start = cpu_seconds();
  server.reset();
  return server_seconds + cpu_seconds() - start;
}

void server_side(benchmark::State& state) {
  Ends ends(state.range(0) == 12);
  handshake(ends);
  for (auto _ : state) state.SetIterationTime(handshake(ends));
}
BENCHMARK(server_side)->Name("mutual_handshake_server_side/TLS1")->Arg(12)->Arg(13)->UseManualTime()->Unit(benchmark::kMicrosecond);

void many_roots(benchmark::State& state) {
  Ends ends(false, static_cast<int>(state.range(0)));
  handshake(ends);
  for (auto _ : state) state.SetIterationTime(handshake(ends));
}
BENCHMARK(many_roots)->Name("mutual_handshake_server_side/TLS13/roots")->Arg(1)->Arg(200)->UseManualTime()->Unit(benchmark::kMicrosecond);

void resumed(benchmark::State& state) {
  Ends ends(false, 1, true);
  test::ResumingClient client(&ends.app, state.range(0) == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  auto first = ends.server->accept("10.0.0.7:51234");
  if (!client.connect(*first)) std::abort();
  for (auto _ : state) {
    Bytes heard;
    double start = cpu_seconds();
    auto server = ends.server->accept("10.0.0.7:51234");
    double seconds = cpu_seconds() - start;
    bool open = client.connect(*server, [&](BytesView flight) {
      start = cpu_seconds();
      server->receive(flight, heard);
      seconds += cpu_seconds() - start;
    });
    if (!open || !client.resumed()) std::abort();
    start = cpu_seconds();
    server.reset();
    state.SetIterationTime(seconds + cpu_seconds() - start);
  }
}
BENCHMARK(resumed)->Name("resumed_handshake_server_side/TLS1")->Arg(12)->Arg(13)->UseManualTime()->Unit(benchmark::kMicrosecond);

// A change of the trusted roots while so many connections are open.
void change_of_roots(benchmark::State& state) {
  Ends ends(false);
  std::vector<test::Conversation> open;
  for (int64_t i = 0; i < state.range(0); ++i) {
    open.push_back(test::converse(*ends.client, *ends.server));
    if (!open.back().opens()) std::abort();
  }
  test::Authority one("tlsca.org2"), other("tlsca.org3");
  bool turn = false;
  for (auto _ : state) ends.trust->set_source("channel ch1", {{(turn = !turn) ? one.certificate() : other.certificate(), {}}});
}
BENCHMARK(change_of_roots)->Name("change_of_roots/connections")->Arg(0)->Arg(1000)->Unit(benchmark::kMicrosecond);

void both_sides(benchmark::State& state) {
  Ends ends(state.range(0) == 12);
  handshake(ends);
  for (auto _ : state) handshake(ends);
}
BENCHMARK(both_sides)->Name("mutual_handshake_both_sides/TLS1")->Arg(12)->Arg(13)->Unit(benchmark::kMicrosecond);

void transfer(benchmark::State& state) {
  Ends ends(false);
  auto client = ends.client->connect("localhost", "localhost:7051");
  auto server = ends.server->accept("10.0.0.7:51234");
  test::Conversation talk{std::move(client), std::move(server), {}, {}};
  if (!talk.opens()) std::abort();
  Bytes message(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    talk.client->send(message);
    talk.run();
    talk.server_heard.clear();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(transfer)->Name("send_and_receive")->Arg(100)->Arg(1024)->Arg(65536)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace selvage

BENCHMARK_MAIN();
