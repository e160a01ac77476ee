#include <fmt/format.h>

#include <algorithm>

#include "tls/diagnosis_parts.h"

// What a client says of a server that it refused, or that refused it.
namespace selvage::tls {
namespace {

using crypto::ChainFault;

std::string server(const Evidence& seen) { return seen.peer_address.empty() ? "the server" : seen.peer_address; }

std::string ca_setting(const Evidence& seen) {
  return setting_or(seen.client_policy.roots_setting, "the CA file for this server");
}

std::string how_to_give_a_certificate(const Evidence& seen) {
  if (!seen.client_policy.certificate_setting.key.empty()) return "set " + seen.client_policy.certificate_setting.to_string();
  if (seen.client_policy.is_cli) {
    return "for an orderer add --clientauth --certfile F --keyfile F; for a peer set CORE_PEER_TLS_CLIENTAUTHREQUIRED=true and "
           "CORE_PEER_TLS_CLIENTCERT_FILE / CORE_PEER_TLS_CLIENTKEY_FILE";
  }
  return "configure a TLS certificate and key for this connection";
}

bool is_address(const std::string& host) { return crypto::ip_from_string(host).has_value(); }

std::vector<std::string> hosts_of(const crypto::Certificate& leaf) {
  std::vector<std::string> names = leaf.dns_names();
  for (const Bytes& address : leaf.ip_addresses()) names.push_back(crypto::ip_to_string(address));
  return names;
}

Diagnosis chaincode_listener(const Evidence& seen) {
  return diagnose(seen, "TLS-45", Fault::kClient,
                  server(seen) + " is a peer's listener for chaincode: its certificate is from a CA that the peer makes at each start.",
                  "dial the peer's main listener (peer.listenAddress, 7051 by custom)");
}

// As in Go, names are held against the certificate before anybody's trust in it is asked.
bool issuer_is_trusted(const Evidence& seen) {
  if (!seen.trust) return false;
  const auto& roots = seen.trust->roots();
  return std::any_of(roots.begin(), roots.end(), [&](const Root& root) {
    return root.certificate.subject_der() == seen.peer_chain.back().issuer_der();
  });
}

Diagnosis wrong_name(const Evidence& seen) {
  const crypto::Certificate& leaf = seen.peer_chain.front();
  const ClientPolicy& policy = seen.client_policy;
  const std::vector<std::string> names = hosts_of(leaf);
  std::string valid = list(names, "no name at all");
  std::string override_flag = policy.is_cli ? " or pass --ordererTLSHostnameOverride (orderer), CORE_PEER_TLS_SERVERHOSTOVERRIDE "
                                              "(peer) with one of them"
                                            : " or override the server's name with one of them";
  if (!policy.server_name_override.empty()) {
    return diagnose(seen, "TLS-34", Fault::kClient,
                    fmt::format("the override {}{} is not among the names of the server's certificate: {}.",
                                escape(policy.server_name_override, 120), in_brackets(policy.server_name_setting), valid),
                    "override with one of these names, or not at all");
  }
  if (seen.dialled_host == "0.0.0.0" || seen.dialled_host == "::") {
    return diagnose(seen, "TLS-31", Fault::kClient, seen.dialled_host + " is an address to listen on, not one to dial.",
                    "dial one of " + valid);
  }
  if (names.empty() && !is_of_chaincode_authority(leaf)) {
    if (leaf.is_ca()) {
      return diagnose(seen, "TLS-35", Fault::kServer,
                      server(seen) + " presents a CA's own certificate (" + subject_of(leaf) + ") as its server certificate.",
                      "give the server a certificate of its own");
    }
    return diagnose(seen, "TLS-29", Fault::kServer,
                    fmt::format("the certificate of {} has only the common name {}, which is ignored since 2020.", server(seen),
                                escape(leaf.common_name(), 120)),
                    "issue it again with a subject alternative name (--csr.hosts " + escape(seen.dialled_host, 120) + ")");
  }
  if (is_of_chaincode_authority(leaf)) return chaincode_listener(seen);
  if (!issuer_is_trusted(seen)) {
    return diagnose(seen, "TLS-49", Fault::kNetwork,
                    fmt::format("{} presented {} issued by {}, a certificate for {}: neither is that CA trusted nor is {} among its "
                                "names. Trusted are: {}.",
                                server(seen), subject_of(leaf), issuer_of(seen.peer_chain.back()), valid, escape(seen.dialled_host, 120),
                                list_roots(seen.trust.get())),
                    "if a proxy or ingress answers there, let it pass TLS through, chosen by SNI; else look at the address that is "
                    "dialled and at " + ca_setting(seen));
  }
  if (is_address(seen.dialled_host) && leaf.ip_addresses().empty()) {
    return diagnose(seen, "TLS-30", Fault::kClient,
                    fmt::format("{} was dialled by address, and its certificate holds names only: {}.", server(seen), valid),
                    "dial one of these names (map it in /etc/hosts)" + override_flag);
  }
  return diagnose(seen, "TLS-28", Fault::kClient,
                  fmt::format("the certificate of {} is valid for {}, not for {}.", server(seen), valid,
                              escape(seen.dialled_host, 120)),
                  "dial one of these names (map it in /etc/hosts)" + override_flag + ", or issue the certificate with this name");
}

Diagnosis unknown_authority(const Evidence& seen, const crypto::ChainError& error) {
  const crypto::Certificate& leaf = seen.peer_chain.front();
  const crypto::Certificate& top = error.culprit ? *error.culprit : leaf;
  if (error.candidate) {
    if (error.candidate_text.find("insecure algorithm") != std::string::npos) {
      return diagnose(seen, "TLS-12", Fault::kServer,
                      fmt::format("the certificate {} is signed with {}, which is refused.", subject_of(top),
                                  crypto::name_of(top.signature_algorithm())),
                      "issue it again with SHA-256");
    }
    if (error.candidate_text.find("parent certificate cannot sign") != std::string::npos) {
      return diagnose(seen, "TLS-11", Fault::kClient,
                      fmt::format("the trusted certificate {} is not a CA.", subject_of(*error.candidate)),
                      "put the CA's own certificate into " + ca_setting(seen));
    }
    return diagnose(seen, "TLS-03", Fault::kUnknown,
                    fmt::format("{} presented {} issued by {}; a CA of that name is trusted but its key is another one: trusted "
                                "key id {} (from {}), the certificate says {} (from {}). Two generations of crypto material are "
                                "mixed.",
                                server(seen), subject_of(leaf), issuer_of(top), key_id(error.candidate->subject_key_id()),
                                date_of(error.candidate->not_before()), key_id(top.authority_key_id()),
                                date_of(top.not_before())),
                    "copy the server's present CA certificate into " + ca_setting(seen));
  }
  if (is_of_chaincode_authority(leaf)) return chaincode_listener(seen);
  const Root* relative = leaf.is_self_issued() ? nullptr : find_root_of_family(seen.trust.get(), top);
  if (seen.peer_chain.size() == 1 && !leaf.is_self_issued() && seen.trust) {
    // Cryptogen's two CAs of an organisation are of one family, too; they are told apart first.
    for (const Root& root : seen.trust->roots()) {
      auto twin = tls_twin_of(root.certificate.common_name());
      if (twin && "CN=" + *twin == leaf.issuer().substr(0, leaf.issuer().find(','))) {
        return diagnose(seen, "TLS-25", Fault::kClient,
                        fmt::format("{} presented {} issued by {}; the CA given, {} [{}], is the identity CA of that organisation.",
                                    server(seen), subject_of(leaf), issuer_of(leaf), subject_of(root.certificate),
                                    root.from.to_string()),
                        fmt::format("use the certificate of {} (usually tlsca/ or msp/tlscacerts/) as {}", escape(*twin, 120),
                                    ca_setting(seen)));
      }
    }
  }
  if (relative != nullptr) {
    return diagnose(seen, "TLS-33", Fault::kServer,
                    fmt::format("{} presented {}; its issuer {} is neither in the chain that it sent ({} certificate{}) nor trusted, but "
                                "{} [{}] is.",
                                server(seen), subject_of(leaf), issuer_of(top), seen.peer_chain.size(),
                                seen.peer_chain.size() == 1 ? "" : "s", subject_of(relative->certificate), relative->from.to_string()),
                    "if it is an intermediate of that CA, the server must send it: append it to the server's certificate file "
                    "(CORE_PEER_TLS_CERT_FILE, ORDERER_GENERAL_TLS_CERTIFICATE); until then add it to " + ca_setting(seen));
  }
  return diagnose(seen, "TLS-25", Fault::kClient,
                  fmt::format("{} presented {} issued by {}; trusted are: {}.", server(seen), subject_of(leaf), issuer_of(top),
                              list_roots(seen.trust.get())),
                  fmt::format("use the CA certificate of {} as {}{}", issuer_of(top), ca_setting(seen),
                              seen.peer_chain.size() == 1
                                  ? "; if that is an intermediate of a CA you trust, the server should send it with its own (TLS-33)"
                                  : ""));
}

Diagnosis refused_server(const Evidence& seen, const crypto::ChainError& error) {
  const crypto::Certificate& leaf = seen.peer_chain.front();
  const crypto::Certificate& culprit = error.culprit ? *error.culprit : leaf;
  switch (error.fault) {
    case ChainFault::kUnknownAuthority: return unknown_authority(seen, error);
    case ChainFault::kHostname: return wrong_name(seen);
    case ChainFault::kExpired:
      if (error.depth > 0) {
        return diagnose(seen, "TLS-10", Fault::kServer,
                        fmt::format("the CA certificate {} (depth {}) expired on {}; the server's own certificate is fine until {}.",
                                    subject_of(culprit), error.depth, date_of(culprit.not_after()), date_of(leaf.not_after())),
                        "renew that CA certificate with the same key and put it into " + ca_setting(seen));
      }
      return diagnose(seen, "TLS-26", Fault::kServer,
                      fmt::format("the certificate of {} ({}) expired on {}, {} ago.", server(seen), subject_of(leaf),
                                  date_of(leaf.not_after()), days_between(leaf.not_after(), error.checked_at)),
                      "ask the server's operator to renew it; you need not change anything");
    case ChainFault::kNotYetValid:
      return diagnose(seen, "TLS-27", Fault::kUnknown,
                      fmt::format("the certificate {} becomes valid on {}; this host's clock says {}.", subject_of(culprit),
                                  crypto::to_rfc3339(culprit.not_before()),
                                  crypto::to_rfc3339(std::chrono::floor<std::chrono::seconds>(error.checked_at))),
                      "check the clocks (NTP) of the host that issued it and of this one");
    case ChainFault::kIncompatibleUsage:
      return diagnose(seen, "TLS-32", Fault::kServer,
                      fmt::format("the certificate {} of {} does not allow serverAuth.", subject_of(culprit), server(seen)),
                      "ask the server's operator for one with the extended key usage serverAuth");
    default:
      return diagnose(seen, "TLS-00", Fault::kServer,
                      fmt::format("the certificate {} at depth {} was refused: {}.", subject_of(culprit), error.depth,
                                  escape(error.text, 300)),
                      "");
  }
}

// Does the server's list name an issuer of what we present?
bool issuer_listed(const Evidence& seen) {
  return std::any_of(seen.our_chain.begin(), seen.our_chain.end(), [&](const crypto::Certificate& one) {
    return std::find(seen.acceptable_issuers.begin(), seen.acceptable_issuers.end(), one.issuer()) !=
           seen.acceptable_issuers.end();
  });
}

Diagnosis our_certificate_refused(const Evidence& seen) {
  std::string said = fmt::format("{} refused our client certificate (alert \"{}\")", server(seen), alert_text(*seen.alert_received));
  if (seen.our_chain.empty()) {
    return diagnose(seen, "TLS-01", Fault::kClient,
                    fmt::format("{} demands a client certificate and none was sent. It accepts issuers: {}.", server(seen),
                                list(seen.acceptable_issuers, "not said")),
                    how_to_give_a_certificate(seen));
  }
  const crypto::Certificate& leaf = seen.our_chain.front();
  if (to_system_time(leaf.not_after()) < seen.now) {
    return diagnose(seen, "TLS-07", Fault::kClient,
                    fmt::format("{}: {} expired on {}, {} ago.", said, our_certificate(seen), date_of(leaf.not_after()),
                                days_between(leaf.not_after(), seen.now)),
                    "renew it; with Fabric CA: fabric-ca-client reenroll --enrollment.profile tls --csr.keyrequest.reusekey");
  }
  if (to_system_time(leaf.not_before()) > seen.now) {
    return diagnose(seen, "TLS-08", Fault::kClient,
                    fmt::format("{}: {} becomes valid on {} only; this host's clock says {}.", said, our_certificate(seen),
                                crypto::to_rfc3339(leaf.not_before()),
                                crypto::to_rfc3339(std::chrono::floor<std::chrono::seconds>(seen.now))),
                    "check the clocks (NTP) of the host that issued it and of this one");
  }
  if (!leaf.allows(crypto::kClientAuth)) {
    return diagnose(seen, "TLS-06", Fault::kClient, said + ": " + our_certificate(seen) + " does not allow clientAuth.",
                    "use one with the extended key usage clientAuth from a private TLS CA");
  }
  if (seen.alert_received == kAlertCertificateRevoked) {
    return diagnose(seen, "TLS-14", Fault::kClient,
                    fmt::format("{}: {} (serial {}) is on a list of revoked certificates.", said, our_certificate(seen), leaf.serial_hex()),
                    "have a new certificate issued; the server's log names the organisation whose list it is");
  }
  if (seen.alert_received == kAlertAccessDenied) {
    std::vector<std::string> names = leaf.dns_names();
    names.insert(names.end(), leaf.uris().begin(), leaf.uris().end());
    return diagnose(seen, "TLS-58", Fault::kClient,
                    fmt::format("{}: {} is from a CA that it trusts, but has none of the names that may connect there ({}).", said,
                                our_certificate(seen), list(names, "it has no DNS or URI name")),
                    "ask the server's operator to add its name (peer.tls.clientNames, General.TLS.ClientNames), or have a certificate "
                    "issued with a name that is there");
  }
  std::string accepted = list(seen.acceptable_issuers, "not said");
  if (!seen.acceptable_issuers.empty() && !issuer_listed(seen)) {
    std::string issuer = issuer_of(seen.our_chain.back());
    if (looks_like_enrolment(leaf)) {
      return diagnose(seen, "TLS-04", Fault::kClient,
                      fmt::format("{}: {} is an enrolment certificate (issued by {}, no TLS key usage); the server accepts {}.",
                                  said, our_certificate(seen), issuer, accepted),
                      "use .../tls/client.crt, not .../msp/signcerts/cert.pem");
    }
    if (seen.trust) {
      for (const Root& root : seen.trust->roots()) {
        const crypto::Certificate& link = root.certificate;
        bool ours = link.subject_der() == seen.our_chain.back().issuer_der() && !link.is_self_issued();
        if (ours && std::find(seen.acceptable_issuers.begin(), seen.acceptable_issuers.end(), link.issuer()) !=
                        seen.acceptable_issuers.end()) {
          return diagnose(seen, "TLS-09", Fault::kClient,
                          fmt::format("{}: its issuer {} is an intermediate of {}, which the server accepts, but it is not sent "
                                      "with our certificate.",
                                      said, issuer, issuer_of(link)),
                          "append the intermediate to the certificate's file: cat client.crt ica.crt > client-chain.crt");
        }
      }
    }
    if (seen.our_chain.size() == 1 && !leaf.is_self_issued()) {
      const auto domain = [](const std::string& name) {
        std::string first = name.substr(0, name.find(','));
        size_t dot = first.find('.');
        return first.starts_with("CN=") && dot != std::string::npos ? first.substr(dot) : std::string();
      };
      const std::string own = domain(leaf.issuer());
      for (const std::string& name : seen.acceptable_issuers) {
        bool ca_of_identities = leaf.issuer().starts_with("CN=ca.") || leaf.issuer().starts_with("CN=tlsca.");
        if (own.empty() || domain(name) != own || ca_of_identities) continue;
        return diagnose(seen, "TLS-09", Fault::kClient,
                        fmt::format("{}: its issuer {} is not in what we sent (1 certificate) and not among what the server accepts, "
                                    "which is {}.",
                                    said, issuer, accepted),
                        fmt::format("if it is an intermediate of {}, append it to the certificate's file: cat client.crt ica.crt > "
                                    "client-chain.crt",
                                    escape(name, 120)));
      }
    }
    for (const std::string& name : seen.acceptable_issuers) {
      auto twin = name.starts_with("CN=") ? tls_twin_of(name.substr(3, name.find(',') - 3)) : std::nullopt;
      if (twin && "CN=" + *twin == seen.our_chain.back().issuer().substr(0, seen.our_chain.back().issuer().find(','))) {
        return diagnose(seen, "TLS-05", Fault::kServer,
                        fmt::format("{}: it was issued by {}, but the server accepts {}, which looks like the identity CA of the "
                                    "same organisation.",
                                    said, issuer, escape(name, 120)),
                        "ask the server's operator to put the TLS CA (msp/tlscacerts) into its client root CAs");
      }
    }
    return diagnose(seen, "TLS-02", Fault::kClient,
                    fmt::format("{}: {} was issued by {}; the server accepts {} (from its certificate request).", said,
                                our_certificate(seen), issuer, accepted),
                    "use a certificate from one of these CAs, or ask the server's operator to add " + issuer +
                        " to its client root CAs (orderer: ORDERER_GENERAL_TLS_CLIENTROOTCAS, peer: "
                        "CORE_PEER_TLS_CLIENTROOTCAS_FILES, or the organisation's tlscacerts in the channel)");
  }
  if (seen.alert_received == kAlertCertificateExpired) {
    return diagnose(seen, "TLS-10", Fault::kServer,
                    fmt::format("{} as expired, but it is valid until {}: the CA certificate that the server holds for {} has "
                                "expired, or the server's clock is wrong.",
                                said, date_of(leaf.not_after()), issuer_of(seen.our_chain.back())),
                    "ask the server's operator to look at the end date of that CA certificate and at the clock");
  }
  if (seen.alert_received == kAlertUnknownCa && issuer_listed(seen)) {
    return diagnose(seen, "TLS-03", Fault::kUnknown,
                    fmt::format("{}: the server lists the issuer {} but trusts another key under that name, or one that is no CA's "
                                "(ours says key id {}, from {}). Two generations of crypto material are mixed.",
                                said, issuer_of(leaf), key_id(leaf.authority_key_id()), date_of(leaf.not_before())),
                    "copy the CA certificate and the client's certificate from the same generation to both sides");
  }
  if (seen.alert_received == kAlertBadCertificate && issuer_listed(seen)) {
    return diagnose(seen, "TLS-00", Fault::kUnknown,
                    fmt::format("{}: {} is valid, allows clientAuth and was issued by {}, which the server lists.", said,
                                our_certificate(seen), issuer_of(leaf)),
                    "the server's log says why");
  }
  return diagnose(seen, "TLS-02", Fault::kClient,
                  fmt::format("{}: {} was issued by {}; the server accepts: {}.", said, our_certificate(seen), issuer_of(leaf), accepted),
                  "the server's log says why");
}

bool about_our_certificate(const Evidence& seen) {
  if (!seen.alert_received) return false;
  switch (*seen.alert_received) {
    case kAlertBadCertificate:
    case kAlertUnsupportedCertificate:
    case kAlertCertificateRevoked:
    case kAlertCertificateExpired:
    case kAlertCertificateUnknown:
    case kAlertUnknownCa:
    case kAlertAccessDenied:
    case kAlertCertificateRequired: return true;
    case kAlertHandshakeFailure: return seen.certificate_requested;  // TLS 1.2 has no alert of its own for "none sent"
    default: return false;
  }
}

}  // namespace

Diagnosis explain_as_client(const Evidence& seen) {
  if (seen.refusal) {
    if (seen.refusal->kind == Refusal::Kind::kChain && seen.refusal->chain && !seen.peer_chain.empty()) {
      return refused_server(seen, *seen.refusal->chain);
    }
    if (seen.refusal->kind == Refusal::Kind::kPinned) {
      const Error& said = seen.refusal->pinned;  // of our own words
      return diagnose(seen, "TLS-51", Fault::kUnknown,
                      server(seen) + " presents another key than the one expected of it: " + (said.cause.empty() ? said.message : said.cause) + ".",
                      said.hint.empty() ? "if its certificate was renewed with a new key, the channel configuration must be updated with it"
                                        : said.hint);
    }
    if (seen.refusal->kind == Refusal::Kind::kMalformed) {
      return diagnose(seen, "TLS-18", Fault::kServer, server(seen) + " sent a certificate that cannot be read: " + escape(seen.error, 200) + ".",
                      "");
    }
  }
  if (about_our_certificate(seen)) return our_certificate_refused(seen);
  if (seen.error.find("does not look like a TLS handshake") != std::string::npos && !seen.first_bytes.empty()) {
    return diagnose(seen, "TLS-43", Fault::kClient,
                    fmt::format("{} does not speak TLS: it is {}. TLS is off there, or that is another port.", server(seen),
                                describe_plaintext(seen.first_bytes, true)),
                    "switch TLS off in the client, or dial the TLS port");
  }
  if (seen.alert_received == kAlertProtocolVersion || seen.alert_received == kAlertHandshakeFailure) {
    return diagnose(seen, "TLS-48", Fault::kServer,
                    fmt::format("{} shares no protocol version or cipher with us (alert \"{}\"); we offer TLS 1.2 and 1.3 with AES-GCM "
                                "and ChaCha20.",
                                server(seen), alert_text(*seen.alert_received)),
                    "update the server's TLS library");
  }
  if (seen.alert_received == kAlertNoApplicationProtocol || seen.error.find("missing selected ALPN") != std::string::npos) {
    // A proxy that ends TLS often has a certificate of the right CA.
    const std::string shows = seen.peer_chain.empty() ? "" : fmt::format("; its certificate is {}", subject_of(seen.peer_chain.front()));
    return diagnose(seen, "TLS-44", Fault::kClient,
                    fmt::format("{} speaks TLS but not {}{}.", server(seen), list(seen.client_policy.alpn, "what we asked for"), shows),
                    "dial the port for that protocol: gRPC and HTTPS (operations, admin) have different ones; a proxy in between must "
                    "pass TLS through (TLS-49)");
  }
  if (seen.closed_by_peer && seen.handshake_done && seen.certificate_requested) {
    Diagnosis answer = undecided(seen);
    answer.cause = fmt::format("{} ended the connection right after the handshake without an alert that reached us. It asked for a "
                               "client certificate of {}; we sent {}.",
                               server(seen), list(seen.acceptable_issuers, "any issuer"),
                               seen.our_chain.empty() ? "none" : our_certificate(seen) + ", issued by " + issuer_of(seen.our_chain.back()));
    answer.remedy = "the server's log says why";
    return answer;
  }
  return undecided(seen);
}

}  // namespace selvage::tls
