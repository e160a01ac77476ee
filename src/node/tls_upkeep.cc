#include "node/tls_upkeep.h"

#include <utility>

#include "tls/failure_count.h"

namespace selvage::node {

TlsUpkeep::TlsUpkeep(tls::Registry& registry, ops::Operations& operations, const crypto::Certificate& enrolment,
                     const std::string& msp_folder, std::shared_ptr<const tls::Visitors> visitors, const Clock& clock)
    : registry_(registry), upkeep_(registry, clock, operations.metrics(), {}) {
  registry.set_watched("msp", {{"enrollment", msp_folder + "/signcerts", enrolment}});
  tls::count_failures_in(&operations.metrics());
  upkeep_.also_watch([this] { return ends_of_peers(); });
  ops::add_tls_pages(operations.server(),
                     {&registry, [this] { return connections(); }, [this] { return upkeep_.reload(); }, std::move(visitors)});
}

TlsUpkeep::~TlsUpkeep() { stop(); }

void TlsUpkeep::add_server(const rpc::Server& server, std::string binding) {
  std::lock_guard lock(mutex_);
  servers_.push_back({&server, std::move(binding)});
}

void TlsUpkeep::start() { upkeep_.start(); }

void TlsUpkeep::stop() {
  upkeep_.stop();
  tls::count_failures_in(nullptr);
  std::lock_guard lock(mutex_);
  servers_.clear();
}

std::vector<ops::TlsConnection> TlsUpkeep::connections() {
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

std::vector<tls::Expiring> TlsUpkeep::ends_of_peers() {
  std::vector<tls::Expiring> ends;
  for (const ops::TlsConnection& one : connections()) {
    if (!one.verified) continue;
    auto certificate = crypto::Certificate::from_der(one.certificate);
    if (certificate) ends.push_back({"peer", one.listener, std::move(*certificate), "its owner should renew it"});
  }
  return ends;
}

}  // namespace selvage::node
