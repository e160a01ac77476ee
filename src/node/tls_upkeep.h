// A node's TLS while it runs: files are looked at, ends are told, failures counted, and the operations endpoint shows it all.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ops/operations_service.h"
#include "ops/tls_service.h"
#include "rpc/server.h"
#include "tls/live/upkeep_worker.h"
#include "tls/live/visitors.h"

namespace selvage::node {

class TlsUpkeep {
 public:
  // Both outlive it. Adds its pages to `operations`, whose server must not be started yet. `enrolment`: the node's own
  // certificate, in `msp_folder`. `visitors` null: certificates are demanded.
  TlsUpkeep(tls::Registry& registry, ops::Operations& operations, const crypto::Certificate& enrolment, const std::string& msp_folder,
            std::shared_ptr<const tls::Visitors> visitors, const Clock& clock);
  ~TlsUpkeep();  // stop()

  // For other parts that make pairs and pools of their own. Any thread.
  [[nodiscard]] tls::Registry& registry() { return registry_; }
  // Shows this server's connections; `binding`: what requests on it are bound to ("certificate hash"), or empty. The server
  // outlives stop().
  void add_server(const rpc::Server& server, std::string binding);
  void start();
  // No page is answered from here on but with what the registry holds.
  void stop();
  // All files, now. Any thread.
  void reload() { (void)upkeep_.reload(); }
  // The same soon: what a pair is held against has changed. Any thread, never blocks.
  void look_soon() { upkeep_.look_soon(); }

 private:
  struct Served {
    const rpc::Server* server;
    std::string binding;
  };
  [[nodiscard]] std::vector<ops::TlsConnection> connections();
  [[nodiscard]] std::vector<tls::Expiring> ends_of_peers();

  tls::Registry& registry_;
  std::mutex mutex_;
  std::vector<Served> servers_;
  tls::Upkeep upkeep_;
};

}  // namespace selvage::node
