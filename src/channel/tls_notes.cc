#include "channel/tls_notes.h"

#include <fmt/format.h>

namespace selvage::channel {

std::string path_of(const OrgTlsRoots& org) {
  return fmt::format("Channel/{}/{}/MSP", org.application_org ? "Application" : "Orderer", escape(org.org, 120));
}

std::vector<std::string> notes_on_tls_roots(const Bundle& bundle) {
  std::vector<std::string> notes;
  for (const OrgTlsRoots& org : bundle.org_tls_roots()) {
    if (!org.roots.empty()) continue;
    notes.push_back(fmt::format("TLS-52: {} in channel {} has no tls_root_certs ({}): nobody can trust the TLS certificates of its nodes and "
                                "clients; put its TLS CA under msp/tlscacerts/ and update the organisation's MSP in the channel's "
                                "configuration",
                                escape(org.mspid, 120), bundle.channel_id(), path_of(org)));
  }
  return notes;
}

std::string list_orderer_tls_roots(const Bundle& bundle) {
  std::string text;
  for (const OrgTlsRoots& org : bundle.org_tls_roots()) {
    if (!org.orderer_org) continue;
    std::string names;
    for (const auto& root : org.roots) names += (names.empty() ? "" : ", ") + escape(root.subject(), 120);
    text += fmt::format("{}{} ({}): {}", text.empty() ? "" : "; ", escape(org.mspid, 120), path_of(org), names.empty() ? "none" : names);
  }
  return text;
}

}  // namespace selvage::channel
