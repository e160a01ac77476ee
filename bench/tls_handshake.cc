// CPU of one mutual handshake on the server's side alone, and on both, without sockets: in full, resumed, and with many roots.
// `./dev bench handshake` runs it beside Go's server (go_tls/).
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
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
  explicit Ends(bool tls12, bool resumption = false) {
    tls::ClientPolicy client_policy;
    client_policy.tls12_only = tls12;
    tls::ServerPolicy server_policy;
    server_policy.resumption = resumption;
    trust = test::trust({ca.certificate()});
    server = std::make_unique<tls::ServerContext>(pair, trust, server_policy, clock);
    client = std::make_unique<tls::ClientContext>(test::credentials(app, "client"), test::trust({ca.certificate()}), client_policy, clock);
  }
  // Another server, whose pool has `count` roots, the clients' CA the last of them.
  std::unique_ptr<tls::ServerContext> with_roots(int count) const {
    std::vector<crypto::Certificate> trusted;
    for (int i = 1; i < count; ++i) trusted.push_back(test::Authority("tlsca.org" + std::to_string(i + 1)).certificate());
    trusted.push_back(ca.certificate());
    return std::make_unique<tls::ServerContext>(pair, test::trust(trusted), tls::ServerPolicy(), clock);
  }
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  test::Authority ca{"tlsca.org1"};
  std::shared_ptr<tls::CredentialStore> pair = test::credentials(ca.server("peer0", {"localhost"}));
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

// Clients in a process of their own, so that what they leave in heap and caches is not on the server's account: one handshake
// after the other, over a socket that keeps flights apart.
class Clients {
 public:
  explicit Clients(Ends& ends) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) std::abort();
    fd_ = pair[0];
    if (fork() != 0) {
      close(pair[1]);
      return;
    }
    close(pair[0]);
    for (;;) {
      auto client = ends.client->connect("localhost", "localhost:7051");
      Bytes heard;
      client->receive("", heard);
      for (;;) {
        if (send(pair[1], client->output().data(), client->output().size(), MSG_NOSIGNAL) <= 0) _exit(0);
        client->consume_output(client->output().size());
        if (client->state() != tls::Session::State::kHandshaking) break;
        client->receive(flight_from(pair[1]), heard);
      }
    }
  }
  ~Clients() {
    close(fd_);
    wait(nullptr);
  }
  // The server's seconds of CPU for the next one.
  double handshake(tls::ServerContext& context) const {
    Bytes heard;
    BytesView flight = flight_from(fd_);
    double start = cpu_seconds();
    auto server = context.accept("10.0.0.7:51234");
    server->receive(flight, heard);
    double seconds = cpu_seconds() - start;
    if (send(fd_, server->output().data(), server->output().size(), MSG_NOSIGNAL) <= 0) std::abort();
    server->consume_output(server->output().size());
    flight = flight_from(fd_);
    start = cpu_seconds();
    server->receive(flight, heard);
    if (server->state() != tls::Session::State::kOpen) std::abort();
    server.reset();
    return seconds + cpu_seconds() - start;
  }

 private:
  // Valid until the next one.
  static BytesView flight_from(int fd) {
    static char buffer[1 << 17];
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) _exit(0);
    return BytesView(buffer, static_cast<size_t>(count));
  }
  int fd_;
};

// What so many roots in the pool cost a handshake more than one. In pairs, one after the other, and by the lower quartile of
// each: what else the machine does hits one of a pair and not the other, and is larger than the difference.
void many_roots(benchmark::State& state) {
  Ends ends(false);
  auto many = ends.with_roots(static_cast<int>(state.range(0)));
  Clients clients(ends);
  std::vector<double> with_one, with_many;
  for (auto _ : state) {
    with_one.push_back(clients.handshake(*ends.server));
    with_many.push_back(clients.handshake(*many));
    state.SetIterationTime(with_many.back());
  }
  const auto quartile = [](std::vector<double>& times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 4];
  };
  const double low_one = quartile(with_one), low_many = quartile(with_many);
  state.counters["one_root_us"] = low_one * 1e6;
  state.counters["many_roots_us"] = low_many * 1e6;
  state.counters["more_percent"] = (low_many / low_one - 1) * 100;
}
BENCHMARK(many_roots)->Name("mutual_handshake_server_side/TLS13/roots")->Arg(1)->Arg(200)->UseManualTime()->Unit(benchmark::kMicrosecond);

void resumed(benchmark::State& state) {
  Ends ends(false, true);
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

// The server's half of an ephemeral key exchange, through the interface that OpenSSL's own TLS uses. A TLS 1.3 handshake has it
// whether resumed or not, as long as what was said is to stay secret when a key becomes known later.
void key_exchange(benchmark::State& state) {
  using Key = std::unique_ptr<EVP_PKEY, crypto::Freer<EVP_PKEY_free>>;
  using Context = std::unique_ptr<EVP_PKEY_CTX, crypto::Freer<EVP_PKEY_CTX_free>>;
  const auto make = [] {
    Context context(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr));
    EVP_PKEY* made = nullptr;
    if (EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_keygen(context.get(), &made) != 1) std::abort();
    return Key(made);
  };
  Key client = make();
  for (auto _ : state) {
    Key own = make();
    Context context(EVP_PKEY_CTX_new(own.get(), nullptr));
    unsigned char secret[32];
    size_t size = sizeof secret;
    if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), client.get()) != 1 ||
        EVP_PKEY_derive(context.get(), secret, &size) != 1) {
      std::abort();
    }
  }
}
BENCHMARK(key_exchange)->Name("key_exchange/X25519")->Unit(benchmark::kMicrosecond);

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
