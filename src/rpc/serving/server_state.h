// What a server's connections share. Loops' threads read it; it outlives them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "rpc/server.h"
#include "rpc/serving/explanations.h"
#include "rpc/serving/handshake_log.h"
#include "rpc/serving/method.h"
#include "rpc/serving/worker_pool.h"

namespace selvage::rpc {

class PendingConnection;
class RefusedConnection;
class ServerConnection;

struct ServerState {
  explicit ServerState(ServerSettings s)
      : settings(std::move(s)),
        handshake_log(settings.logger, settings.name),
        workers(settings.workers_max, "rpc-worker"),
        stream_threads(settings.blocking_streams_max, "rpc-stream") {}

  ServerSettings settings;
  std::unordered_map<std::string, Method> methods;  // fixed at start()
  std::unordered_set<std::string> services;
  std::atomic<std::shared_ptr<tls::ServerContext>> tls;
  HandshakeLog handshake_log;
  Explanations explanations;
  metrics::Counter* opened = nullptr;
  metrics::Counter* closed = nullptr;
  WorkerPool workers;
  WorkerPool stream_threads;

  // Connections by loop; each set is touched by its loop alone.
  struct PerLoop {
    os::EventLoop* loop = nullptr;
    std::set<std::shared_ptr<ServerConnection>> connections;
    std::list<std::shared_ptr<PendingConnection>> pending;     // oldest first
    std::set<std::shared_ptr<RefusedConnection>> refused;
    bool draining = false;  // stop() was here: what is accepted from now on is closed
  };
  std::vector<std::unique_ptr<PerLoop>> loops;

  std::mutex mutex;
  std::condition_variable fewer;
  size_t connections = 0;                                       // registered, under mutex
  void connection_gone() {
    std::lock_guard lock(mutex);
    --connections;
    fewer.notify_all();
  }
  // Handshakes by source address; only kept where settings.handshakes_per_source_max asks for it.
  std::mutex sources_mutex;
  std::map<std::string, size_t> handshakes_by_source;
  std::shared_ptr<std::atomic<size_t>> descriptors = std::make_shared<std::atomic<size_t>>(0);  // open, lingering ones included
};

}  // namespace selvage::rpc
