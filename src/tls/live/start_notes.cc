#include "tls/live/start_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tls/diagnosis_parts.h"

namespace selvage::tls {
namespace {

void note_roots(const Pool& pool, std::vector<ExpiryNote>& notes) {
  const auto trust = pool.store->current();
  std::set<std::string> names;
  for (const Root& root : trust->roots()) names.insert(root.certificate.common_name());
  for (const Root& root : trust->roots()) {
    const std::string which = subject_of(root.certificate) + " [" + root.from.to_string() + "]";
    if (!root.certificate.is_ca()) {
      notes.push_back({log::Level::kWarn, fmt::format("TLS-11: the root {} of {} is not a CA's certificate: nothing that chains to it is "
                                                      "accepted; put the CA's own certificate there",
                                                      which, pool.name)});
      continue;
    }
    // By the names that cryptogen and Fabric's samples give the two authorities of an organisation.
    const auto twin = tls_twin_of(root.certificate.common_name());
    if (twin && !names.contains(*twin)) {
      notes.push_back({log::Level::kWarn, fmt::format("TLS-05: the root {} of {} looks like an organisation's identity CA, and its TLS CA "
                                                      "{} is not among the roots: {} with TLS certificates will be refused; use "
                                                      "msp/tlscacerts, not msp/cacerts",
                                                      which, pool.name, escape(*twin, 120), pool.of_clients ? "clients" : "servers")});
    }
  }
}

// Others will miss the CA between our certificate and a root that they may well trust.
void note_chain(const Pair& pair, const Credentials& credentials, const std::vector<Pool>& pools, std::vector<ExpiryNote>& notes) {
  const crypto::Certificate& top = credentials.chain().back();
  if (!pair.as_server || top.is_self_issued()) return;
  const Root* relative = nullptr;
  std::vector<std::shared_ptr<const TrustSnapshot>> held;
  for (const Pool& pool : pools) {
    held.push_back(pool.store->current());
    for (const Root& root : held.back()->roots()) {
      if (root.certificate.subject_der() == top.issuer_der()) return;
    }
    if (relative == nullptr) relative = find_root_of_family(held.back().get(), top);
  }
  if (relative == nullptr) return;
  notes.push_back({log::Level::kWarn, fmt::format("TLS-33: the {} certificate {} was issued by {}, which is neither in that file nor among the "
                                                  "roots here: if it is an intermediate of {} [{}], append it to the file, or others will "
                                                  "refuse the certificate",
                                                  pair.role, credentials.files().certificate_path, issuer_of(top),
                                                  subject_of(relative->certificate), relative->from.to_string())});
}

}  // namespace

std::vector<ExpiryNote> start_notes(const std::vector<Pair>& pairs, const std::vector<Pool>& pools) {
  std::vector<ExpiryNote> notes;
  for (const Pair& pair : pairs) {
    const auto credentials = pair.store->current();
    if (!credentials || credentials->files().certificate_path.empty()) continue;  // made here: as it should be
    for (ExpiryNote& note : usage_notes(pair.role, credentials->chain(), credentials->files().certificate_path, pair.as_server, pair.as_client)) {
      notes.push_back(std::move(note));
    }
    note_chain(pair, *credentials, pools, notes);
    const auto covers = [&](const std::string& host) { return !crypto::check_host(credentials->leaf(), host); };
    if (!pair.as_server || (pair.hosts_of_many && std::any_of(pair.hosts.begin(), pair.hosts.end(), covers))) continue;
    for (const std::string& host : pair.hosts) {
      if (covers(host)) continue;
      notes.push_back({log::Level::kWarn, fmt::format("TLS-28: the {} certificate {} is not valid for {}, under which others dial this node; "
                                                      "issue it with that name (--csr.hosts {})",
                                                      pair.role, credentials->files().certificate_path, escape(host, 120), escape(host, 120))});
    }
  }
  for (const Pool& pool : pools) note_roots(pool, notes);
  return notes;
}

}  // namespace selvage::tls
