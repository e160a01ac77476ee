#include "ops/statsd_worker.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "ops/process_metrics.h"
#include "ops/statsd.h"

namespace selvage::ops {
namespace {

constexpr size_t kDatagramBytes = 1400;

log::Logger& logger() {
  static auto& the = *new log::Logger("operations.runner");
  return the;
}

}  // namespace

StatsdWorker::StatsdWorker(Statsd& statsd, std::string network, std::string address, std::chrono::milliseconds interval)
    : statsd_(statsd), network_(std::move(network)), address_(std::move(address)), interval_(interval) {}
StatsdWorker::~StatsdWorker() { stop(); }

Result<int> StatsdWorker::connect() const {
  const size_t colon = address_.rfind(':');
  if ((network_ != "udp" && network_ != "tcp") || colon == std::string::npos) {
    return fail(Code::kInvalidArgument, "dial " + network_ + " " + address_ + ": no such network or no port", "",
                "set the statsd network to udp or tcp and the address to host:port");
  }
  addrinfo wanted{};
  wanted.ai_socktype = network_ == "udp" ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(address_.substr(0, colon).c_str(), address_.substr(colon + 1).c_str(), &wanted, &list) != 0) {
    return fail(Code::kUnavailable, "dial " + network_ + ": lookup " + address_ + ": no such host");
  }
  int fd = -1;
  for (const addrinfo* at = list; at != nullptr && fd < 0; at = at->ai_next) {
    fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    timeval patience{2, 0};
    if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && ::connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
      ::close(fd);
      fd = -1;
    }
  }
  ::freeaddrinfo(list);
  if (fd < 0) return fail(Code::kUnavailable, "dial " + network_ + " " + address_ + ": connect: " + std::strerror(errno));
  return fd;
}

Status StatsdWorker::start() {
  SELVAGE_TRY(const int fd, connect());  // a wrong address is said now, not at the first interval
  ::close(fd);
  thread_ = std::thread([this] { run(); });
  return {};
}

void StatsdWorker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void StatsdWorker::run() {
  const auto runtime = [&](const char* name, double value) {
    statsd_.gauge({"go", "", name, "", {}, "", {}}).with({}).set(value);
  };
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [&] { return stopping_; })) {
    lock.unlock();
    const ProcessFigures figures = process_figures();
    runtime("goroutine_count", static_cast<double>(figures.threads));
    runtime("threads_created", static_cast<double>(figures.threads));
    runtime("mem.heap_alloc_bytes", static_cast<double>(figures.heap_bytes));
    runtime("mem.heap_sys_bytes", static_cast<double>(figures.heap_held_bytes));
    runtime("mem.gc_completed_count", 0);  // there is no garbage collector
    if (const auto fd = connect()) {
      send_all(*fd);
      ::close(*fd);
    } else {
      LOG_WARN(logger(), "statsd is out of reach: {}", to_string(fd.error()));
    }
    lock.lock();
  }
}

void StatsdWorker::send_all(int fd) {
  std::string batch;
  const auto flush = [&] {
    if (!batch.empty()) (void)!::send(fd, batch.data(), batch.size(), MSG_NOSIGNAL);
    batch.clear();
  };
  for (const std::string& line : statsd_.take_lines()) {
    if (batch.size() + line.size() > kDatagramBytes) flush();
    batch += line;
  }
  flush();
}

}  // namespace selvage::ops
