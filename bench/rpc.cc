// What rpc/ costs a server, in microseconds of its CPU per message or handshake, over mutual TLS 1.3 on loopback. The server
// is a process of its own; the load comes from our own channels.
//
//   bench_rpc [--seconds N] [--only <part of a name>] [--threads N]
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "kit/handshakes.h"
#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace selvage {
namespace {

using namespace std::chrono_literals;

double cpu_us() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

class Echo final : public rpc::StreamHandler {
 public:
  explicit Echo(std::shared_ptr<rpc::ServerCall> call) : call_(std::move(call)) {}
  void on_message(Bytes message) override { call_->write(std::move(message)); }
  void on_half_close() override { call_->finish({}); }

 private:
  std::shared_ptr<rpc::ServerCall> call_;
};

// Writes messages of the asked size for as long as the client listens.
class Pump final : public rpc::StreamHandler {
 public:
  explicit Pump(std::shared_ptr<rpc::ServerCall> call) : call_(std::move(call)) {}
  void on_message(Bytes message) override {
    message_ = Bytes(std::stoul(message), 'x');
    fill();
  }
  void on_half_close() override {}
  void on_writable() override { fill(); }

 private:
  void fill() {
    while (call_->queued_bytes() < (1u << 20) + 1) call_->write(message_);
  }
  std::shared_ptr<rpc::ServerCall> call_;
  Bytes message_;
};

struct Material {
  test::Authority ca{"tlsca.bench"};
  test::Identity server = ca.server("server", {"localhost", "127.0.0.1"});
  test::Identity client = ca.client("client");
};

// The child: prints its port into the pipe and serves until killed.
void serve(const Material& material, int pipe, size_t threads) {
  rpc::ServerSettings settings;
  settings.listen_address = "127.0.0.1:0";
  settings.tls = std::make_shared<tls::ServerContext>(test::credentials(material.server), test::trust({material.ca.certificate()}),
                                                      tls::ServerPolicy{});
  settings.loops = std::make_shared<os::LoopGroup>(threads, "loop");
  rpc::Server server(settings);
  auto echo = [](auto call, Bytes request) { call->reply(std::move(request)); };
  server.add_unary("/bench/Worker", echo);
  server.add_unary("/bench/Loop", echo, rpc::Run::kOnLoop);
  server.add_unary("/bench/Cpu", [](auto call, Bytes) { call->reply(std::to_string(cpu_us())); }, rpc::Run::kOnLoop);
  server.add_stream("/bench/Echo", [](auto call) { return std::make_unique<Echo>(std::move(call)); });
  server.add_stream("/bench/Pump", [](auto call) { return std::make_unique<Pump>(std::move(call)); });
  if (!server.start()) std::_Exit(1);
  uint16_t port = server.port();
  if (::write(pipe, &port, sizeof port) != sizeof port) std::_Exit(1);
  while (true) ::pause();
}

struct Load {
  std::shared_ptr<tls::ClientContext> tls;
  std::string target;
  std::chrono::seconds seconds;
  std::shared_ptr<os::LoopGroup> loops = std::make_shared<os::LoopGroup>(2, "client");

  std::shared_ptr<rpc::Channel> dial() const {
    return rpc::Channel::make({.targets = {target}, .tls = tls, .server_name = "localhost", .loops = loops});
  }
  double server_cpu(rpc::Channel& control) const {
    auto said = control.unary("/bench/Cpu", "", {.timeout = 20s});
    return said ? std::stod(*said) : 0;
  }
  // Runs `start` on each of `connections` channels; it counts into the counter until told to stop.
  void measure(const char* name, size_t connections,
               const std::function<void(const std::shared_ptr<rpc::Channel>&, std::atomic<uint64_t>&, std::atomic<bool>&)>& start) const {
    auto control = dial();
    std::vector<std::shared_ptr<rpc::Channel>> channels;
    for (size_t i = 0; i < connections; ++i) {
      channels.push_back(dial());
      if (!channels.back()->wait_ready(20s)) return;
    }
    // Never freed: callbacks of calls that were on the way may still count.
    auto* count = new std::atomic<uint64_t>(0);
    auto* stop = new std::atomic<bool>(false);
    for (auto& channel : channels) start(channel, *count, *stop);
    std::this_thread::sleep_for(300ms);  // caches, threads, windows
    double cpu = server_cpu(*control);
    uint64_t before = *count;
    auto began = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(seconds);
    uint64_t done = *count - before;
    double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    cpu = server_cpu(*control) - cpu;
    std::printf("%-44s %9.1f us CPU each  %9.0f a second\n", name, cpu / static_cast<double>(std::max<uint64_t>(done, 1)),
                static_cast<double>(done) / took);
    std::fflush(stdout);
    *stop = true;
    for (auto& channel : channels) channel->close();
  }
};

// Keeps one unary call going: each answer asks again.
void again(const std::shared_ptr<rpc::Channel>& channel, const char* method, std::atomic<uint64_t>& count, std::atomic<bool>& stop) {
  std::weak_ptr<rpc::Channel> weak = channel;
  channel->call_async(method, Bytes(1024, 'x'), {}, [weak, method, &count, &stop](rpc::UnaryReply reply) {
    auto still = weak.lock();
    if (stop || !still || !reply.status.ok()) return;
    ++count;
    again(still, method, count, stop);
  });
}

// Counts what comes; with `echo`, answers each message with the next.
class Listener final : public rpc::ClientHandler {
 public:
  Listener(std::atomic<uint64_t>& count, bool echo) : count_(count), echo_(echo) {}
  void on_message(Bytes message) override {
    ++count_;
    if (echo_) call->write(std::move(message));
  }
  void on_end(const rpc::Status&, const rpc::Metadata&) override { call.reset(); }
  std::shared_ptr<rpc::ClientCall> call;

