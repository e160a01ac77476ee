#include <fmt/format.h>

#include <algorithm>

#include "tls/diagnosis_parts.h"
#include "tls/failure_count.h"

namespace selvage::tls {
namespace {

constexpr size_t kRootsShown = 8;

std::string usages_of(const crypto::Certificate& certificate) {
  std::string text;
  for (const std::string& usage : certificate.extended_key_usages()) {
    std::string name = usage == crypto::kServerAuth   ? "serverAuth"
                       : usage == crypto::kClientAuth ? "clientAuth"
                       : usage == crypto::kAnyUsage   ? "any"
                                                      : usage;
    text += (text.empty() ? "" : ",") + name;
  }
  return text.empty() ? "any" : text;
}

std::string names_of(const crypto::Certificate& certificate) {
  std::vector<std::string> names = certificate.dns_names();
  for (const Bytes& address : certificate.ip_addresses()) names.push_back(crypto::ip_to_string(address));
  return list(names, "");
}

std::string certificate_line(const Evidence& seen) {
  if (seen.peer_chain.empty()) return "";
  const crypto::Certificate& leaf = seen.peer_chain.front();
  std::string line = fmt::format("(unverified) subject {}  issuer {}  serial {}  sha256 {}  {} to {}  eku {}", subject_of(leaf),
                                 issuer_of(leaf), leaf.serial_hex().substr(0, 40), to_hex(leaf.sha256()),
                                 date_of(leaf.not_before()), date_of(leaf.not_after()), usages_of(leaf));
  if (std::string names = names_of(leaf); !names.empty()) line += "  san " + names;
  return line + fmt::format("  chain {} sent", seen.peer_chain.size());
}

std::string trust_line(const Evidence& seen) {
  if (!seen.trust || !seen.refusal) return "";
  size_t count = seen.trust->pool().certificates().size();
  return fmt::format("{} {} root{}: {}", count, seen.our_side == Side::kServer ? "client" : "server", count == 1 ? "" : "s",
                     list_roots(seen.trust.get()));
}

const char* sentence_of(Fault fault) {
  switch (fault) {
    case Fault::kClient: return "The fault is on the client's side.";
    case Fault::kServer: return "The fault is on the server's side.";
    case Fault::kNetwork: return "Something between client and server is the matter.";
    case Fault::kUnknown: break;
  }
  return "";
}

std::string go_duration(std::chrono::nanoseconds duration) {
  double nanoseconds = static_cast<double>(duration.count());
  auto trimmed = [](double value, const char* unit) {
    std::string text = fmt::format("{:.6f}", value);
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text + unit;
  };
  if (nanoseconds < 1e3) return fmt::format("{}ns", duration.count());
  if (nanoseconds < 1e6) return trimmed(nanoseconds / 1e3, "\xc2\xb5s");
  if (nanoseconds < 1e9) return trimmed(nanoseconds / 1e6, "ms");
  if (nanoseconds < 60e9) return trimmed(nanoseconds / 1e9, "s");
  auto minutes = std::chrono::floor<std::chrono::minutes>(duration);
  return fmt::format("{}m", minutes.count()) + trimmed(static_cast<double>((duration - minutes).count()) / 1e9, "s");
}

}  // namespace

Diagnosis diagnose(const Evidence& seen, const char* code, Fault fault, std::string cause, std::string remedy,
                   bool permanent) {
  Diagnosis answer;
  answer.code = code;
  answer.error = seen.error;
  answer.cause = std::move(cause);
  answer.fault = fault;
  answer.remedy = std::move(remedy);
  answer.certificate = certificate_line(seen);
  answer.trust = trust_line(seen);
  answer.permanent = permanent;
  return answer;
}

Diagnosis undecided(const Evidence& seen) {
  std::string what = seen.handshake_done ? "the connection failed after our side of the handshake was done"
                                         : "the handshake failed";
  if (seen.alert_received) {
    what += fmt::format("; the {} sent the alert \"{}\"", seen.our_side == Side::kServer ? "client" : "server",
                        alert_text(*seen.alert_received));
  }
  if (seen.closed_by_peer) what += "; the other side ended the connection without saying why";
  return diagnose(seen, "TLS-00", Fault::kUnknown, what + " (" + escape(seen.error, 200) + ")", "", false);
}

Diagnosis explain(const Evidence& seen) {
  return seen.our_side == Side::kServer ? explain_as_server(seen) : explain_as_client(seen);
}

std::string subject_of(const crypto::Certificate& certificate) {
  return certificate.subject().empty() ? "(no subject)" : escape(certificate.subject(), 160);
}
std::string issuer_of(const crypto::Certificate& certificate) {
  return certificate.issuer().empty() ? "(no issuer)" : escape(certificate.issuer(), 160);
}
std::string date_of(std::chrono::sys_seconds time) { return crypto::to_rfc3339(time).substr(0, 10); }

std::string days_between(std::chrono::sys_seconds from, SystemTime to) {
  // In seconds: a stranger's certificate may have ended before nanoseconds begin.
  auto days = std::chrono::floor<std::chrono::days>(std::chrono::floor<std::chrono::seconds>(to) - from).count();
  return fmt::format("{} day{}", days, days == 1 ? "" : "s");
}

std::string list_roots(const TrustSnapshot* trust) {
  if (trust == nullptr || trust->empty()) return "none";
  std::string text;
  size_t shown = 0;
  for (const crypto::Certificate& certificate : trust->pool().certificates()) {
    if (++shown > kRootsShown) return text + fmt::format(" and {} more", trust->pool().certificates().size() - kRootsShown);
    std::string places;  // one certificate may be trusted for several reasons
    for (const Root& root : trust->roots()) {
      if (root.certificate == certificate) places += (places.empty() ? "" : "; ") + root.from.to_string();
    }
    text += (text.empty() ? "" : ", ") + subject_of(certificate) + " [" + places.substr(0, 400) + "]";
  }
  return text;
}

std::string list(const std::vector<std::string>& names, const char* none) {
  std::string text;
  size_t shown = 0;
  for (const std::string& name : names) {
    if (++shown > kRootsShown) return text + fmt::format(" and {} more", names.size() - kRootsShown);
    text += (text.empty() ? "" : ", ") + escape(name, 120);
  }
  return text.empty() ? none : text;
}

std::string key_id(BytesView id) { return id.empty() ? "none" : to_hex(id.substr(0, 4)) + ".."; }

std::string in_brackets(const Origin& origin) { return origin.key.empty() ? "" : " (" + origin.to_string() + ")"; }

std::string setting_or(const Origin& origin, const char* otherwise) {
  return origin.key.empty() ? otherwise : origin.to_string();
}

std::string our_certificate(const Evidence& seen) {
  std::string text = seen.our_chain.empty() ? "our certificate" : "our certificate " + subject_of(seen.our_chain.front());
  std::string setting = seen.our_files.certificate_origin.to_string();
  std::string place = setting.empty()                        ? seen.our_files.certificate_path
                      : seen.our_files.certificate_path.empty() ? setting
                                                             : setting + ": " + seen.our_files.certificate_path;
  return place.empty() ? text : text + " [" + place + "]";
}

bool looks_like_enrolment(const crypto::Certificate& certificate) {
  if (!certificate.extended_key_usages().empty() || certificate.is_ca()) return false;
  if (certificate.find_extension("1.2.3.4.5.6.7.8.1") != nullptr) return true;  // attributes of Fabric's CA
  const auto& units = certificate.organizational_units();
  return std::any_of(units.begin(), units.end(), [](const std::string& unit) {
    return unit == "client" || unit == "peer" || unit == "admin" || unit == "orderer";
  });
}

std::optional<std::string> tls_twin_of(const std::string& common_name) {
  if (!common_name.starts_with("ca.")) return std::nullopt;
  return "tls" + common_name;
}

bool is_of_chaincode_authority(const crypto::Certificate& certificate) {
  const std::string& issuer = certificate.issuer();
  // Fabric quirk: its peer's authority has a serial number for a name and nothing else (common/crypto/tlsgen).
  return issuer == "CN=chaincode authority of this peer" ||
         (issuer.starts_with("SERIALNUMBER=") && issuer.find_first_of(",+") == std::string::npos);
}

std::string describe_plaintext(const std::string& bytes, bool from_server) {
  if (bytes.starts_with("PRI * HTTP/2")) return "a plaintext HTTP/2 (gRPC) client";
  if (bytes.starts_with("PROXY ") || bytes.starts_with(std::string("\r\n\r\n\0\r\nQUIT\n", 12))) {
    return "a load balancer's PROXY protocol header";
  }
  if (bytes.starts_with("HTTP/1.")) return "a plaintext HTTP server (" + escape(bytes.substr(0, bytes.find('\r')), 40) + ")";
  if (bytes.starts_with("SSH-")) return "an SSH " + std::string(from_server ? "server" : "client");
  for (const char* method : {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "CONNECT "}) {
    if (bytes.starts_with(method)) return "a plaintext HTTP client (" + escape(bytes.substr(0, bytes.find('\r')), 40) + ")";
  }
  if (from_server && bytes.size() >= 9 && bytes[3] == 4 && bytes.substr(5, 4) == std::string(4, '\0')) {
    return "a plaintext HTTP/2 (gRPC) server";
  }
  return std::string("something that is not TLS (first bytes ") + to_hex(BytesView(bytes).substr(0, 8)) + ")";
}

std::string handshake_line(const Evidence& seen) {
  if (seen.our_side == Side::kServer) {
    return "Server TLS handshake failed in " + go_duration(seen.duration) + " with error " + seen.error;
  }
  return "Client TLS handshake failed after " + go_duration(seen.duration) + " with error: " + seen.error;
}

std::string to_record(const Diagnosis& diagnosis, uint64_t seen_before, const std::string& source) {
  std::string text = "   why   " + diagnosis.code + ": " + diagnosis.cause;
  if (const char* fault = sentence_of(diagnosis.fault); *fault) text += std::string(" ") + fault;
  if (!diagnosis.certificate.empty()) text += "\n   cert  " + diagnosis.certificate;
  if (!diagnosis.trust.empty()) text += "\n   trust " + diagnosis.trust;
  if (!diagnosis.remedy.empty()) text += "\n   fix   " + diagnosis.remedy;
  if (seen_before > 0) {
    text += fmt::format("\n   seen  {} more time{} since the last such record", seen_before, seen_before == 1 ? "" : "s");
    if (!source.empty()) text += " from " + source;
  }
  return text;
}

std::string to_sentence(const Diagnosis& diagnosis) {
  return diagnosis.code + ": " + diagnosis.cause + (diagnosis.remedy.empty() ? "" : " " + diagnosis.remedy);
}

std::string to_client_sentence(const Evidence& seen, const Diagnosis& diagnosis) {
  if (seen.peer_chain.empty()) {
    return "mutual TLS: this listener requires a client certificate and you sent none (" + diagnosis.code +
           "); if you have one configured, your library withheld it because its issuer is not among those that are accepted";
  }
  const crypto::Certificate& leaf = seen.peer_chain.front();
  std::string text = fmt::format("mutual TLS: your client certificate (subject {}, issuer {}, valid {} to {}) was refused: {} ({})",
                                 subject_of(leaf), issuer_of(leaf), date_of(leaf.not_before()), date_of(leaf.not_after()),
                                 escape(seen.error, 300), diagnosis.code);
  std::vector<std::string> issuers;
  if (seen.trust) {
    for (const auto& root : seen.trust->pool().certificates()) issuers.push_back(root.subject());
  }
  return text + "; issuers that are accepted: " + list(issuers, "none");
}

log::Fields to_fields(const Evidence& seen, const Diagnosis& diagnosis, uint64_t seen_before) {
  log::Fields fields;
  auto add = [&](const char* key, std::string value) {
    if (!value.empty()) fields.emplace_back(key, std::move(value));
  };
  add("tls.code", diagnosis.code);
  add("tls.side", name_of(diagnosis.fault));
  add("tls.verdict_by", seen.alert_received ? "peer" : "us");
  if (seen.alert_sent) add("tls.alert_sent", std::to_string(*seen.alert_sent));
  if (seen.alert_received) add("tls.alert_received", std::to_string(*seen.alert_received));
  add("tls.version", seen.version);
  add("tls.sni", escape(seen.sni, 120));
  add("tls.alpn_offered", list(seen.alpn_offered, ""));
  if (!seen.peer_chain.empty()) {
    const crypto::Certificate& leaf = seen.peer_chain.front();
    add("tls.peer_cert.subject", subject_of(leaf));
    add("tls.peer_cert.issuer", issuer_of(leaf));
    add("tls.peer_cert.serial", leaf.serial_hex().substr(0, 40));
    add("tls.peer_cert.sha256", to_hex(leaf.sha256()));
    add("tls.peer_cert.not_before", crypto::to_rfc3339(leaf.not_before()));
    add("tls.peer_cert.not_after", crypto::to_rfc3339(leaf.not_after()));
    add("tls.peer_cert.eku", usages_of(leaf));
    add("tls.peer_cert.san", names_of(leaf));
  }
  add("tls.chain_len", std::to_string(seen.peer_chain.size()));
  if (seen.refusal && seen.refusal->chain) add("tls.depth", std::to_string(seen.refusal->chain->depth));
  if (!diagnosis.trust.empty()) add("tls.roots", diagnosis.trust);
  const Origin& setting = seen.our_side == Side::kServer ? seen.server_policy.client_roots_setting : seen.client_policy.roots_setting;
  add("tls.setting", setting.to_string());
  add("tls.file", seen.our_files.certificate_path);
  add("tls.why", diagnosis.cause);
  add("tls.fix", diagnosis.remedy);
  if (seen_before > 0) add("tls.count", std::to_string(seen_before + 1));
  return fields;
}

std::string host_of(const std::string& address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return address;
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

RecordLimiter::RecordLimiter(std::chrono::seconds window, size_t sources_max)
    : window_(window), sources_max_(sources_max) {}

RecordLimiter::Decision RecordLimiter::admit(const std::string& source, const std::string& code, SteadyTime now) {
  std::string key = source + " " + code;
  auto found = seen_.find(key);
  if (found == seen_.end()) {
    if (seen_.size() >= sources_max_) {
      std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.printed >= window_; });
      if (seen_.size() >= sources_max_) return {false, 0};  // a flood from everywhere: those known speak for all
    }
    seen_.emplace(std::move(key), Seen{now, 0});
    return {true, 0};
  }
  Seen& seen = found->second;
  if (now - seen.printed < window_) {
    ++seen.count;
    return {false, seen.count};
  }
  Decision decision{true, seen.count};
  seen = {now, 0};
  return decision;
}

}  // namespace selvage::tls
