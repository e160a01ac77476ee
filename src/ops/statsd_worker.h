// Sends a Statsd's lines every interval, from a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace selvage::ops {

class Statsd;

class StatsdWorker {
 public:
  // `network`: "udp" or "tcp". Nothing is sent before start().
  StatsdWorker(Statsd& statsd, std::string network, std::string address, std::chrono::milliseconds interval);
  ~StatsdWorker();
  // kInvalidArgument: unknown network or an address that has no port; kUnavailable: nobody to talk to (tcp).
  Status start();
  void stop();

 private:
  Result<int> connect() const;
  void run();
  void send_all(int fd);
  Statsd& statsd_;
  const std::string network_;
  const std::string address_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace selvage::ops
