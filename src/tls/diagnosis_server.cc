#include <fmt/format.h>

#include <algorithm>

#include "tls/diagnosis_parts.h"

// What a server says of a client that it refused, or that refused it.
namespace selvage::tls {
namespace {

using crypto::ChainFault;

std::string who(const Evidence& seen) { return "the client " + host_of(seen.peer_address); }

std::string roots_setting(const Evidence& seen) {
  return setting_or(seen.server_policy.client_roots_setting, "this listener's client root CAs");
}

std::vector<std::string> root_names(const Evidence& seen) {
  std::vector<std::string> names;
  if (!seen.trust) return names;
  for (const auto& root : seen.trust->pool().certificates()) names.push_back(root.common_name());
  return names;
}

const Root* find_root_named(const Evidence& seen, BytesView subject) {
  if (!seen.trust) return nullptr;
  for (const Root& root : seen.trust->roots()) {
    if (root.certificate.subject_der() == subject) return &root;
  }
  return nullptr;
}

// The first root that is an organisation's identity CA, by the names that cryptogen and Fabric's samples give, while its TLS
// CA is not trusted.
const Root* find_identity_root(const Evidence& seen) {
  if (!seen.trust) return nullptr;
  auto names = root_names(seen);
  for (const Root& root : seen.trust->roots()) {
    auto twin = tls_twin_of(root.certificate.common_name());
    if (twin && std::find(names.begin(), names.end(), *twin) == names.end()) return &root;
  }
  return nullptr;
}

// The identity CA among the roots whose twin issued `top`.
const Root* find_identity_ca_of(const Evidence& seen, const crypto::Certificate& top) {
  if (!seen.trust) return nullptr;
  std::string issuer = top.issuer().substr(0, top.issuer().find(','));
  for (const Root& root : seen.trust->roots()) {
    auto twin = tls_twin_of(root.certificate.common_name());
    if (twin && "CN=" + *twin == issuer) return &root;
  }
  return nullptr;
}

Diagnosis no_certificate(const Evidence& seen) {
  std::string demand = seen.server_policy.client_auth_setting.key.empty()
                           ? ""
                           : " (" + seen.server_policy.client_auth_setting.to_string() + ")";
  if (const Root* root = find_identity_root(seen)) {
    return diagnose(seen, "TLS-05", Fault::kServer,
                    fmt::format("{} sent no client certificate, and this listener requires one{}. It accepts {} [{}], which "
                                "looks like an identity CA: libraries withhold a TLS certificate whose issuer is not listed.",
                                who(seen), demand, subject_of(root->certificate), root->from.to_string()),
                    fmt::format("put the organisation's TLS CA ({}, usually msp/tlscacerts) into {}",
                                escape(*tls_twin_of(root->certificate.common_name()), 120), roots_setting(seen)));
  }
  return diagnose(
      seen, "TLS-01", Fault::kClient,
      fmt::format("{} sent no client certificate, and this listener requires one{}. It accepts issuers: {}. If that client is "
                  "configured with one, its library withheld it because the issuer is not in this list.",
                  who(seen), demand, list_roots(seen.trust.get())),
      fmt::format("give the client a TLS certificate and key from one of these CAs (peer CLI: --clientauth --certfile F "
                  "--keyfile F, or CORE_PEER_TLS_CLIENTCERT_FILE and _CLIENTKEY_FILE), or add its CA to {}",
                  roots_setting(seen)));
}

Diagnosis unknown_authority(const Evidence& seen, const crypto::ChainError& error) {
  const crypto::Certificate& leaf = seen.peer_chain.front();
  const crypto::Certificate& top = error.culprit ? *error.culprit : leaf;
  if (error.candidate) {
    const Root* root = find_root_named(seen, error.candidate->subject_der());
    std::string place = root == nullptr ? "sent by the client" : root->from.to_string();
    if (error.candidate_text.find("insecure algorithm") != std::string::npos) {
      return diagnose(seen, "TLS-12", Fault::kClient,
                      fmt::format("the certificate {} of {} is signed with {}, which is refused.", subject_of(top), who(seen),
                                  crypto::name_of(top.signature_algorithm())),
                      "issue it again with SHA-256");
    }
    if (error.candidate_text.find("parent certificate cannot sign") != std::string::npos) {
      return diagnose(seen, "TLS-11", Fault::kServer,
                      fmt::format("the trusted certificate {} [{}] has the name of the issuer but is not a CA "
                                  "(basicConstraints, keyUsage).",
                                  subject_of(*error.candidate), place),
                      fmt::format("put the CA's own certificate into {}", roots_setting(seen)));
    }
    return diagnose(
        seen, "TLS-03", Fault::kUnknown,
        fmt::format("the issuer name {} matches a trusted CA [{}] but its key does not: trusted key id {} (from {}), the "
                    "certificate of {} says {} (from {}). Two generations of crypto material are mixed.",
                    issuer_of(top), place, key_id(error.candidate->subject_key_id()),
                    date_of(error.candidate->not_before()), who(seen), key_id(top.authority_key_id()),
                    date_of(top.not_before())),
        "copy the CA certificate and the client's certificate from the same generation to both sides");
  }
  if (looks_like_enrolment(leaf)) {
    return diagnose(seen, "TLS-04", Fault::kClient,
                    fmt::format("{} sent an enrolment certificate ({}, issued by {}, no TLS key usage); TLS needs one from a "
                                "TLS CA.",
                                who(seen), subject_of(leaf), issuer_of(leaf)),
                    "on the client use .../tls/client.crt, not .../msp/signcerts/cert.pem");
  }
  if (const Root* identity = find_identity_ca_of(seen, top)) {
    return diagnose(seen, "TLS-05", Fault::kServer,
                    fmt::format("the certificate of {} was issued by {}; {} is trusted [{}], which is the identity CA of the "
                                "same organisation.",
                                who(seen), issuer_of(top), subject_of(identity->certificate), identity->from.to_string()),
                    fmt::format("put the TLS CA (usually msp/tlscacerts) into {}", roots_setting(seen)));
  }
  if (leaf.is_self_issued()) {
    return diagnose(seen, "TLS-02", Fault::kClient,
                    fmt::format("the certificate {} of {} is signed by itself. Some libraries (Fabric's Node SDK among them) make such a "
                                "one when no TLS certificate is configured.",
                                subject_of(leaf), who(seen)),
                    "give the client a TLS certificate and key from one of the trusted CAs (Node SDK: tlsInfo or clientTlsIdentity)");
  }
  const Root* relative = top.is_self_issued() ? nullptr : find_root_of_family(seen.trust.get(), top);
  if (relative != nullptr) {
    return diagnose(seen, "TLS-09", Fault::kClient,
                    fmt::format("the issuer {} of the certificate {} is neither in the chain that {} sent ({} certificate{}) nor among "
                                "the trusted roots; {} is trusted [{}].",
                                issuer_of(top), subject_of(top), who(seen), seen.peer_chain.size(),
                                seen.peer_chain.size() == 1 ? "" : "s", subject_of(relative->certificate),
                                relative->from.to_string()),
                    "if it is an intermediate of that CA, append it on the client: cat client.crt ica.crt > client-chain.crt");
  }
  return diagnose(seen, "TLS-02", Fault::kClient,
                  fmt::format("the certificate {} of {} was issued by {} (depth {}), which is not trusted here.", subject_of(leaf),
                              who(seen), issuer_of(top), error.depth),
                  fmt::format("use a client certificate from one of the trusted CAs, or add {} to {}", issuer_of(top),
                              roots_setting(seen)));
}

Diagnosis refused_chain(const Evidence& seen, const crypto::ChainError& error) {
  const crypto::Certificate& leaf = seen.peer_chain.front();
  const crypto::Certificate& culprit = error.culprit ? *error.culprit : leaf;
  std::string shifted;
  if (error.checked_at + std::chrono::seconds(1) < seen.now) {
    shifted = fmt::format(" (held against {}, which is now less the configured time shift)",
                          crypto::to_rfc3339(std::chrono::floor<std::chrono::seconds>(error.checked_at)));
  }
  switch (error.fault) {
    case ChainFault::kUnknownAuthority: return unknown_authority(seen, error);
    case ChainFault::kExpired:
      if (error.depth > 0) {
        const Root* root = find_root_named(seen, culprit.subject_der());
        return diagnose(seen, "TLS-10", root == nullptr ? Fault::kClient : Fault::kServer,
                        fmt::format("the CA certificate {} [{}] (depth {}) expired on {}; the client's own certificate {} is "
                                    "fine until {}{}.",
                                    subject_of(culprit), root == nullptr ? "sent by the client" : root->from.to_string(),
                                    error.depth, date_of(culprit.not_after()), subject_of(leaf), date_of(leaf.not_after()),
                                    shifted),
                        fmt::format("renew that CA certificate with the same key and put it into {}",
                                    root == nullptr ? "the client's chain" : roots_setting(seen)));
      }
      return diagnose(seen, "TLS-07", Fault::kClient,
                      fmt::format("the client certificate {} (serial {}, issuer {}) of {} expired on {}, {} ago{}.",
                                  subject_of(leaf), leaf.serial_hex().substr(0, 40), issuer_of(leaf), host_of(seen.peer_address),
                                  date_of(leaf.not_after()), days_between(leaf.not_after(), error.checked_at), shifted),
                      "renew it on the client; with Fabric CA: fabric-ca-client reenroll --enrollment.profile tls "
                      "--csr.keyrequest.reusekey");
    case ChainFault::kNotYetValid:
      return diagnose(
          seen, "TLS-08", Fault::kUnknown,
          fmt::format("the {} {} becomes valid on {}; this host's clock says {}{}.",
                      error.depth == 0 ? "client certificate" : "CA certificate", subject_of(culprit),
                      crypto::to_rfc3339(culprit.not_before()),
                      crypto::to_rfc3339(std::chrono::floor<std::chrono::seconds>(error.checked_at)), shifted),
          "check the clocks (NTP) of the host that issued it and of this one");
    case ChainFault::kIncompatibleUsage:
      return diagnose(seen, "TLS-06", Fault::kClient,
                      fmt::format("the {} {} does not allow clientAuth; mutual TLS needs it.",
                                  error.depth == 0 ? "client's certificate" : "CA certificate", subject_of(culprit)),
                      "use a client certificate with the extended key usage clientAuth from a private TLS CA (public CAs no "
                      "longer issue it); a peer takes it from CORE_PEER_TLS_CLIENTCERT_FILE and _CLIENTKEY_FILE");
    default:
      return diagnose(seen, "TLS-00", Fault::kClient,
                      fmt::format("the certificate {} at depth {} was refused: {}.", subject_of(culprit), error.depth,
                                  escape(error.text, 300)),
                      "");
  }
}

// The client said no to us, with an alert or by going away.
Diagnosis refused_by_client(const Evidence& seen) {
  std::string said = fmt::format("{} refused our certificate with the alert \"{}\"", who(seen), alert_text(*seen.alert_received));
  if (!seen.our_chain.empty()) {
    const crypto::Certificate& leaf = seen.our_chain.front();
    if (to_system_time(leaf.not_after()) < seen.now) {
      return diagnose(seen, "TLS-26", Fault::kServer,
                      fmt::format("{}: {} expired on {}, {} ago.", said, our_certificate(seen), date_of(leaf.not_after()),
                                  days_between(leaf.not_after(), seen.now)),
                      "renew it; no client will connect before");
    }
    if (to_system_time(leaf.not_before()) > seen.now) {
      return diagnose(seen, "TLS-27", Fault::kServer,
                      fmt::format("{}: {} becomes valid on {} only.", said, our_certificate(seen), date_of(leaf.not_before())),
                      "check the clocks of the host that issued it and of this one");
    }
    if (!leaf.allows(crypto::kServerAuth)) {
      return diagnose(seen, "TLS-32", Fault::kServer, said + ": " + our_certificate(seen) + " is not for serverAuth.",
                      "issue it with the extended key usage serverAuth");
    }
    if (leaf.is_ca()) {
      return diagnose(seen, "TLS-35", Fault::kServer, said + ": " + our_certificate(seen) + " is a CA's own certificate.",
                      "have a certificate issued for this node by that CA, and name it in " +
                          setting_or(seen.our_files.certificate_origin, "the certificate's setting"));
    }
    if (leaf.dns_names().empty() && leaf.ip_addresses().empty()) {
      return diagnose(seen, "TLS-29", Fault::kServer,
                      said + ": " + our_certificate(seen) + " names no host in its subject alternative names.",
                      "issue it with the names that clients dial (--csr.hosts)");
    }
    if (!seen.sni.empty() && crypto::check_host(leaf, seen.sni)) {
      return diagnose(seen, "TLS-28", Fault::kClient,
                      fmt::format("{}: it dialled {}, and {} is valid for {} only.", said, escape(seen.sni, 120),
                                  our_certificate(seen), list(leaf.dns_names(), "IP addresses")),
                      "the client must dial one of these names or override it, or issue the certificate with that name");
    }
  }
  // TLS has no way to ask for an address: who dials one names nobody.
  if (!seen.our_chain.empty() && seen.sni.empty() && seen.our_chain.front().ip_addresses().empty()) {
    return diagnose(seen, "TLS-30", Fault::kClient,
                    fmt::format("{}: it named no host, so it dialled an address, and {} holds names only: {}.", said,
                                our_certificate(seen), list(seen.our_chain.front().dns_names(), "none")),
                    "the client must dial one of these names or override it, or issue the certificate with that address "
                    "(--csr.hosts)");
  }
  if (!seen.other_key_expected.empty()) {
    return diagnose(seen, "TLS-51", Fault::kUnknown,
                    said + ". If it is another orderer: " + seen.other_key_expected + ".",
                    "renewed without reusing the key? Put the old pair back (General.TLS.Certificate, or General.Cluster.ServerCertificate), "
                    "or update server_tls_cert and client_tls_cert of this consenter: selvage rotate orderer. If it is a client: look at its "
                    "CA file and at the name it dials (TLS-25)");
  }
  return diagnose(seen, "TLS-25", Fault::kClient,
                  said + ": its CA file does not hold our issuer" +
                      (seen.our_chain.empty() ? "" : " " + issuer_of(seen.our_chain.back())) +
                      ", or it dialled a name that our certificate does not have" +
                      (seen.server_policy.listener == "Orderer"
                           ? ", or it is an orderer of a channel that names another key for us (TLS-51)."
                           : "."),
                  "look at the client's CA file and at the name it dials; nothing is to be changed here unless many clients do "
                  "this",
                  false);
}

// Somebody who is no chaincode of this peer came to the listener for it.
bool at_chaincode_listener(const Evidence& seen) {
  return !seen.our_chain.empty() && is_of_chaincode_authority(seen.our_chain.front());
}

Diagnosis no_chaincode(const Evidence& seen) {
  return diagnose(seen, "TLS-45", Fault::kClient,
                  fmt::format("{} came to the listener for chaincode, whose CA this peer makes at each start: only chaincode that "
                              "this peer has started knows it and has a certificate of it.",
                              who(seen)),
                  "dial the peer's main listener (peer.listenAddress, 7051 by custom)");
}

bool about_our_certificate(int alert) {
  return alert == kAlertBadCertificate || alert == kAlertUnknownCa || alert == kAlertCertificateExpired ||
         alert == kAlertCertificateUnknown || alert == kAlertUnsupportedCertificate;
}

}  // namespace

Diagnosis explain_as_server(const Evidence& seen) {
  const bool refused_us = seen.alert_received && about_our_certificate(*seen.alert_received);
  if (at_chaincode_listener(seen) && (refused_us || seen.refusal)) return no_chaincode(seen);
  if (seen.refusal) {
    switch (seen.refusal->kind) {
      case Refusal::Kind::kNoCertificate: return no_certificate(seen);
      case Refusal::Kind::kChain:
        if (seen.refusal->chain && !seen.peer_chain.empty()) return refused_chain(seen, *seen.refusal->chain);
        break;
      case Refusal::Kind::kMalformed:
        return diagnose(seen, "TLS-18", Fault::kClient, who(seen) + " sent a certificate that cannot be read: " + escape(seen.error, 200) + ".",
                        "keys must be ECDSA on P-256, P-384 or P-521, RSA or Ed25519; issue the certificate again");
      case Refusal::Kind::kRevoked:
        return diagnose(seen, "TLS-14", Fault::kClient,
                        fmt::format("{} presented {} (serial {}), which is {}.", who(seen), subject_of(seen.peer_chain.front()),
                                    seen.peer_chain.front().serial_hex(),
                                    escape(seen.error.substr(seen.error.find("revoked")), 200)),
                        "have a new certificate issued; if it was taken back by mistake, take it off the organisation's list in "
                        "the channel's configuration");
      case Refusal::Kind::kOtherName: {
        const crypto::Certificate& leaf = seen.peer_chain.front();
        std::vector<std::string> names = leaf.dns_names();
        names.insert(names.end(), leaf.uris().begin(), leaf.uris().end());
        return diagnose(seen, "TLS-58", Fault::kClient,
                        fmt::format("{} presented {}, whose names ({}) are none of those that may connect to this listener.",
                                    who(seen), subject_of(leaf), list(names, "no DNS or URI name")),
                        "add one of them to " + setting_or(seen.server_policy.client_names_setting, "the listener's client names") +
                            ", or have a certificate issued with a name that is there");
      }
      case Refusal::Kind::kPinned: break;
    }
  }
  if (refused_us) return refused_by_client(seen);
  if (!seen.versions_offered.empty() && seen.error.find("unsupported versions") != std::string::npos) {
    return diagnose(seen, "TLS-48", Fault::kClient,
                    who(seen) + " offers " + list(seen.versions_offered, "no version that we know") + "; we accept TLS 1.2 and 1.3.",
                    "update the client's TLS library");
  }
  if (seen.error.find("no cipher suite") != std::string::npos) {
    return diagnose(seen, "TLS-48", Fault::kClient,
                    who(seen) + " offers only " + list(seen.ciphers_offered, "nothing") +
                        "; we accept TLS 1.3, and in TLS 1.2 AES-GCM with ECDHE or RSA.",
                    "let the client offer AES-GCM suites");
  }
  if (seen.error.find("unsupported application protocols") != std::string::npos) {
    return diagnose(seen, "TLS-44", Fault::kClient,
                    who(seen) + " wants to speak " + list(seen.alpn_offered, "nothing") + "; this listener speaks " +
                        list(seen.server_policy.alpn, "anything") + ".",
                    "dial the port for that protocol: gRPC and HTTPS (operations, admin) have different ones");
  }
  if (seen.error.find("does not look like a TLS handshake") != std::string::npos && !seen.first_bytes.empty()) {
    const std::string sent = describe_plaintext(seen.first_bytes, false);
    const std::string what = "this listener speaks TLS, and " + host_of(seen.peer_address) + " is " + sent + ".";
    const auto& alpn = seen.server_policy.alpn;
    if (sent.starts_with("a plaintext HTTP client") && std::find(alpn.begin(), alpn.end(), "http/1.1") != alpn.end()) {
      return diagnose(seen, "TLS-46", Fault::kClient, what,
                      "https:// in place of http://; osnadmin: --ca-file --client-cert --client-key");
    }
    return diagnose(seen, "TLS-42", Fault::kClient, what,
                    "switch TLS on in the client: CORE_PEER_TLS_ENABLED=true, --tls, grpcs://, https://");
  }
  if (seen.error == "EOF" || seen.error.find("connection reset") != std::string::npos) {
    if (seen.handshake_done) {  // an ordinary end of an ordinary connection
      Diagnosis answer = undecided(seen);
      answer.noise = true;
      return answer;
    }
    if (seen.first_bytes.empty()) {
      Diagnosis answer = diagnose(seen, "TLS-47", Fault::kNetwork,
                                  host_of(seen.peer_address) + " opened a connection and closed it without a word: a health "
                                                               "probe or port scan?",
                                  "point probes at /healthz of the operations listener", false);
      answer.noise = true;
      return answer;
    }
    Diagnosis answer = undecided(seen);
    answer.cause = who(seen) +
                   " went away in the middle of the handshake without saying why. Clients on Node.js and gRPC's C core do so "
                   "when they refuse our certificate: their CA file, or the name they dial.";
    return answer;
  }
  return undecided(seen);
}

}  // namespace selvage::tls
