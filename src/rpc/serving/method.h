// What a server knows of one method: its handler, its metrics, its access log and its service's limit.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "rpc/call.h"
#include "rpc/server.h"

namespace selvage::rpc {

// Calls at once into one service, as Fabric's peer.limits.concurrency.* set them.
struct ServiceLimit {
  std::string service;  // "/protos.Endorser"
  int max = 0;
  std::atomic<int> running{0};
};

class Method {
 public:
  enum class Kind { kUnary, kStream, kBlocking };

  Method(std::string path, Kind kind) : path_(std::move(path)), kind_(kind) {}

  // Makes instruments and finds the limit. Once, before the first call.
  void prepare(const ServerSettings& settings, std::shared_ptr<ServiceLimit> limit);

  // A call begins. `token` is to be held as long as the call uses its service; it is null, and the status says why, when
  // the limit is reached. Fabric's words.
  Status admit(std::shared_ptr<void>* token);
  void count_message_received() {
    if (messages_received_) messages_received_->add(1);
  }
  void count_message_sent() {
    if (messages_sent_) messages_sent_->add(1);
  }
  // A call that was admitted, or refused by admit(), is over.
  void complete(const Status& status, const Peer& peer, std::optional<SteadyTime> deadline, SteadyTime began);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Kind kind() const { return kind_; }

  UnaryHandler unary;
  Run where = Run::kOnWorker;
  StreamFactory stream;
  BlockingHandler blocking;

 private:
  std::string path_;
  Kind kind_;
  std::string service_, name_;  // "protos.Endorser", "ProcessProposal"
  std::shared_ptr<ServiceLimit> limit_;
  std::optional<log::Logger> access_, limiter_;
  metrics::Family<metrics::Counter>* completed_family_ = nullptr;
  metrics::Family<metrics::Histogram>* duration_family_ = nullptr;
  metrics::Counter* received_ = nullptr;
  metrics::Counter* messages_received_ = nullptr;
  metrics::Counter* messages_sent_ = nullptr;
  std::array<std::atomic<metrics::Counter*>, 17> completed_{};
  std::array<std::atomic<metrics::Histogram*>, 17> duration_{};
};

}  // namespace selvage::rpc
