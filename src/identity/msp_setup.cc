// msp.MSPConfig -> Msp, in Fabric's order of checks and with its words (msp/mspimplsetup.go).
#include <fmt/format.h>

#include <algorithm>

#include "identity/msp_state.h"
#include "msp/msp_config.pb.h"
#include "wire/marshal.h"

namespace selvage::identity {

struct MspSetup {
  const ::msp::FabricMSPConfig& config;
  Msp::State& msp;

  // A CA or admin certificate of the configuration, in low-S form.
  Result<crypto::Certificate> certificate(BytesView pem) {
    SELVAGE_TRY(crypto::Certificate parsed, Msp::State::parse(pem));
    return msp.sanitize(parsed);
  }

  Status hash_functions() {
    const auto& crypto_config = config.crypto_config();
    const std::string& family = crypto_config.signature_hash_family();
    if (!family.empty() && family != "SHA2") {
      return fail(Code::kUnimplemented, fmt::format("hash family not recognized [{}]", escape(family)),
                  "", "set crypto_config.signature_hash_family of the MSP to SHA2");
    }
    const std::string& function = crypto_config.identity_identifier_hash_function();
    if (!function.empty() && function != "SHA256" && function != "SHA384") {
      return fail(Code::kUnimplemented, fmt::format("hash function not recognized [{}]", escape(function)));
    }
    msp.sha384_identifiers = function == "SHA384";
    return {};
  }

  Status authorities() {
    if (config.root_certs().empty()) return fail(Code::kInvalidArgument, "expected at least one CA certificate");
    for (const Bytes& pem : config.root_certs()) {
      SELVAGE_TRY(crypto::Certificate parsed, Msp::State::parse(pem));
      msp.root_pool.add(parsed);
    }
    for (const Bytes& pem : config.intermediate_certs()) {
      SELVAGE_TRY(crypto::Certificate parsed, Msp::State::parse(pem));
      msp.intermediate_pool.add(parsed);
    }
    for (const Bytes& pem : config.root_certs()) {
      SELVAGE_TRY(crypto::Certificate root, certificate(pem));
      msp.roots.push_back(std::move(root));
    }
    for (const Bytes& pem : config.intermediate_certs()) {
      SELVAGE_TRY(crypto::Certificate intermediate, certificate(pem));
      msp.intermediates.push_back(std::move(intermediate));
    }
    // The pools as they are after sanitising.
    msp.root_pool = {};
    msp.intermediate_pool = {};
    for (const crypto::Certificate& root : msp.roots) msp.root_pool.add(root);
    for (const crypto::Certificate& intermediate : msp.intermediates) msp.intermediate_pool.add(intermediate);
    return {};
  }

  Status revocation_lists() {
    for (const Bytes& bytes : config.revocation_list()) {
      auto list = crypto::RevocationList::from_pem(bytes);
      if (!list) return fail(list.error().within("could not parse RevocationList"));
      msp.revocations.push_back(std::move(*list));
    }
    return {};
  }

  static Status check_authority(const crypto::Certificate& authority) {
    if (!authority.is_ca()) {
      return fail(Code::kInvalidArgument,
                  fmt::format("CA Certificate did not have the CA attribute, (SN: {})", authority.serial_hex()));
    }
    if (authority.subject_key_id().empty()) {
      return fail(Code::kInvalidArgument,
                  fmt::format("CA Certificate problem with Subject Key Identifier extension, (SN: {}): "
                              "subjectKeyIdentifier not found in certificate", authority.serial_hex()));
    }
    return {};
  }

  // Depth and revocation of a CA against a set of roots and intermediates.
  static Status check_authority_chain(const Msp::State& state, const crypto::Certificate& authority) {
    auto chain = state.unique_chain(authority, state.root_pool);
    Status answer;
    if (!chain) {
      answer = fail(chain.error().within("could not obtain certification chain"));
    } else if (chain->size() > 1) {
      answer = state.check_revocation(authority, *chain);
    }
    if (answer) return {};
    return fail(answer.error().within(fmt::format("CA Certificate is not valid, (SN: {})", authority.serial_decimal())));
  }

