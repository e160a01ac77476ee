#include "tls/trust.h"

#include <atomic>

namespace selvage::tls {
namespace {

uint64_t next_version() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

bool same_roots(const std::vector<Root>& one, const std::vector<Root>& other) {
  if (one.size() != other.size()) return false;
  for (size_t i = 0; i < one.size(); ++i) {
    if (!(one[i].certificate == other[i].certificate) || one[i].from.to_string() != other[i].from.to_string()) return false;
  }
  return true;
}

}  // namespace

std::string Provenance::to_string() const {
  switch (kind) {
    case Kind::kFile: {
      std::string setting = origin.to_string();
      if (setting.empty()) return file;
      return file.empty() ? setting : setting + ": " + file;
    }
    case Kind::kChannel:
      return "channel " + channel + ", " + msp_id + (intermediate ? ", intermediate" : "");
    case Kind::kMade: break;
  }
  return "made by this process";
}

Result<std::vector<Root>> roots_from_pem(std::string_view pem, const Provenance& from) {
  auto certificates = crypto::Certificate::all_from_pem(pem);
  if (!certificates) {
    Error error = std::move(certificates).error();
    // A text without any certificate is another file than was meant; one with a broken block is half of the right one.
    const bool none = error.message.find("no certificate found") != std::string::npos;
    error.cause = (none ? "TLS-22: " : "TLS-23: ") + from.to_string() + ": " + error.cause;
    return fail(std::move(error));
  }
  std::vector<Root> roots;
  for (auto& certificate : *certificates) {
    Provenance place = from;
    place.index = static_cast<int>(roots.size());
    roots.push_back({std::move(certificate), std::move(place)});
  }
  return roots;
}

Result<std::vector<Root>> roots_from_channel(const std::string& channel, const std::string& msp_id,
                                             const std::vector<Bytes>& tls_root_certs,
                                             const std::vector<Bytes>& tls_intermediate_certs) {
  std::vector<Root> roots;
  for (bool intermediate : {false, true}) {
    Provenance from;
    from.kind = Provenance::Kind::kChannel;
    from.channel = channel;
    from.msp_id = msp_id;
    from.intermediate = intermediate;
    for (const Bytes& pem : intermediate ? tls_intermediate_certs : tls_root_certs) {
      SELVAGE_TRY(auto some, roots_from_pem(pem, from));
      for (auto& root : some) {
        root.from.index = static_cast<int>(roots.size());
        roots.push_back(std::move(root));
      }
    }
  }
  return roots;
}

TrustSnapshot::TrustSnapshot(std::vector<Root> roots, std::vector<Revocations> revocations)
    : roots_(std::move(roots)), revocations_(std::move(revocations)), version_(next_version()) {
  for (const Root& root : roots_) pool_.add(root.certificate);
}

const Revocations* TrustSnapshot::revoked(const std::vector<crypto::Certificate>& chain) const {
  for (const crypto::Certificate& certificate : chain) {
    for (const Revocations& one : revocations_) {
      if (one.list.issuer_der() != certificate.issuer_der() || !one.list.revokes(certificate)) continue;
      const auto both = [&](const crypto::Certificate& issuer) {
        return issuer.subject_der() == certificate.issuer_der() && certificate.check_signature_from(issuer).has_value() &&
               one.list.check_signature_from(issuer).has_value();
      };
      for (const crypto::Certificate& issuer : chain) {
        if (both(issuer)) return &one;
      }
      for (const Root& root : roots_) {
        if (both(root.certificate)) return &one;
      }
    }
  }
  return nullptr;
}

const Root* find_root_of_family(const TrustSnapshot* trust, const crypto::Certificate& top) {
  std::string issuer = top.issuer().substr(0, top.issuer().find(','));
  size_t dot = issuer.find('.');
  if (trust == nullptr || !issuer.starts_with("CN=") || dot == std::string::npos) return nullptr;
  if (issuer.starts_with("CN=ca.") || issuer.starts_with("CN=tlsca.")) return nullptr;
  for (const Root& root : trust->roots()) {
    const std::string& name = root.certificate.common_name();
    size_t name_dot = name.find('.');
    if (name_dot != std::string::npos && name.substr(name_dot) == issuer.substr(dot)) return &root;
  }
  return nullptr;
}

TrustStore::TrustStore() : current_(std::make_shared<TrustSnapshot>(std::vector<Root>())) {}

TrustStore::TrustStore(std::vector<Root> roots) {
  sources_["files"] = std::move(roots);
  rebuild();
}

void TrustStore::set_source(const std::string& source, std::vector<Root> roots, std::vector<Revocations> revocations) {
  std::lock_guard lock(mutex_);
  auto found = sources_.find(source);
  if (found != sources_.end() && same_roots(found->second, roots) && revocations.empty() && !revocations_.contains(source)) return;
  revocations_.erase(source);
  if (!revocations.empty()) revocations_[source] = std::move(revocations);
  sources_[source] = std::move(roots);
  rebuild();
}

void TrustStore::remove_source(const std::string& source) {
  std::lock_guard lock(mutex_);
  if (sources_.erase(source) + revocations_.erase(source) > 0) rebuild();
}

std::shared_ptr<const TrustSnapshot> TrustStore::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

void TrustStore::rebuild() {
  std::vector<Root> all;
  for (const auto& [name, roots] : sources_) all.insert(all.end(), roots.begin(), roots.end());
  std::vector<Revocations> lists;
  for (const auto& [name, some] : revocations_) lists.insert(lists.end(), some.begin(), some.end());
  current_ = std::make_shared<TrustSnapshot>(std::move(all), std::move(lists));
}

}  // namespace selvage::tls
