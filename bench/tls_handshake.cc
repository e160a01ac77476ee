// CPU of one full mutual handshake on the server's side alone, and on both, without sockets.
//   bench_tls_handshake          (target: at most 1.0 ms on the server; Go 1.26's server takes 0.95)
#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdlib>

#include "kit/handshakes.h"

namespace selvage {
namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Ends {
  explicit Ends(bool tls12) {
    test::Authority ca("tlsca.org1");
    auto clock = std::make_shared<test::StillClock>();
    tls::ClientPolicy policy;
    policy.tls12_only = tls12;
    server = std::make_unique<tls::ServerContext>(test::credentials(ca.server("peer0", {"localhost"})),
                                                  test::trust({ca.certificate()}), tls::ServerPolicy(), clock);
    client = std::make_unique<tls::ClientContext>(test::credentials(ca.client("app1"), "client"),
                                                  test::trust({ca.certificate()}), policy, clock);
  }
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