  Status finish_authorities() {
    for (const auto* list : {&msp.roots, &msp.intermediates}) {
      for (const crypto::Certificate& authority : *list) {
        SELVAGE_CHECK(check_authority(authority));
        SELVAGE_CHECK(check_authority_chain(msp, authority));
      }
    }
    for (const crypto::Certificate& intermediate : msp.intermediates) {
      auto chain = msp.unique_chain(intermediate, msp.root_pool);
      if (!chain) {
        return fail(chain.error().within(
            fmt::format("failed getting validation chain, (SN: {})", intermediate.serial_decimal())));
      }
      for (size_t i = 1; i < chain->size(); i++) msp.inner_nodes.insert((*chain)[i].sha256());
    }
    return {};
  }

  Status tls_authorities() {
    Msp::State tls;  // the same chain rules over the TLS roots
    for (const Bytes& pem : config.tls_root_certs()) {
      SELVAGE_TRY(crypto::Certificate root, Msp::State::parse(pem));
      tls.root_pool.add(root);
      msp.tls_roots.push_back(std::move(root));
    }
    for (const Bytes& pem : config.tls_intermediate_certs()) {
      SELVAGE_TRY(crypto::Certificate intermediate, Msp::State::parse(pem));
      tls.intermediate_pool.add(intermediate);
      msp.tls_intermediates.push_back(std::move(intermediate));
    }
    tls.revocations = msp.revocations;
    for (const auto* list : {&msp.tls_roots, &msp.tls_intermediates}) {
      for (const crypto::Certificate& authority : *list) {
        SELVAGE_CHECK(check_authority(authority));
        SELVAGE_CHECK(check_authority_chain(tls, authority));
      }
    }
    return {};
  }

  // Hash over the chain of a CA named in an OU identifier; the CA must be one of ours.
  Result<Bytes> certifiers(BytesView pem) {
    auto parsed = Msp::State::parse(pem);
    if (!parsed) return fail(parsed.error().within("Failed getting certificate"));
    auto authority = msp.sanitize(*parsed);
    if (!authority) return fail(Code::kInvalidArgument, "sanitizeCert failed " + authority.error().message);
    if (std::find(msp.roots.begin(), msp.roots.end(), *authority) != msp.roots.end()) {
      return msp.certifiers_of({*authority}, 0);
    }
    if (std::find(msp.intermediates.begin(), msp.intermediates.end(), *authority) == msp.intermediates.end()) {
      return fail(Code::kInvalidArgument, fmt::format("Failed adding OU. Certificate [{}] not in root or intermediate certs.",
                                                      escape(authority->subject())));
    }
    SELVAGE_TRY(Chain chain, msp.validation_chain(*authority, true));
    return msp.certifiers_of(chain, 0);
  }

  Status unit_identifiers() {
    for (const auto& unit : config.organizational_unit_identifiers()) {
      auto hash = certifiers(unit.certificate());
      if (!hash) {
        return fail(hash.error().within(
            fmt::format("failed getting certificate for [{}]", escape(unit.organizational_unit_identifier()))));
      }
      auto& known = msp.units[unit.organizational_unit_identifier()];
      if (std::find(known.begin(), known.end(), *hash) == known.end()) known.push_back(std::move(*hash));
    }
    return {};
  }

  Status node_unit(bool present, const ::msp::FabricOUIdentifier& from, std::optional<OrgUnit>& to) {
    if (!present) return {};
    to = OrgUnit{from.organizational_unit_identifier(), {}};
    if (!from.certificate().empty()) {
      SELVAGE_TRY(to->certifiers, certifiers(from.certificate()));
    }
    return {};
  }

  Status node_units() {
    if (!config.has_fabric_node_ous()) return {};
    const auto& ous = config.fabric_node_ous();
    msp.node_ous = ous.enable();
    if (msp.version < MspVersion::kV1_4_3) {
      if (ous.client_ou_identifier().organizational_unit_identifier().empty()) {
        return fail(Code::kInvalidArgument, "Failed setting up NodeOUs. ClientOU must be different from nil.");
      }
      if (ous.peer_ou_identifier().organizational_unit_identifier().empty()) {
        return fail(Code::kInvalidArgument, "Failed setting up NodeOUs. PeerOU must be different from nil.");
      }
      SELVAGE_CHECK(node_unit(true, ous.client_ou_identifier(), msp.client));
      return node_unit(true, ous.peer_ou_identifier(), msp.peer);
    }
    SELVAGE_CHECK(node_unit(ous.has_client_ou_identifier(), ous.client_ou_identifier(), msp.client));
    SELVAGE_CHECK(node_unit(ous.has_peer_ou_identifier(), ous.peer_ou_identifier(), msp.peer));
    SELVAGE_CHECK(node_unit(ous.has_admin_ou_identifier(), ous.admin_ou_identifier(), msp.admin));
    SELVAGE_CHECK(node_unit(ous.has_orderer_ou_identifier(), ous.orderer_ou_identifier(), msp.orderer));
    if (!msp.client && !msp.peer && !msp.admin && !msp.orderer) msp.node_ous = false;
    return {};
  }

