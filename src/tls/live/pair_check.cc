#include "tls/live/pair_check.h"

#include <fmt/format.h>

#include "crypto/chain.h"

namespace selvage::tls {
namespace {

bool chains(const Credentials& credentials, const TrustSnapshot& trust, std::chrono::sys_seconds at) {
  crypto::CertificatePool intermediates;
  for (size_t i = 1; i < credentials.chain().size(); ++i) intermediates.add(credentials.chain()[i]);
  crypto::ChainQuestion question;
  question.now = to_system_time(at);
  return crypto::verify_chain(credentials.leaf(), intermediates, trust.pool(), question).accepted();
}

std::string names_of(const crypto::Certificate& leaf) {
  std::string text;
  for (const std::string& name : leaf.dns_names()) text += (text.empty() ? "" : ", ") + escape(name, 120);
  for (const Bytes& address : leaf.ip_addresses()) text += (text.empty() ? "" : ", ") + crypto::ip_to_string(address);
  return text.empty() ? "no name" : text;
}

}  // namespace

Status check_new_pair(const Pair& pair, const Credentials& now, const Credentials& next, std::chrono::sys_seconds at) {
  const CredentialFiles& files = next.files();
  const auto refuse = [&](const std::string& why, const std::string& remedy) {
    std::string place = files.certificate_origin.to_string();
    if (!files.certificate_path.empty()) place += (place.empty() ? "" : ": ") + files.certificate_path;
    return fail(Code::kFailedPrecondition, "the new " + pair.role + " certificate is not taken: " + why, place,
                remedy + "; the one in force stays until then");
  };
  const crypto::Certificate& leaf = next.leaf();
  if (leaf.not_after() < at) {
    return refuse("it has expired on " + crypto::to_rfc3339(leaf.not_after()), "renew it");
  }
  if (leaf.not_before() > at) {
    return refuse(fmt::format("it becomes valid on {}, and this host's clock says {}", crypto::to_rfc3339(leaf.not_before()),
                              crypto::to_rfc3339(at)),
                  "wait, or check the clocks of the host that issued it and of this one");
  }
  const auto lost = [&](bool needed, std::string_view usage) { return needed && now.leaf().allows(usage) && !leaf.allows(usage); };
  if (lost(pair.as_server, crypto::kServerAuth)) {
    return refuse("it is not for serverAuth, as the one in force is: every client would refuse it",
                  "issue it with the extended key usage serverAuth");
  }
  if (lost(pair.as_client, crypto::kClientAuth)) {
    return refuse("it is not for clientAuth, as the one in force is: listeners that verify clients would refuse it",
                  "issue it with the extended key usage clientAuth from a private TLS CA");
  }
  if (pair.as_server) {
    for (const std::string& host : pair.hosts) {
      if (crypto::check_host(now.leaf(), host) || !crypto::check_host(leaf, host)) continue;
      return refuse(fmt::format("it is valid for {}, and others dial this node as {}", names_of(leaf), escape(host, 120)),
                    "issue it with that name (--csr.hosts " + escape(host, 120) + ")");
    }
  }
  if (pair.trusted_by) {
    auto trust = pair.trusted_by->current();
    if (!trust->empty() && chains(now, *trust, at) && !chains(next, *trust, at)) {
      return refuse(fmt::format("it was issued by {}, which is not among the roots that the one in force chains to: the other "
                                "members would refuse it",
                                escape(next.chain().back().issuer(), 160)),
                    "have it issued by the CA in the organisation's tlscacerts, or put the new CA into the channel's "
                    "configuration first");
    }
  }
  if (pair.judge) {
    if (Status judged = pair.judge(now, next); !judged) {
      return refuse(judged.error().message, judged.error().hint.empty() ? judged.error().cause : judged.error().hint);
    }
  }
  return {};
}

}  // namespace selvage::tls
