#include "deliver/pull/endpoints.h"

#include <algorithm>

namespace selvage::deliver {
namespace {

void add_roots(const std::string& channel, const channel::OrgTlsRoots& org, std::vector<tls::Root>* roots) {
  const auto add = [&](const std::vector<crypto::Certificate>& certificates, bool intermediate) {
    for (size_t i = 0; i < certificates.size(); ++i) {
      tls::Provenance from;
      from.kind = tls::Provenance::Kind::kChannel;
      from.channel = channel;
      from.msp_id = org.mspid;
      from.intermediate = intermediate;
      from.index = static_cast<int>(i);
      roots->push_back({certificates[i], std::move(from)});
    }
  };
  add(org.roots, false);
  add(org.intermediates, true);
}

Endpoint make_endpoint(const std::string& address, const std::vector<tls::Root>& roots,
                       const std::vector<AddressOverride>& overrides) {
  for (const AddressOverride& one : overrides) {
    if (one.from == address) return {one.to, one.roots};
  }
  return {address, roots};
}

}  // namespace

bool Endpoint::operator==(const Endpoint& other) const {
  const auto same = [](const tls::Root& a, const tls::Root& b) { return a.certificate.der() == b.certificate.der(); };
  return address == other.address &&
         std::equal(roots.begin(), roots.end(), other.roots.begin(), other.roots.end(), same);
}

std::vector<Endpoint> orderer_endpoints(const channel::Bundle& bundle, const std::vector<AddressOverride>& overrides) {
  std::vector<Endpoint> endpoints;
  if (bundle.orderer() == nullptr) return endpoints;
  std::vector<tls::Root> all_roots;
  for (const auto& [name, org] : bundle.orderer()->orgs) {
    std::vector<tls::Root> roots;
    for (const channel::OrgTlsRoots& found : bundle.org_tls_roots()) {
      if (found.orderer_org && found.mspid == org.mspid()) add_roots(bundle.channel_id(), found, &roots);
    }
    for (const std::string& address : org.endpoints) endpoints.push_back(make_endpoint(address, roots, overrides));
    all_roots.insert(all_roots.end(), roots.begin(), roots.end());
  }
  if (endpoints.empty()) {
    for (const std::string& address : bundle.global_orderer_addresses()) {
      endpoints.push_back(make_endpoint(address, all_roots, overrides));
    }
  }
  std::stable_sort(endpoints.begin(), endpoints.end(),
                   [](const Endpoint& a, const Endpoint& b) { return a.address < b.address; });
  return endpoints;
}

bool EndpointChoice::set(std::vector<Endpoint> endpoints) {
  if (endpoints == endpoints_) return false;
  endpoints_ = std::move(endpoints);
  untried_.clear();
  return true;
}

const Endpoint* EndpointChoice::next() {
  if (endpoints_.empty()) return nullptr;
  if (untried_.empty()) {
    for (size_t i = 0; i < endpoints_.size(); ++i) untried_.push_back(i);
  }
  const size_t place = random_.below(untried_.size());
  const size_t chosen = untried_[place];
  untried_.erase(untried_.begin() + static_cast<ptrdiff_t>(place));
  return &endpoints_[chosen];
}

}  // namespace selvage::deliver
