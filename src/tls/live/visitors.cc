#include "tls/live/visitors.h"

#include <algorithm>

namespace selvage::tls {

Visitors::Visitors(std::shared_ptr<const TrustStore> trust, ServerPolicy policy, std::shared_ptr<const Clock> clock)
    : trust_(std::move(trust)), policy_(std::move(policy)), clock_(std::move(clock)) {}

std::shared_ptr<const Diagnosis> Visitors::judge(const std::string& address, const std::vector<crypto::Certificate>& chain,
                                                 SystemTime now) const {
  Evidence seen;
  seen.trust = trust_->current();
  if (chain.empty()) {
    seen.refusal = Refusal{Refusal::Kind::kNoCertificate, "tls: client didn't provide a certificate", {}, kAlertCertificateRequired};
  } else {
    PeerCheck check;
    check.now = now - std::max(policy_.time_shift, std::chrono::seconds(0));
    seen.refusal = verify_peer(chain, *seen.trust, check);
  }
  if (!seen.refusal) return nullptr;
  seen.peer_address = address;
  seen.error = seen.refusal->text;
  seen.peer_chain = chain;
  seen.server_policy = policy_;
  seen.now = now;
  return std::make_shared<Diagnosis>(explain(seen));
}

void Visitors::saw(const std::string& address, const std::vector<crypto::Certificate>& chain) {
  const SystemTime now = clock_ ? clock_->now() : std::chrono::system_clock::now();
  auto refusal = judge(address, chain, now);
  std::string source = host_of(address);
  std::lock_guard lock(mutex_);
  Visitor& visitor = visitors_[{source, chain.empty() ? Bytes() : chain.front().sha256()}];
  if (visitor.count++ == 0) {
    visitor.listener = policy_.listener;
    visitor.source = std::move(source);
    visitor.chain = chain;
    visitor.first = now;
  }
  visitor.last = now;
  visitor.refusal = std::move(refusal);
  if (visitors_.size() <= kMax) return;
  visitors_.erase(std::min_element(visitors_.begin(), visitors_.end(),
                                   [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
}

std::vector<Visitor> Visitors::all() const {
  std::vector<Visitor> out;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, visitor] : visitors_) out.push_back(visitor);
  }
  std::sort(out.begin(), out.end(), [](const Visitor& a, const Visitor& b) { return a.last > b.last; });
  return out;
}

}  // namespace selvage::tls
