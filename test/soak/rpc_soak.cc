// A server and its clients over mutual TLS, for as long as is asked for: unary calls and streams of all kinds, gzip,
// connections that come and go, readers that are slow on either side, calls that are cancelled or run out of time, clients
// that are refused.
//
//   rpc_soak [--seconds N]        default 1800
//
// Ends with 1 when a call ends as it must not, when a descriptor is left over, or when memory grows; with SIGABRT when
// somebody gets no further for a minute.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string_view>

#include "base/log.h"
#include "gauges.h"
#include "kit/certificates.h"
#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::soak {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 50s;  // a call that takes longer is a stall

class Echo final : public rpc::StreamHandler {
 public:
  explicit Echo(std::shared_ptr<rpc::ServerCall> call) : call_(std::move(call)) {}
  void on_message(Bytes message) override {
    call_->write(std::move(message));
    if (call_->queued_bytes() > (1u << 20)) call_->pause();
  }
  void on_half_close() override { call_->finish({}); }
  void on_writable() override { call_->resume(); }

 private:
  std::shared_ptr<rpc::ServerCall> call_;
};

void add_service(rpc::Server& server) {
  server.add_unary("/soak.Soak/Unary", [](auto call, Bytes request) { call->reply(std::move(request)); });
  server.add_unary("/soak.Soak/OnLoop", [](auto call, Bytes request) { call->reply(std::move(request)); }, rpc::Run::kOnLoop);
  server.add_unary("/soak.Soak/Slow", [](auto call, Bytes) {
    while (!call->cancelled()) std::this_thread::sleep_for(1ms);
  });
  server.add_stream("/soak.Soak/Echo", [](auto call) { return std::make_unique<Echo>(std::move(call)); });
  server.add_blocking_stream("/soak.Soak/Blocking", [](rpc::BlockingStream& stream) -> rpc::Status {
    for (Bytes message; stream.read(&message);) stream.write(std::move(message));
    return {};
  });
  server.add_blocking_stream("/soak.Soak/Flood", [](rpc::BlockingStream& stream) -> rpc::Status {
    for (int i = 0; i < 2000; ++i) {
      if (!stream.write(Bytes(4096, static_cast<char>(i)))) break;
    }
    return {};
  });
  server.add_blocking_stream("/soak.Soak/SlowReader", [](rpc::BlockingStream& stream) -> rpc::Status {
    size_t total = 0;
    for (Bytes message; stream.read(&message); total += message.size()) std::this_thread::sleep_for(200us);
    stream.write(std::to_string(total));
    return {};
  });
}

struct Soak {
  Soak() : ca("tlsca.soak"), stranger("tlsca.stranger"), loops(std::make_shared<os::LoopGroup>(2, "soak")) {
    roots = std::make_shared<tls::TrustStore>(*tls::roots_from_pem(ca.pem(), {}));
    client_tls = client_of(ca);
    stranger_tls = client_of(stranger);
    test::Identity own = ca.server("server.soak", {"localhost", "127.0.0.1"});
    auto credentials = std::make_shared<tls::CredentialStore>(*tls::Credentials::from_pem(own.certificate_pem(), own.key_pem()));
    rpc::ServerSettings settings;
    settings.listen_address = "127.0.0.1:0";
    settings.tls = std::make_shared<tls::ServerContext>(credentials, roots, tls::ServerPolicy{});
    settings.name = "Soak";
    settings.loops = loops;
    server = std::make_unique<rpc::Server>(settings);
    add_service(*server);
    if (auto started = server->start(); !started) {
      std::fprintf(stderr, "%s\n", to_string(started.error()).c_str());
      std::exit(2);
    }
  }

  std::shared_ptr<tls::ClientContext> client_of(test::Authority& issuer) {
    test::Identity own = issuer.client("client.soak");
    auto credentials = std::make_shared<tls::CredentialStore>(*tls::Credentials::from_pem(own.certificate_pem(), own.key_pem()));
    return std::make_shared<tls::ClientContext>(credentials, roots);
  }
  std::shared_ptr<rpc::Channel> channel(const std::shared_ptr<tls::ClientContext>& tls) const {
    return rpc::Channel::make({.targets = {server->address()}, .tls = tls, .loops = loops});
  }

