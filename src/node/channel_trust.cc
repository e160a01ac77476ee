#include "node/channel_trust.h"

namespace selvage::node {
namespace {

bool is_one_of(const channel::OrgTlsRoots& org, Organisations whose) {
  return (org.application_org && whose != Organisations::kOrderer) || (org.orderer_org && whose != Organisations::kApplication);
}

tls::Provenance from(const channel::Bundle& bundle, const channel::OrgTlsRoots& org) {
  tls::Provenance from;
  from.kind = tls::Provenance::Kind::kChannel;
  from.channel = bundle.channel_id();
  from.msp_id = org.mspid;
  return from;
}

}  // namespace

std::vector<tls::Root> roots_of(const channel::Bundle& bundle, Organisations whose) {
  std::vector<tls::Root> all;
  for (const channel::OrgTlsRoots& org : bundle.org_tls_roots()) {
    if (!is_one_of(org, whose)) continue;
    for (const bool intermediate : {false, true}) {
      const auto& certificates = intermediate ? org.intermediates : org.roots;
      for (size_t i = 0; i < certificates.size(); ++i) {
        tls::Provenance place = from(bundle, org);
        place.intermediate = intermediate;
        place.index = static_cast<int>(i);
        all.push_back({certificates[i], std::move(place)});
      }
    }
  }
  return all;
}

std::vector<tls::Revocations> revocations_of(const channel::Bundle& bundle, Organisations whose) {
  std::vector<tls::Revocations> all;
  for (const channel::OrgTlsRoots& org : bundle.org_tls_roots()) {
    if (!is_one_of(org, whose)) continue;
    for (const crypto::RevocationList& list : org.revocations) all.push_back({list, from(bundle, org)});
  }
  return all;
}

}  // namespace selvage::node