  Status admin_certificates() {
    for (const Bytes& pem : config.admins()) {
      SELVAGE_TRY(crypto::Certificate admin, certificate(pem));
      msp.admins.push_back(std::move(admin));
    }
    if (msp.version >= MspVersion::kV1_4_3 && msp.admins.empty() && (!msp.node_ous || !msp.admin)) {
      return fail(Code::kInvalidArgument, "administrators must be declared when no admin ou classification is set", "",
                  "enable NodeOUs with an AdminOUIdentifier in the MSP's config.yaml, or put a certificate into admincerts");
    }
    return {};
  }

  bool has_unit(const crypto::Certificate& certificate, const std::optional<OrgUnit>& unit) {
    if (!unit) return false;
    const auto units = msp.units_of(certificate);
    return std::any_of(units.begin(), units.end(), [&](const OrgUnit& one) { return one.name == unit->name; });
  }

  std::string why_not_role(const std::optional<OrgUnit>& unit, const char* role) {
    return unit ? fmt::format("The identity does not contain OU [{}], MSP: [{}]", role, msp.mspid)
                : fmt::format("cannot test for classification, node ou for type [{}], not defined, msp: [{}]", role,
                              msp.mspid);
  }

  Status check_admins() {
    for (size_t i = 0; i < msp.admins.size(); i++) {
      const crypto::Certificate& admin = msp.admins[i];
      Status answer;
      if (!msp.node_ous || msp.version == MspVersion::kV1_0) {
        answer = msp.validate(admin);
      } else if (msp.version < MspVersion::kV1_4_3) {
        answer = msp.validate(admin);
        if (answer && !has_unit(admin, msp.client)) {
          answer = fail(Code::kInvalidArgument, why_not_role(msp.client, "CLIENT"));
        }
      } else if (!has_unit(admin, msp.client) && !has_unit(admin, msp.admin)) {
        return fail(Code::kInvalidArgument, fmt::format("admin {} is invalid [{},{}]", i, why_not_role(msp.client, "CLIENT"),
                                                        why_not_role(msp.admin, "ADMIN")));
      }
      if (!answer) return fail(answer.error().within(fmt::format("admin {} is invalid", i)));
    }
    return {};
  }

  Status run() {
    SELVAGE_CHECK(hash_functions());
    SELVAGE_CHECK(authorities());
    const bool v1_4_3 = msp.version >= MspVersion::kV1_4_3;
    if (!v1_4_3) SELVAGE_CHECK(admin_certificates());
    SELVAGE_CHECK(revocation_lists());
    SELVAGE_CHECK(finish_authorities());
    SELVAGE_CHECK(tls_authorities());
    SELVAGE_CHECK(unit_identifiers());
    if (msp.version != MspVersion::kV1_0) SELVAGE_CHECK(node_units());
    if (v1_4_3) SELVAGE_CHECK(admin_certificates());
    return check_admins();
  }
};

Result<std::shared_ptr<const Msp>> Msp::make(const ::msp::MSPConfig& config, MspVersion version) {
  if (config.type() != 0) {
    return fail(Code::kUnimplemented,
                fmt::format("Setup error: unsupported msp type {}; only X.509 (bccsp) MSPs are supported", config.type()));
  }
  ::msp::FabricMSPConfig fabric;
  if (!wire::parse_into(config.config(), fabric)) {
    return fail(Code::kInvalidArgument, "failed unmarshalling fabric msp config: proto: cannot parse invalid wire-format data");
  }
  auto state = std::make_unique<State>();
  state->mspid = fabric.name();
  state->version = version;
  SELVAGE_CHECK((MspSetup{fabric, *state}.run()));
  return std::shared_ptr<const Msp>(new Msp(std::move(state)));
}

}  // namespace selvage::identity
