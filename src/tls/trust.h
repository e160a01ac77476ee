// Whom we believe: root certificates, each with where it came from, in immutable snapshots that follow the files and the
// channels' configurations while the process runs.
//
//   store.set_source("files", roots_of(files));
//   store.set_source("channel ch1", roots_of(bundle));   // at every config block of ch1
//   store.remove_source("channel ch1");                  // the channel was left
//
// A change applies to new handshakes only; open connections are not asked again (as in Fabric).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/origin.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/chain.h"
#include "crypto/revocation_list.h"

namespace selvage::tls {

// Why a root is trusted, to be printed beside its name.
struct Provenance {
  enum class Kind { kFile, kChannel, kMade /* by this process */ };
  Kind kind = Kind::kMade;
  Origin origin;            // kFile: the setting
  std::string file;         // kFile
  std::string channel;      // kChannel
  std::string msp_id;       // kChannel
  bool intermediate = false;  // kChannel: from tls_intermediate_certs
  int index = 0;            // place in its file or list, from 0

  // "peer.tls.rootcert.file: /etc/fabric/tls/ca.crt", "channel ch1, Org2MSP", "made by this process".
  [[nodiscard]] std::string to_string() const;
};

struct Root {
  crypto::Certificate certificate;
  Provenance from;
};

// Certificates that an organisation has taken back. Held against TLS clients only where ServerPolicy::revocation is on.
struct Revocations {
  crypto::RevocationList list;
  Provenance from;
};

// Roots out of PEM text: every block must be a certificate (Fabric and Go differ on this by place; a silent skip is what
// users suffer from). Errors name block and line; `from.index` is filled in.
[[nodiscard]] Result<std::vector<Root>> roots_from_pem(std::string_view pem, const Provenance& from);
// Roots of one organisation in a channel's configuration; each entry is a PEM text. Entries that do not parse are an error.
[[nodiscard]] Result<std::vector<Root>> roots_from_channel(const std::string& channel, const std::string& msp_id,
                                                           const std::vector<Bytes>& tls_root_certs,
                                                           const std::vector<Bytes>& tls_intermediate_certs);

// Immutable. Any thread.
class TrustSnapshot {
 public:
  explicit TrustSnapshot(std::vector<Root> roots, std::vector<Revocations> revocations = {});
  // Different for every snapshot made in this process.
  [[nodiscard]] uint64_t version() const { return version_; }
  [[nodiscard]] const crypto::CertificatePool& pool() const { return pool_; }
  // In the order given; a certificate that several sources name is in once for each.
  [[nodiscard]] const std::vector<Root>& roots() const { return roots_; }
  [[nodiscard]] bool empty() const { return roots_.empty(); }
  // Which list takes one of these certificates back (`chain` as received, leaf first); null: none. A list counts that was
  // signed by the certificate's own issuer, from the chain or the roots.
  [[nodiscard]] const Revocations* revoked(const std::vector<crypto::Certificate>& chain) const;

 private:
  std::vector<Root> roots_;
  std::vector<Revocations> revocations_;
  crypto::CertificatePool pool_;
  uint64_t version_;
};

// The first root with exactly the domain of this certificate's issuer, tlsca.org1 for ica.org1; null: none, or the issuer is one of
// an organisation's two CAs itself. That is how an intermediate that was not sent looks.
[[nodiscard]] const Root* find_root_of_family(const TrustSnapshot* trust, const crypto::Certificate& top);

// Any thread.
class TrustStore {
 public:
  TrustStore();
  explicit TrustStore(std::vector<Root> roots);  // as source "files"
  // Replaces what this source gave before. The same roots again, without lists, make no new snapshot.
  void set_source(const std::string& source, std::vector<Root> roots, std::vector<Revocations> revocations = {});
  void remove_source(const std::string& source);
  [[nodiscard]] std::shared_ptr<const TrustSnapshot> current() const;

 private:
  void rebuild();  // with mutex_ held
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Root>> sources_;
  std::map<std::string, std::vector<Revocations>> revocations_;
  std::shared_ptr<const TrustSnapshot> current_;
};

}  // namespace selvage::tls
