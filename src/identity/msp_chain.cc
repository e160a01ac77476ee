// Chains, revocation and organizational units: whether a certificate belongs to an MSP.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/pem.h"
#include "identity/msp_state.h"

namespace selvage::identity {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("msp");
  return instance;
}

bool signed_with_ecdsa(const crypto::Certificate& certificate) {
  switch (certificate.signature_algorithm()) {
    case crypto::SignatureAlgorithm::kEcdsaSha1:
    case crypto::SignatureAlgorithm::kEcdsaSha256:
    case crypto::SignatureAlgorithm::kEcdsaSha384:
    case crypto::SignatureAlgorithm::kEcdsaSha512:
      return true;
    default:
      return false;
  }
}

bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty()) return false;
  bool first = true;
  while (true) {
    const size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    if (part.empty()) return false;
    if (!(first && part == "*")) {
      for (size_t i = 0; i < part.size(); i++) {
        const char c = part[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !(c == '-' && i != 0) && c != '_' && c != ':') return false;
      }
    }
    first = false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

// Fabric quirk: msp/mspimpl.go verifyLegacyNameConstraints (what Go dropped when it stopped reading common names).
bool breaks_legacy_name_constraints(const Chain& chain) {
  if (chain.size() < 2 || chain[0].has_san() || !is_host_name(chain[0].common_name())) return false;
  return std::any_of(chain.begin() + 1, chain.end(),
                     [](const crypto::Certificate& above) { return above.find_extension("2.5.29.30") != nullptr; });
}

std::string list_units(const std::vector<OrgUnit>& units) {
  std::string out = "[";
  for (const OrgUnit& unit : units) {
    if (out.size() > 1) out += ' ';
    std::string hex = to_hex(BytesView(unit.certifiers).substr(0, 8));
    for (char& c : hex) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    out += fmt::format("{}({})", unit.name, hex);
  }
  return out + "]";
}

const char* go_name(crypto::KeyAlgorithm algorithm) {
  if (crypto::is_ecdsa(algorithm)) return "ECDSA";
  if (algorithm == crypto::KeyAlgorithm::kRsa) return "RSA";
  if (algorithm == crypto::KeyAlgorithm::kEd25519) return "Ed25519";
  return "0";
}

}  // namespace

bool Msp::State::supports(crypto::KeyAlgorithm algorithm) const {
  return crypto::is_ecdsa(algorithm) || (version == MspVersion::kV3_0 && algorithm == crypto::KeyAlgorithm::kEd25519);
}

Result<crypto::Certificate> Msp::State::parse(BytesView pem) {
  const std::vector<crypto::PemBlock> blocks = crypto::parse_pem(pem);
  if (blocks.empty()) return fail(Code::kInvalidArgument, "getCertFromPem error: could not decode pem bytes");
  auto certificate = crypto::Certificate::from_der(blocks.front().der);
  if (!certificate) return fail(certificate.error().within("getCertFromPem error: failed to parse x509 cert"));
  return certificate;
}

Result<Chain> Msp::State::unique_chain(const crypto::Certificate& certificate,
                                       const crypto::CertificatePool& anchors) const {
  crypto::ChainQuestion question;
  question.now = to_system_time(certificate.not_before() + std::chrono::seconds(1));
  question.usages = {crypto::kServerAuth};  // Go's default where the caller asks for none, and Fabric asks for none
  crypto::ChainAnswer answer = crypto::verify_chain(certificate, intermediate_pool, anchors, question);
  if (!answer.accepted()) {
    return fail(Code::kInvalidArgument, "the supplied identity is not valid: " + answer.error->text);
  }
  if (answer.chains.size() != 1) {
    return fail(Code::kInvalidArgument,
                fmt::format("this MSP only supports a single validation chain, got {}", answer.chains.size()));
  }
  if (breaks_legacy_name_constraints(answer.chains[0])) {
    return fail(Code::kInvalidArgument,
                "the supplied identity is not valid: x509: issuer has name constraints but leaf doesn't have a SAN "
                "extension");
  }
  return std::move(answer.chains[0]);
}

Result<Chain> Msp::State::validation_chain(const crypto::Certificate& certificate, bool intermediate) const {
  auto chain = unique_chain(certificate, root_pool);
  if (!chain) return fail(chain.error().within("failed getting validation chain"));
  if (chain->size() < 2) {
    return fail(Code::kInvalidArgument, fmt::format("expected a chain of length at least 2, got {}", chain->size()));
  }
  if (inner_nodes.count((*chain)[intermediate ? 0 : 1].sha256()) > 0) {
    return fail(Code::kInvalidArgument,
                fmt::format("invalid validation chain. Parent certificate should be a leaf of the certification tree [{}]",
                            escape(certificate.subject())));
  }
  return chain;
}

Result<Chain> Msp::State::identity_chain(const crypto::Certificate& certificate) const {
  if (certificate.is_ca()) {
    return fail(Code::kInvalidArgument,
                "An X509 certificate with Basic Constraint: Certificate Authority equals true cannot be used as an identity");
  }
  return validation_chain(certificate, false);
}

Result<crypto::Certificate> Msp::State::sanitize(const crypto::Certificate& certificate) const {
  if (!signed_with_ecdsa(certificate)) return certificate;
  if (certificate.is_ca() && certificate.check_signature_from(certificate)) {
    SELVAGE_TRY(crypto::Certificate root, certificate.with_low_s(certificate.public_key()));
    crypto::CertificatePool itself;
    itself.add(root);
    SELVAGE_CHECK(unique_chain(root, itself));
    return root;
  }
  SELVAGE_TRY(Chain chain, unique_chain(certificate, root_pool));
  if (chain.size() <= 1) {
    return fail(Code::kInvalidArgument,
                "failed to traverse certificate verification chain for leaf or intermediate certificate, with subject " +
                    escape(certificate.subject()));
  }
  return certificate.with_low_s(chain[1].public_key());
}

