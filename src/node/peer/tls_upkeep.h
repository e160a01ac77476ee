// A peer's TLS while it runs: files are looked at, ends are told, failures counted, and the operations endpoint shows it all.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "chaincode/listener/listener_service.h"
#include "config/core_settings.h"
#include "identity/signer.h"
#include "node/peer/peer_tls.h"
#include "ops/operations_service.h"
#include "ops/tls_service.h"
#include "rpc/server.h"
#include "tls/live/upkeep_worker.h"

namespace selvage::node {

class PeerTlsUpkeep {
 public:
  // All references outlive it. Adds its pages to `operations`, whose server must not be started yet. `operations_tls` may be
  // null.
  PeerTlsUpkeep(PeerTls& tls, const config::CoreSettings& core, const crypto::Certificate& enrolment, ops::Operations& operations,
            const tls::ServerContext* operations_tls, const Clock& clock);
  ~PeerTlsUpkeep();  // stop()

  // The listener that chaincode dials: its pair and its one root are made by this process. May be null.
  void add_chaincode(const chaincode::ChaincodeListener* listener);
  // Shows this server's connections; `binding`: what requests on it are bound to ("certificate hash"), or empty. The server
  // outlives stop().
  void add_server(const rpc::Server& server, std::string binding);
  void start();
  // No page is answered from here on but with what the registry holds.
  void stop();
  // All files, now. Any thread.
  void reload() { (void)upkeep_.reload(); }

 private:
  struct Served {
    const rpc::Server* server;
    std::string binding;
  };
  [[nodiscard]] std::vector<ops::TlsConnection> connections();

  tls::Registry& registry_;
  std::mutex mutex_;
  std::vector<Served> servers_;
  tls::Upkeep upkeep_;
};

}  // namespace selvage::node