  test::Authority ca, stranger;
  std::shared_ptr<os::LoopGroup> loops;
  std::shared_ptr<tls::TrustStore> roots;
  std::shared_ptr<tls::ClientContext> client_tls, stranger_tls;
  std::unique_ptr<rpc::Server> server;
};

using Random = std::mt19937;
Bytes some_bytes(Random& random, size_t most) { return Bytes(random() % most, static_cast<char>(random())); }

void echo_unary(rpc::Channel& channel, Worker& worker, Random& random) {
  Bytes request = some_bytes(random, random() % 50 == 0 ? 2u << 20 : 4096);
  const char* method = random() % 2 ? "/soak.Soak/Unary" : "/soak.Soak/OnLoop";
  auto reply = channel.unary(method, request, {.timeout = kLong, .gzip = random() % 8 == 0});
  if (!reply) return worker.wrong(reply.error().message);
  if (*reply != request) worker.wrong("other bytes came back");
}

void echo_stream(rpc::Channel& channel, Worker& worker, Random& random) {
  auto stream = channel.stream(random() % 2 ? "/soak.Soak/Echo" : "/soak.Soak/Blocking", {.timeout = kLong, .gzip = random() % 8 == 0});
  size_t count = random() % 200;
  for (size_t i = 0; i < count; ++i) {
    Bytes request = some_bytes(random, 8192), reply;
    if (!stream->write(request) || !stream->read(&reply)) break;
    if (reply != request) worker.wrong("other bytes came back");
  }
  stream->half_close();
  if (auto status = stream->finish(); !status.ok()) worker.wrong(status.to_string());
}

void slow_reader(rpc::Channel& channel, Worker& worker, Random& random) {
  auto stream = channel.stream("/soak.Soak/Flood", {.timeout = kLong});
  stream->half_close();
  int count = 0;
  bool give_up = random() % 2;
  for (Bytes message; stream->read(&message); ++count) {
    if (count % 8 == 0) std::this_thread::sleep_for(1ms);
    if (give_up && count == 300) return;  // the stream's end cancels
  }
  if (auto status = stream->finish(); !status.ok() || count != 2000) worker.wrong(status.to_string() + " after " + std::to_string(count));
}

void fast_writer(rpc::Channel& channel, Worker& worker, Random&) {
  auto stream = channel.stream("/soak.Soak/SlowReader", {.timeout = kLong});
  for (int i = 0; i < 500; ++i) stream->write(Bytes(8192, 'x'));
  stream->half_close();
  Bytes total;
  bool read = stream->read(&total);
  if (auto status = stream->finish(); !status.ok() || !read || total != std::to_string(500 * 8192)) worker.wrong(status.to_string());
}

void cancelled(rpc::Channel& channel, Worker& worker, Random& random) {
  if (random() % 4 == 0) {
    rpc::UnaryReply reply = channel.call("/soak.Soak/Slow", "", {.timeout = std::chrono::milliseconds(1 + random() % 5)});
    if (reply.status.code != Code::kDeadlineExceeded) worker.wrong(reply.status.to_string());
    return;
  }
  auto stream = channel.stream("/soak.Soak/Echo", {.timeout = kLong});
  stream->write(some_bytes(random, 100000));
  Bytes message;
  if (random() % 2) stream->read(&message);
  stream->cancel();
  if (auto status = stream->finish(); status.code != Code::kCancelled) worker.wrong(status.to_string());
}