 private:
  std::atomic<uint64_t>& count_;
  bool echo_;
};

void stream(const std::shared_ptr<rpc::Channel>& channel, const char* method, const Bytes& first, int times, bool echo,
            std::atomic<uint64_t>& count) {
  auto handler = std::make_unique<Listener>(count, echo);
  Listener* listener = handler.get();
  auto call = channel->open(method, {}, std::move(handler));
  listener->call = call;  // nothing comes before the first write
  for (int i = 0; i < times; ++i) call->write(first);
}

int run(int argc, char** argv) {
  std::chrono::seconds seconds{3};
  std::string only;
  size_t threads = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::chrono::seconds(std::stoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
    if (std::strcmp(argv[i], "--threads") == 0) threads = std::stoul(argv[i + 1]);
  }
  (void)log::set_spec("error");
  Material material;
  int pipe[2];
  if (::pipe(pipe) != 0) return 1;
  pid_t child = ::fork();
  if (child == 0) serve(material, pipe[1], threads);
  uint16_t port = 0;
  if (::read(pipe[0], &port, sizeof port) != sizeof port) return 1;
  Load load{std::make_shared<tls::ClientContext>(test::credentials(material.client, "client"), test::trust({material.ca.certificate()})),
            "127.0.0.1:" + std::to_string(port), seconds};
  auto wanted = [&](const char* name) { return std::string(name).find(only) != std::string::npos; };
  auto unary = [&](const char* name, const char* method, size_t connections, int streams) {
    if (!wanted(name)) return;
    load.measure(name, connections, [&](auto& channel, auto& count, auto& stop) {
      for (int i = 0; i < streams; ++i) again(channel, method, count, stop);
    });
  };
  unary("unary 1 KiB, 64 streams, 1 connection, loop", "/bench/Loop", 1, 64);
  unary("unary 1 KiB, 64 streams, 1 connection, pool", "/bench/Worker", 1, 64);
  unary("unary 1 KiB, 64 streams, 16 connections, loop", "/bench/Loop", 16, 4);
  unary("unary 1 KiB, 64 streams, 16 connections, pool", "/bench/Worker", 16, 4);
  auto streams = [&](const char* name, size_t connections, const char* method, const Bytes& first, int times, bool echo) {
    if (!wanted(name)) return;
    load.measure(name, connections, [&](auto& channel, auto& count, auto&) { stream(channel, method, first, times, echo, count); });
  };
  streams("bidirectional echo 1 KiB, 8 connections", 8, "/bench/Echo", Bytes(1024, 'x'), 16, true);
  streams("server stream 1 KiB", 1, "/bench/Pump", "1024", 1, false);
  streams("server stream 64 KiB", 1, "/bench/Pump", "65536", 1, false);
  if (wanted("full mutual handshake")) {
    std::thread dialler;
    load.measure("full mutual handshake", 1, [&](auto&, auto& count, auto& stop) {
      dialler = std::thread([&load, &count, &stop] {
        while (!stop) {
          if (load.dial()->wait_ready(20s)) ++count;
        }
      });
    });
    if (dialler.joinable()) dialler.join();
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace selvage

int main(int argc, char** argv) { return selvage::run(argc, argv); }
