// What an Msp holds, shared by its set-up (msp_setup.cc), its answers (msp.cc) and the checks in between (msp_chain.cc).
// Private to identity/.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/chain.h"
#include "crypto/revocation_list.h"
#include "identity/msp.h"

namespace selvage::identity {

// An organizational unit with the hash over the certificates above the identity that carries it.
struct OrgUnit {
  std::string name;
  Bytes certifiers;  // empty in a node OU: any certifier
};

using Chain = std::vector<crypto::Certificate>;  // leaf first, root last

struct Msp::State {
  std::string mspid;
  MspVersion version = MspVersion::kV1_4_3;
  std::vector<crypto::Certificate> roots, intermediates, admins, tls_roots, tls_intermediates;
  crypto::CertificatePool root_pool, intermediate_pool;
  std::set<Bytes> inner_nodes;  // SHA-256 of CAs that have CAs below them: they may not issue identities
  std::vector<crypto::RevocationList> revocations;
  std::map<std::string, std::vector<Bytes>> units;  // OU -> certifiers
  bool node_ous = false;
  std::optional<OrgUnit> client, peer, admin, orderer;
  bool sha384_identifiers = false;

  [[nodiscard]] bool supports(crypto::KeyAlgorithm algorithm) const;
  // First PEM block of any label, as Go's pem.Decode.
  [[nodiscard]] static Result<crypto::Certificate> parse(BytesView pem);
  // The certificate with its signature in low-S form; proves its chain on the way. Fabric quirk: msp/mspimpl.go
  // sanitizeCert.
  [[nodiscard]] Result<crypto::Certificate> sanitize(const crypto::Certificate& certificate) const;
  // The only chain to a root of `roots`, as of the certificate's own NotBefore + 1 s.
  [[nodiscard]] Result<Chain> unique_chain(const crypto::Certificate& certificate,
                                           const crypto::CertificatePool& anchors) const;
  // The same, refused when a CA that has CAs below it issued the certificate (or is it, for an intermediate).
  [[nodiscard]] Result<Chain> validation_chain(const crypto::Certificate& certificate, bool intermediate) const;
  [[nodiscard]] Result<Chain> identity_chain(const crypto::Certificate& certificate) const;
  [[nodiscard]] Status check_revocation(const crypto::Certificate& certificate, const Chain& chain) const;
  // Hash over the chain above an identity: OrgUnit::certifiers.
  [[nodiscard]] Bytes certifiers_of(const Chain& chain, size_t from) const;
  // Empty when there is no chain.
  [[nodiscard]] std::vector<OrgUnit> units_of(const crypto::Certificate& certificate) const;
  [[nodiscard]] Status check_units(const crypto::Certificate& certificate) const;
  [[nodiscard]] Status validate(const crypto::Certificate& certificate) const;
  [[nodiscard]] bool is_admin_certificate(const crypto::Certificate& certificate) const;
};

}  // namespace selvage::identity
