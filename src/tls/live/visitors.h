// Who came while no certificate was demanded, and who of them would have been refused: to be looked at before client
// authentication is switched on (GET /tls/visitors, `selvage doctor tls watch`). Nobody is refused by it.
//
//   policy.on_visitor = [visitors](const auto& address, const auto& chain) { visitors->saw(address, chain); };
//
// Any thread. Bounded: the visitor who was longest away goes first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tls/diagnosis.h"
#include "tls/policy.h"
#include "tls/trust.h"

namespace selvage::tls {

struct Visitor {
  std::string listener;  // "PeerServer"
  std::string source;    // address without its port
  std::vector<crypto::Certificate> chain;  // empty: it sent none
  uint64_t count = 0;    // connections
  SystemTime first{}, last{};
  // By the roots in force at its last visit. Null: it would be accepted.
  std::shared_ptr<const Diagnosis> refusal;
};

class Visitors {
 public:
  static constexpr size_t kMax = 1024;
  // `trust`: what would judge clients. `policy`: the listener's, for messages.
  Visitors(std::shared_ptr<const TrustStore> trust, ServerPolicy policy, std::shared_ptr<const Clock> clock = nullptr);
  void saw(const std::string& address, const std::vector<crypto::Certificate>& chain);
  // Last seen first.
  [[nodiscard]] std::vector<Visitor> all() const;

 private:
  std::shared_ptr<const Diagnosis> judge(const std::string& address, const std::vector<crypto::Certificate>& chain, SystemTime now) const;

  const std::shared_ptr<const TrustStore> trust_;
  const ServerPolicy policy_;
  const std::shared_ptr<const Clock> clock_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, Bytes>, Visitor> visitors_;  // by source and the leaf's hash
};

}  // namespace selvage::tls
