#include "tools/selvage/doctor/file_checks.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "crypto/chain.h"
#include "identity/posix_msp_directory.h"
#include "tls/catalogue/catalogue.h"
#include "tls/files_service.h"

namespace selvage::tools::doctor {
namespace {

using std::chrono::days;
using std::chrono::sys_seconds;

constexpr const char* kFiles = "own files";
constexpr const char* kTrust = "trust";
constexpr const char* kReenroll = "fabric-ca-client reenroll --enrollment.profile tls --csr.keyrequest.reusekey";

std::string date_of(sys_seconds time) { return crypto::to_rfc3339(time).substr(0, 10); }

std::string remedy_of(const Error& error, const Origin& setting) {
  return error.hint.empty() ? "look at " + setting.to_string() : error.hint;
}

// "tlsca.org1" where `name` is "ca.org1": how cryptogen and the samples name an organisation's two authorities.
bool is_identity_ca(const crypto::Certificate& root, const std::vector<tls::Root>& all) {
  const std::string& name = root.common_name();
  if (!name.starts_with("ca.")) return false;
  return std::none_of(all.begin(), all.end(),
                      [&](const tls::Root& other) { return other.certificate.common_name() == "tls" + name; });
}

void check_dates(const crypto::Certificate& certificate, const std::string& subject, const char* section,
                 sys_seconds now, int expired, int early, Report& report) {
  if (certificate.not_after() < now) {
    report.fail(section, subject, time_left(certificate.not_after(), now), tls::code_name(expired),
                expired == 10 ? "renew that CA certificate with the same key" : std::string("renew it: ") + kReenroll);
  } else if (now < certificate.not_before()) {
    report.fail(section, subject, "not valid before " + crypto::to_rfc3339(certificate.not_before()),
                tls::code_name(early), "check the clocks of the host that issued it and of this one");
  } else if (certificate.not_after() - now < days(30)) {
    report.warn(
        section, subject, time_left(certificate.not_after(), now), tls::code_name(expired),
        expired == 10 ? "renew that CA certificate with the same key" : std::string("renew it soon: ") + kReenroll);
  }
}

void check_use(const ConfiguredPair& pair, const crypto::Certificate& leaf, Report& report) {
  const std::string setting = pair.certificate.origin.to_string();
  if (leaf.is_ca()) {
    report.fail(kFiles, pair.role + " certificate", subject_of(leaf) + " is a CA's own certificate", "TLS-35",
                "have a certificate issued for this node and name it in " + setting);
    return;
  }
  if (pair.as_server && !leaf.allows(crypto::kServerAuth)) {
    report.fail(kFiles, pair.role + " certificate", "does not allow serverAuth", "TLS-32",
                "issue it again with serverAuth");
  }
  if (pair.as_server && !leaf.has_san()) {
    report.fail(kFiles, pair.role + " certificate", "has no subject alternative names; common names do not count",
                "TLS-29", "issue it again with --csr.hosts");
  }
  if (pair.as_client && !leaf.allows(crypto::kClientAuth)) {
    const std::string why = pair.as_server
                                ? "is used for dialling too (no client pair is set) and does not allow clientAuth"
                                : "does not allow clientAuth";
    report.fail(kFiles, pair.role + " certificate", why, "TLS-06",
                "enrol one from a private TLS CA and set CORE_PEER_TLS_CLIENTCERT_FILE and _CLIENTKEY_FILE (orderer: "
                "ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE, _CLIENTPRIVATEKEY)");
  }
  for (const std::string& host : pair.hosts) {
    if (!pair.as_server || !leaf.has_san()) break;
    if (auto wrong = crypto::check_host(leaf, host)) {
      report.fail(kFiles, pair.role + " certificate", *wrong, "TLS-28",
                  "others dial " + host + ": issue it again with that name, or advertise one of " + names_of(leaf));
    }
  }
}

// Own certificate against own roots: the two come from one CA more often than not, and when they do not, it should be
// known.
void check_issued_by(const ConfiguredPair& pair, const tls::Credentials& credentials,
                     const std::vector<tls::Root>& roots, sys_seconds now, Report& report) {
  crypto::CertificatePool pool, between;
  for (const tls::Root& root : roots) pool.add(root.certificate);
  const auto& chain = credentials.chain();
  for (size_t i = 1; i < chain.size(); ++i) between.add(chain[i]);
  auto answer =
      crypto::verify_chain(chain.front(), between, pool, {.now = to_system_time(now), .usages = {}, .host = ""});
  if (answer.accepted()) return;
  const crypto::ChainError& error = *answer.error;
  if (error.fault != crypto::ChainFault::kUnknownAuthority) return;  // dates and uses are told elsewhere
  if (error.candidate) {
    report.fail(
        kTrust, pair.role + " certificate",
        fmt::format(
            "its issuer {} is among the roots by name and not by key: two generations of crypto material are mixed",
            escape(chain.back().issuer(), 120)),
        "TLS-03", "copy certificate and CA certificate of one generation");
    return;
  }
  const auto trust = tls::TrustStore(roots).current();
  if (const tls::Root* relative = tls::find_root_of_family(trust.get(), chain.back())) {
    report.fail(kTrust, pair.role + " certificate",
                fmt::format("issued by {}, which is neither in its file nor among the roots: perhaps an intermediate of {} [{}]",
                            escape(chain.back().issuer(), 120), subject_of(relative->certificate), relative->from.to_string()),
                pair.as_server ? "TLS-33" : "TLS-09", "append the intermediate to " + pair.certificate.path + ", after the certificate");
    return;
  }
  report.warn(
      kTrust, pair.role + " certificate",
      fmt::format("issued by {}, which none of the files named as roots holds", escape(chain.back().issuer(), 120)),
      "TLS-02",
      "right if others' channels name that CA; otherwise add it, or the missing intermediate to the certificate's "
      "file");
}

void check_roots(const ConfiguredRoots& configured, const std::vector<tls::Root>& roots, sys_seconds now,
                 Report& report) {
  std::string names;
  for (const tls::Root& root : roots) {
    const crypto::Certificate& certificate = root.certificate;
    names += (names.empty() ? "" : ", ") + subject_of(certificate);
    if (!certificate.is_ca()) {
      report.fail(kTrust, configured.role,
                  fmt::format("{} [{}] is not a CA certificate", subject_of(certificate), root.from.to_string()),
                  "TLS-11", "put the CA's own certificate there");
    }
    if (configured.of_clients && is_identity_ca(certificate, roots)) {
      report.warn(
          kTrust, configured.role,
          fmt::format("{} [{}] looks like an identity CA: TLS certificates of that organisation would be refused",
                      subject_of(certificate), root.from.to_string()),
          "TLS-05", "name msp/tlscacerts/*.pem there, not msp/cacerts/*.pem");
    }
    check_dates(certificate, configured.role + " " + subject_of(certificate), kTrust, now, 10, 8, report);
  }
  if (!roots.empty()) report.ok(kTrust, configured.role, fmt::format("{}: {}", roots.size(), names));
}

std::optional<LoadedPair> check_pair(const ConfiguredPair& pair, sys_seconds now, Report& report) {
  auto credentials =
      tls::load_credentials({pair.certificate.path, pair.certificate.origin, pair.key.path, pair.key.origin});
  if (!credentials) {
    report.fail(kFiles, pair.role + " pair",
                to_string(Error{credentials.error().code, credentials.error().message, credentials.error().cause, ""}),
                code_of(credentials.error(), "TLS-37"), remedy_of(credentials.error(), pair.certificate.origin));
    return std::nullopt;
  }
  const crypto::Certificate& leaf = (*credentials)->leaf();
  report.ok(kFiles, pair.role + " certificate",
            fmt::format("{}  {}{}, {}", pair.certificate.path, subject_of(leaf),
                        leaf.has_san() ? ", for " + names_of(leaf) : "", time_left(leaf.not_after(), now)));
  report.ok(kFiles, pair.role + " key", pair.key.path + "  belongs to it");
  if (readable_by_others(pair.key.path)) {
    report.warn(kFiles, pair.role + " key", pair.key.path + " can be read by others", "", "chmod 600 " + pair.key.path);
  }
  check_dates(leaf, pair.role + " certificate", kFiles, now, pair.as_server ? 26 : 7, pair.as_server ? 27 : 8, report);
  check_use(pair, leaf, report);
  return LoadedPair{&pair, *credentials};
}

}  // namespace

// Loading errors have no evidence to go by, but words.
std::string code_of(const Error& error, const char* otherwise) {
  for (const auto& match : tls::recognise(error.message + ": " + error.cause + ": " + error.hint)) {
    if (!match.codes.empty()) return tls::code_name(match.codes.front());
  }
  return otherwise;
}

void check_identity(const NodeTls& node, sys_seconds now, Report& report) {
  const auto local = identity::load_local_msp(node.msp_directory, node.msp_id, to_system_time(now));
  if (!local) {
    report.fail(kFiles, "enrolment (MSP)", local.error().message, code_of(local.error(), ""),
                local.error().hint.empty() ? "look at " + node.msp_directory : local.error().hint);
    return;
  }
  const crypto::Certificate& certificate = local->signer.certificate();
  const std::string detail = fmt::format("{}  {}, {}", node.msp_directory, subject_of(certificate), time_left(certificate.not_after(), now));
  if (certificate.not_after() - now < days(30)) {
    report.warn(kFiles, "enrolment (MSP)", detail, "TLS-55", "renew it: fabric-ca-client reenroll");
  } else {
    report.ok(kFiles, "enrolment (MSP)", detail);
  }
}

std::string time_left(sys_seconds not_after, sys_seconds now) {
  auto count = std::chrono::floor<days>(not_after >= now ? not_after - now : now - not_after).count();
  std::string number = fmt::format("{} day{}", count, count == 1 ? "" : "s");
  return not_after >= now ? number + " left" : fmt::format("expired {} ago ({})", number, date_of(not_after));
}

std::string subject_of(const crypto::Certificate& certificate) { return escape(certificate.subject(), 120); }

std::string names_of(const crypto::Certificate& certificate) {
  std::vector<std::string> names = certificate.dns_names();
  for (const Bytes& address : certificate.ip_addresses()) names.push_back(crypto::ip_to_string(address));
  std::string out;
  for (size_t i = 0; i < names.size() && i < 8; ++i) out += (i == 0 ? "" : ", ") + escape(names[i], 120);
  return names.size() > 8 ? out + ", ..." : out;
}

bool readable_by_others(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

std::shared_ptr<const tls::Credentials> OwnFiles::for_dialling() const {
  for (const LoadedPair& pair : pairs) {
    if (pair.configured->as_client) return pair.credentials;
  }
  return nullptr;
}

std::shared_ptr<const tls::Credentials> OwnFiles::of_server() const {
  for (const LoadedPair& pair : pairs) {
    if (pair.configured->as_server) return pair.credentials;
  }
  return nullptr;
}

OwnFiles check_own_files(const NodeTls& node, sys_seconds now, Report& report) {
  OwnFiles own;
  if (!node.enabled) {
    report.fail(kFiles, "TLS", "off: " + node.enabled_origin.to_string(), node.is_orderer ? "TLS-40" : "",
                node.is_orderer ? "ORDERER_GENERAL_TLS_ENABLED=true" : "CORE_PEER_TLS_ENABLED=true");
  } else if (!node.client_auth) {
    report.warn(
        kFiles, "client authentication", "off: anybody may connect (" + node.client_auth_origin.to_string() + ")",
        "TLS-15",
        node.is_orderer ? "ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED=true" : "CORE_PEER_TLS_CLIENTAUTHREQUIRED=true");
  } else {
    report.ok(kFiles, "client authentication", "on: " + node.client_auth_origin.to_string());
  }
  for (const ConfiguredPair& pair : node.pairs) {
    if (auto loaded = check_pair(pair, now, report)) own.pairs.push_back(std::move(*loaded));
  }
  for (const ConfiguredRoots& configured : node.roots) {
    std::vector<tls::Root> roots;
    for (const config::File& file : configured.files) {
      auto some = tls::load_roots(file.path, file.origin);
      if (!some) {
        report.fail(kTrust, configured.role,
                    to_string(Error{some.error().code, some.error().message, some.error().cause, ""}),
                    code_of(some.error(), "TLS-22"), remedy_of(some.error(), file.origin));
        continue;
      }
      roots.insert(roots.end(), some->begin(), some->end());
    }
    if (configured.files.empty() && !configured.of_clients) {
      report.warn(kTrust, configured.role, "none", "TLS-24", "name the CA certificates of the servers in " + configured.setting.to_string());
    } else if (configured.files.empty() && configured.demanded) {
      report.warn(kTrust, configured.role, "none: only certificates of organisations in joined channels are accepted",
                  "TLS-38", "name CA certificates in " + configured.setting.to_string());
    }
    check_roots(configured, roots, now, report);
    if (configured.of_clients && (configured.role == "client roots" || configured.role.starts_with("own"))) {
      own.client_roots.insert(own.client_roots.end(), roots.begin(), roots.end());
    }
    own.all_roots.insert(own.all_roots.end(), roots.begin(), roots.end());
  }
  for (const LoadedPair& pair : own.pairs) {
    if (!own.all_roots.empty()) check_issued_by(*pair.configured, *pair.credentials, own.all_roots, now, report);
  }
  return own;
}

void list_expiry(std::vector<Ending> certificates, sys_seconds now, Report& report) {
  std::sort(certificates.begin(), certificates.end(),
            [](const Ending& a, const Ending& b) { return a.not_after < b.not_after; });
  size_t soon = 0;
  for (const Ending& one : certificates) {
    if (one.not_after - now > days(90)) break;
    ++soon;
    const std::string detail = fmt::format("{}, {}", date_of(one.not_after), time_left(one.not_after, now));
    if (one.not_after < now) {
      report.fail("expiry", one.what, detail, "", "renew it");
    } else if (one.not_after - now < days(30)) {
      report.warn("expiry", one.what, detail, "", "renew it");
    } else {
      report.ok("expiry", one.what, detail);
    }
  }
  if (soon == 0 && !certificates.empty()) {
    const Ending& next = certificates.front();
    report.ok("expiry", "next",
              fmt::format("{} on {}, {}", next.what, date_of(next.not_after), time_left(next.not_after, now)));
  }
}

}  // namespace selvage::tools::doctor
