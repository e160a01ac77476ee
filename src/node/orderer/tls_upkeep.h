// An orderer's TLS while it runs: files are looked at, ends are told, failures counted, trust follows the channels, and the
// operations endpoint shows it all.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "config/orderer_settings.h"
#include "node/orderer/listeners.h"
#include "ops/operations_service.h"
#include "ops/tls_service.h"
#include "rpc/server.h"
#include "tls/live/upkeep_worker.h"

namespace selvage::node {

class OrdererTlsUpkeep {
 public:
  // All references outlive it. Registers the three listeners' pairs and roots, and adds its pages to `operations`, whose
  // server must not be started yet.
  OrdererTlsUpkeep(const config::OrdererSettings& settings, const crypto::Certificate& enrolment, const Listener& general,
            const Listener& admin, const Listener& operations_listener, ops::Operations& operations, const Clock& clock);
  ~OrdererTlsUpkeep();  // stop()

  // For other parts that make pairs and pools of their own (the cluster's). Any thread.
  [[nodiscard]] tls::Registry& registry() { return registry_; }
  // Trust of the general listener, the consenters whose ends are watched, and what a new pair is held against. Any thread.
  void follow(const channel::Bundle& bundle);
  void forget(const std::string& channel);
  // Shows this server's connections; `binding`: what requests on it are bound to, or empty. The server outlives stop().
  void add_server(const rpc::Server& server, std::string binding);
  void start();
  void stop();
  // All files, now. Any thread.
  void reload() { (void)upkeep_.reload(); }

 private:
  struct Served {
    const rpc::Server* server;
    std::string binding;
  };
  [[nodiscard]] std::vector<ops::TlsConnection> connections();
  [[nodiscard]] Status judge(const tls::Credentials& now, const tls::Credentials& next);
  void register_general();

  const Listener general_;
  tls::Registry registry_;
  std::mutex mutex_;
  std::vector<Served> servers_;
  std::map<std::string, std::vector<tls::Watched>> consenters_;    // by channel
  std::map<std::string, std::vector<std::string>> endpoints_;      // by channel: hosts of all orderers
  tls::Upkeep upkeep_;
};

}  // namespace selvage::node
