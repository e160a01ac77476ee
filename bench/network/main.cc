// bench_network: load for a network that runs (ours or Fabric's), and the CPU that each of its processes spends on it.
//
//   bench_network submit --users 64 --seconds 10 --orderer localhost:7050=ca.crt --peer localhost:7051=ca1.crt
//     --peer localhost:9051=ca2.crt --msp DIR --tls-cert F --tls-key F --pid orderer=123 --pid peer1=124
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "network/gateway_load.h"
#include "network/load.h"

namespace {

using namespace selvage;

struct Process {
  std::string name;
  int pid;
  double cpu_seconds() const {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const size_t after_name = text.rfind(')');
    if (after_name == std::string::npos) return 0;
    std::istringstream fields(text.substr(after_name + 2));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;  // utime and stime are fields 14 and 15
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  double peak_mebibytes() const {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("VmHWM:", 0) == 0) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
  }
};

bench::Target parse_target(const std::string& text) {
  const size_t equals = text.find('=');
  return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Load for a running network; prints rate, latency and CPU per operation of each process");
  std::string mode, orderer, key_prefix = "bench";
  std::vector<std::string> peers, pids;
  int users = 64, seconds = 10, value_bytes = 64, rate = 0;
  bool through_gateway = false;
  bench::LoadSettings settings;
  app.add_option("mode", mode, "submit, endorse, evaluate or handshake")->required();
  app.add_option("--users", users, "operations at once");
  app.add_option("--seconds", seconds, "how long, after a second of warming up; 0: until the input ends");
  app.add_option("--rate", rate, "at most so many a second in total; 0: as many as there can be");
  app.add_option("--value-bytes", value_bytes, "size of the value that is put");
  app.add_option("--key-prefix", key_prefix, "keys are <prefix>-<user>-<n>");
  app.add_option("--channel", settings.channel, "channel");
  app.add_option("--chaincode", settings.chaincode, "a chaincode with put KEY VALUE and get KEY");
  app.add_option("--msp", settings.msp_directory, "MSP directory of the client")->required();
  app.add_option("--mspid", settings.mspid, "its MSP id");
  app.add_option("--tls-cert", settings.tls_certificate, "the client's TLS certificate")->required();
  app.add_option("--tls-key", settings.tls_key, "and key")->required();
  app.add_option("--orderer", orderer, "address=file of its TLS CA")->required();
  app.add_option("--peer", peers, "address=file of its TLS CA; once for each endorser")->required();
  app.add_option("--pid", pids, "name=pid of a process whose CPU is counted");
  app.add_flag("--gateway", through_gateway, "ask the first peer's Gateway, which finds the others");
  CLI11_PARSE(app, argc, argv);
  settings.orderer = parse_target(orderer);
  for (const std::string& peer : peers) settings.peers.push_back(parse_target(peer));
  std::vector<Process> processes;
  for (const std::string& pid : pids) {
    const bench::Target parts = parse_target(pid);
    processes.push_back({parts.address, std::atoi(parts.ca_file.c_str())});
  }

  auto made = bench::Client::make(settings);
  if (!made) {
    std::fprintf(stderr, "Error: %s\n", to_string(made.error()).c_str());
    return 1;
  }
  bench::Client& client = **made;
  std::unique_ptr<bench::GatewayClient> gateway;
  if (through_gateway) {
    auto connected = bench::GatewayClient::make(settings);
    if (!connected) {
      std::fprintf(stderr, "Error: %s\n", to_string(connected.error()).c_str());
      return 1;
    }
    gateway = std::move(*connected);
  }
  const std::string value(static_cast<size_t>(value_bytes), 'x');
  if (mode == "evaluate") {
    if (Status put = client.submit({"put", key_prefix, value}); !put) {
      std::fprintf(stderr, "Error: %s\n", to_string(put.error()).c_str());
      return 1;
    }
  }

  using Time = std::chrono::steady_clock;
  std::atomic<bool> counting{false}, done{false};
  std::atomic<long> failures{0};
  std::mutex mutex;
  std::vector<double> milliseconds;
  std::string first_failure;
  std::vector<std::thread> threads;
  for (int user = 0; user < users; ++user) {
    threads.emplace_back([&, user] {
      std::vector<double> mine;
      auto next = Time::now();
      for (long n = 0; !done; ++n) {
        if (rate > 0) {  // each user keeps its own beat, and does not make up for what it missed
          std::this_thread::sleep_until(next);
          next = std::max(next + std::chrono::nanoseconds(1000000000LL * users / rate), Time::now());
        }
        const std::string key = key_prefix + "-" + std::to_string(user) + "-" + std::to_string(n);
        const bool counts = counting;
        const auto start = Time::now();
        Status status = gateway              ? mode == "submit"    ? gateway->submit({"put", {key, value}, {}, {}})
                                               : mode == "endorse" ? gateway->endorse({"put", {key, value}, {}, {}})
                                                                   : gateway->evaluate({"get", {key_prefix}, {}, {}})
                        : mode == "submit"   ? client.submit({"put", key, value})
                        : mode == "endorse"  ? client.endorse({"put", key, value})
                        : mode == "evaluate" ? client.evaluate({"get", key_prefix})
                                             : client.handshake();
        if (!status) {
          if (failures++ == 0) {
            const std::lock_guard lock(mutex);
            first_failure = to_string(status.error());
          }
        } else if (counts) {
          mine.push_back(std::chrono::duration<double, std::milli>(Time::now() - start).count());
        }
      }
      const std::lock_guard lock(mutex);
      milliseconds.insert(milliseconds.end(), mine.begin(), mine.end());
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::vector<double> before;
  for (const Process& process : processes) before.push_back(process.cpu_seconds());
  const auto start = Time::now();
  counting = true;
  if (seconds > 0) {
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
  } else {
    while (std::getchar() != EOF) {
    }
  }
  const double elapsed = std::chrono::duration<double>(Time::now() - start).count();
  std::vector<double> after;
  for (const Process& process : processes) after.push_back(process.cpu_seconds());
  done = true;
  for (std::thread& thread : threads) thread.join();

  // Operations that began while counting; as many ended in the window as began before it.
  const double count = static_cast<double>(milliseconds.size());
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto percentile = [&](double p) {
    return milliseconds.empty() ? 0.0 : milliseconds[static_cast<size_t>(p * (count - 1))];
  };
  if (gateway) std::printf("through the gateway: ");
  std::printf("%s users=%d rate=%.0f/s p50=%.1fms p99=%.1fms operations=%.0f failures=%ld\n", mode.c_str(), users, count / elapsed,
              percentile(0.50), percentile(0.99), count, failures.load());
  double total = 0;
  for (size_t i = 0; i < processes.size(); ++i) {
    const double each = count == 0 ? 0 : (after[i] - before[i]) * 1000 / count;
    total += each;
    std::printf("  %-10s %.3f ms CPU per operation, peak memory %.0f MiB\n", processes[i].name.c_str(), each,
                processes[i].peak_mebibytes());
  }
  if (!processes.empty()) std::printf("  %-10s %.3f ms CPU per operation\n", "together", total);
  if (failures > 0) std::printf("  first failure: %s\n", first_failure.c_str());
  return failures > 0 ? 1 : 0;
}