Status Msp::State::check_revocation(const crypto::Certificate& certificate, const Chain& chain) const {
  const BytesView key_id = chain[1].subject_key_id();
  if (key_id.empty()) {
    return fail(Code::kInvalidArgument,
                "could not obtain Subject Key Identifier for signer cert: subjectKeyIdentifier not found in certificate");
  }
  for (const crypto::RevocationList& list : revocations) {
    if (list.authority_key_id().empty()) {
      return fail(Code::kInvalidArgument,
                  "could not obtain Authority Key Identifier for crl: authorityKeyIdentifier not found in certificate");
    }
    if (list.authority_key_id() != key_id || !list.revokes(certificate)) continue;
    // A list that the CA did not sign proves nothing.
    if (auto signed_by_ca = list.check_signature_from(chain[1]); !signed_by_ca) {
      LOG_WARN(logger(), "Invalid signature over the identified CRL, error {}", signed_by_ca.error().message);
      continue;
    }
    return fail(Code::kInvalidArgument, "The certificate has been revoked");
  }
  return {};
}

Bytes Msp::State::certifiers_of(const Chain& chain, size_t from) const {
  Bytes all;
  for (size_t i = from; i < chain.size(); i++) all += chain[i].der();
  return sha384_identifiers ? crypto::sha384(all) : crypto::sha256(all);
}

std::vector<OrgUnit> Msp::State::units_of(const crypto::Certificate& certificate) const {
  std::vector<OrgUnit> units;
  auto chain = identity_chain(certificate);
  if (!chain) return units;
  const Bytes certifiers = certifiers_of(*chain, 1);
  for (const std::string& name : certificate.organizational_units()) units.push_back({name, certifiers});
  return units;
}

Status Msp::State::check_units(const crypto::Certificate& certificate) const {
  const bool v1_1 = version != MspVersion::kV1_0;
  const bool classify = node_ous && v1_1;
  if (this->units.empty() && !classify) return {};
  const std::vector<OrgUnit> found = units_of(certificate);
  if (!this->units.empty()) {
    const bool known = std::any_of(found.begin(), found.end(), [this](const OrgUnit& unit) {
      auto entry = this->units.find(unit.name);
      return entry != this->units.end() &&
             std::find(entry->second.begin(), entry->second.end(), unit.certifiers) != entry->second.end();
    });
    if (!known && found.empty()) {
      return fail(Code::kInvalidArgument, "the identity certificate does not contain an Organizational Unit (OU)");
    }
    if (!known) {
      return fail(Code::kInvalidArgument, fmt::format("none of the identity's organizational units {} are in MSP {}",
                                                      list_units(found), mspid));
    }
  }
  if (!classify) return {};
  const bool v1_4_3 = version >= MspVersion::kV1_4_3;
  int roles = 0;
  for (const OrgUnit& unit : found) {
    const OrgUnit* node = nullptr;
    for (const auto* candidate : {&client, &peer, &admin, &orderer}) {
      if (!v1_4_3 && (candidate == &admin || candidate == &orderer)) continue;
      if (*candidate && (*candidate)->name == unit.name) node = &**candidate;
    }
    if (node == nullptr) continue;
    if (!node->certifiers.empty() && node->certifiers != unit.certifiers) {
      return fail(Code::kInvalidArgument,
                  fmt::format("certifiersIdentifier does not match: {}, MSP: [{}]", list_units(found), mspid));
    }
    roles++;
  }
  if (roles == 1) return {};
  if (v1_4_3) {
    return fail(Code::kInvalidArgument,
                roles == 0 ? fmt::format("the identity does not have an OU that resolves to client, peer, orderer, or "
                                         "admin role. OUs: {}, MSP: [{}]", list_units(found), mspid)
                           : fmt::format("the identity must have a client, a peer, an orderer, or an admin OU role to be "
                                         "valid, not a combination of them. OUs: {}, MSP: [{}]", list_units(found), mspid));
  }
  return fail(Code::kInvalidArgument,
              roles == 0 ? fmt::format("the identity does not have an OU that resolves to client or peer. OUs: {}, MSP: [{}]",
                                       list_units(found), mspid)
                         : fmt::format("the identity must be a client or a peer identity to be valid, not a combination "
                                       "of them. OUs: {}, MSP: [{}]", list_units(found), mspid));
}

Status Msp::State::validate(const crypto::Certificate& certificate) const {
  const crypto::KeyAlgorithm algorithm = certificate.public_key().algorithm();
  if (!supports(algorithm)) {
    return fail(Code::kInvalidArgument, fmt::format("could not validate identity's public key algorithm: {} is not supported",
                                                    go_name(algorithm)));
  }
  auto chain = identity_chain(certificate);
  if (!chain) return fail(chain.error().within("could not obtain certification chain"));
  if (auto revoked = check_revocation(certificate, *chain); !revoked) {
    return fail(revoked.error().within("could not validate identity against certification chain"));
  }
  if (auto roles = check_units(certificate); !roles) {
    return fail(roles.error().within("could not validate identity's OUs"));
  }
  return {};
}

bool Msp::State::is_admin_certificate(const crypto::Certificate& certificate) const {
  return std::find(admins.begin(), admins.end(), certificate) != admins.end();
}

}  // namespace selvage::identity