int run(std::chrono::seconds length) {
  if (auto set = log::set_spec("warn:comm=fatal:core.comm=fatal"); !set) std::fprintf(stderr, "%s\n", set.error().message.c_str());
  Soak soak;
  // Made once before descriptors are counted.
  soak.channel(soak.client_tls)->unary("/soak.Soak/Unary", "", {.timeout = kLong}).has_value();
  auto settled = [&] {
    for (int i = 0; i < 300 && soak.server->connection_count() > 0; ++i) std::this_thread::sleep_for(10ms);
    std::this_thread::sleep_for(1500ms);  // sockets linger for a second
    return open_descriptors();
  };
  const size_t descriptors_before = settled();

  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<std::thread> running;
  std::atomic<bool> stop{false};
  unsigned seed = 1;
  auto start = [&](const std::string& name, std::function<void(Worker&, Random&)> turn) {
    auto worker = std::make_shared<Worker>(name);
    workers.push_back(worker);
    running.emplace_back([worker, turn = std::move(turn), &stop, random = Random(seed++)]() mutable {
      while (!stop) {
        turn(*worker, random);
        worker->step();
      }
    });
  };
  auto shared = soak.channel(soak.client_tls);
  for (int i = 0; i < 2; ++i) start("unary", [&](Worker& w, Random& r) { echo_unary(*shared, w, r); });
  for (int i = 0; i < 2; ++i) start("streams", [&](Worker& w, Random& r) { echo_stream(*shared, w, r); });
  start("slow reader", [&](Worker& w, Random& r) { slow_reader(*shared, w, r); });
  start("fast writer", [&](Worker& w, Random& r) { fast_writer(*shared, w, r); });
  for (int i = 0; i < 2; ++i) start("cancelled", [&](Worker& w, Random& r) { cancelled(*shared, w, r); });
  start("churn", [&](Worker& w, Random& r) {
    auto own = soak.channel(soak.client_tls);
    for (size_t i = r() % 5; i > 0; --i) echo_unary(*own, w, r);
    if (r() % 2) echo_stream(*own, w, r);
    // Half of them leave in the midst of a call.
    auto left = own->stream("/soak.Soak/Echo", {.timeout = kLong});
    left->write("x");
    own->close();
  });
  start("refused", [&](Worker& w, Random&) {
    auto own = soak.channel(soak.stranger_tls);
    rpc::UnaryReply reply = own->call("/soak.Soak/Unary", "", {.timeout = kLong});
    if (reply.status.code != Code::kUnavailable) w.wrong(reply.status.to_string());
    std::this_thread::sleep_for(20ms);
  });

  Growth memory;
  auto began = std::chrono::steady_clock::now();
  {
    Watchdog watchdog(workers, 60s);
    auto every = std::max(std::chrono::milliseconds(length) / 120, 250ms);
    for (int sample = 1; std::chrono::steady_clock::now() - began < length; ++sample) {
      std::this_thread::sleep_for(every);
      memory.add(resident_bytes());
      if (sample % 10 != 0) continue;
      uint64_t steps = 0, failures = 0;
      for (const auto& worker : workers) steps += worker->steps(), failures += worker->failures();
      std::printf("%5lld s  %10llu steps  %llu wrong  %zu MiB  %zu descriptors  %zu threads\n",
                  static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count()),
                  static_cast<unsigned long long>(steps), static_cast<unsigned long long>(failures), memory.last() >> 20,
                  open_descriptors(), threads());
      std::fflush(stdout);
    }
    stop = true;
    for (auto& thread : running) thread.join();
  }
  shared->close();
  const size_t descriptors_after = settled();

  bool good = true;
  for (const auto& worker : workers) {
    std::printf("%-12s %10llu steps\n", worker->name().c_str(), static_cast<unsigned long long>(worker->steps()));
    if (worker->failures() == 0) continue;
    good = false;
    std::printf("FAIL %s: %llu wrong, first: %s\n", worker->name().c_str(), static_cast<unsigned long long>(worker->failures()),
                worker->first_failure().c_str());
  }
  std::printf("memory: %zu MiB, last third over the one before: %.2f\n", memory.last() >> 20, memory.ratio());
  if (memory.ratio() > 1.15) good = false, std::printf("FAIL memory grows\n");
  std::printf("descriptors: %zu before, %zu after\n", descriptors_before, descriptors_after);
  if (descriptors_after > descriptors_before) good = false, std::printf("FAIL descriptors are left over\n");
  std::printf("%s\n", good ? "ok" : "FAIL");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace selvage::soak

int main(int argc, char** argv) {
  long seconds = 1800;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view(argv[i]) == "--seconds") seconds = std::atol(argv[i + 1]);
  }
  return selvage::soak::run(std::chrono::seconds(seconds));
}
