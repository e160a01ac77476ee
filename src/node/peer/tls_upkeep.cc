#include "node/peer/tls_upkeep.h"

#include "tls/failure_count.h"

namespace selvage::node {

PeerTlsUpkeep::PeerTlsUpkeep(PeerTls& tls, const config::CoreSettings& core, const crypto::Certificate& enrolment,
                     ops::Operations& operations, const tls::ServerContext* operations_tls, const Clock& clock)
    : registry_(tls.registry()), upkeep_(tls.registry(), clock, operations.metrics(), {}) {
  register_operations_tls(tls.registry(), core.operations.tls, operations_tls);
  tls.registry().set_watched("msp", {{"enrollment", core.msp_directory.path + "/signcerts", enrolment}});
  tls::count_failures_in(&operations.metrics());
  upkeep_.also_watch([this] {
    std::vector<tls::Expiring> ends;
    for (const ops::TlsConnection& one : connections()) {
      auto certificate = one.verified ? crypto::Certificate::from_der(one.certificate) : fail(Code::kNotFound, "");
      if (certificate) ends.push_back({"peer", one.listener, std::move(*certificate), "its owner should renew it"});
    }
    return ends;
  });
  ops::add_tls_pages(operations.server(),
                     {&tls.registry(), [this] { return connections(); }, [this] { return upkeep_.reload(); }, tls.visitors()});
}

PeerTlsUpkeep::~PeerTlsUpkeep() { stop(); }

void PeerTlsUpkeep::add_server(const rpc::Server& server, std::string binding) {
  std::lock_guard lock(mutex_);
  servers_.push_back({&server, std::move(binding)});
}

void PeerTlsUpkeep::add_chaincode(const chaincode::ChaincodeListener* listener) {
  if (listener == nullptr) return;
  if (const auto& tls = listener->tls()) {
    registry_.add_pair({.role = "chaincode TLS", .store = tls->credentials(), .as_server = true, .as_client = false, .hosts = {},
                        .trusted_by = nullptr, .judge = {}});
    registry_.add_pool({.name = "ChaincodeServer", .of_clients = true, .store = tls->trust()});
  }
  add_server(listener->server(), "certificate hash bound to the chaincode");
}

void PeerTlsUpkeep::start() { upkeep_.start(); }

void PeerTlsUpkeep::stop() {
  upkeep_.stop();
  tls::count_failures_in(nullptr);
  std::lock_guard lock(mutex_);
  servers_.clear();
}

std::vector<ops::TlsConnection> PeerTlsUpkeep::connections() {
  std::vector<ops::TlsConnection> all;
  std::lock_guard lock(mutex_);
  for (const Served& one : servers_) {
    for (const auto& peer : one.server->connections()) {
      if (!peer->tls) continue;
      all.push_back({one.server->name(), peer->address, peer->verified, peer->certificate, peer->tls_version, peer->tls_cipher,
                     peer->tls_group, peer->certificate.empty() ? "" : one.binding});
    }
  }
  return all;
}

}  // namespace selvage::node
