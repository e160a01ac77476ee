#include "tls/credentials.h"

#include <atomic>

#include "crypto/pem.h"

namespace selvage::tls {
namespace {

uint64_t next_version() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

std::string place(const std::string& path, const Origin& origin) {
  std::string setting = origin.to_string();
  if (path.empty()) return setting.empty() ? "the certificate given" : setting;
  return setting.empty() ? path : path + " [" + setting + "]";
}

std::string certificate_place(const CredentialFiles& files) { return place(files.certificate_path, files.certificate_origin); }
std::string key_place(const CredentialFiles& files) {
  if (files.key_path.empty() && files.key_origin.key.empty()) return "the key given";
  return place(files.key_path, files.key_origin);
}

bool has_block(std::string_view text, bool (*wanted)(std::string_view label)) {
  for (auto& block : crypto::parse_pem(text)) {
    if (wanted(block.label)) return true;
  }
  return false;
}

bool is_certificate(std::string_view label) { return label == "CERTIFICATE"; }
bool is_key(std::string_view label) { return label.ends_with("PRIVATE KEY"); }

// Short, so that two can be told apart on one line.
std::string fingerprint(const crypto::PublicKey& key) { return to_hex(key.ski()).substr(0, 16); }

Status check_pair(const std::vector<crypto::Certificate>& chain, const crypto::PrivateKey& key,
                  const CredentialFiles& files) {
  if (chain.front().public_key() == key.public_key()) return {};
  for (size_t i = 1; i < chain.size(); ++i) {
    if (!(chain[i].public_key() == key.public_key())) continue;
    return fail(Code::kInvalidArgument, "tls: private key does not match public key",
                "TLS-36: the first certificate in " + certificate_place(files) + " is " + escape(chain.front().subject()) +
                    "; the one that the key belongs to, " + escape(chain[i].subject()) + ", is number " +
                    std::to_string(i + 1),
                "put the certificate of the node itself first, then its issuers");
  }
  return fail(Code::kInvalidArgument, "tls: private key does not match public key",
              "TLS-16: " + key_place(files) + " (public key " + fingerprint(key.public_key()) + "..) does not belong to " +
                  certificate_place(files) + " (" + escape(chain.front().subject()) + ", public key " +
                  fingerprint(chain.front().public_key()) + "..)",
              "give the key that was made with this certificate, or the certificate that was made with this key");
}

}  // namespace

Credentials::Credentials(std::vector<crypto::Certificate> chain, crypto::PrivateKey key, CredentialFiles files)
    : chain_(std::move(chain)), key_(std::move(key)), files_(std::move(files)), version_(next_version()) {}

Result<std::shared_ptr<const Credentials>> Credentials::from_pem(std::string_view certificate_pem,
                                                                 std::string_view key_pem, CredentialFiles files) {
  if (!has_block(certificate_pem, is_certificate)) {
    if (has_block(certificate_pem, is_key)) {
      return fail(Code::kInvalidArgument,
                  "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs "
                  "may have been switched",
                  "TLS-19: " + certificate_place(files) + " holds a private key",
                  "exchange " + certificate_place(files) + " and " + key_place(files));
    }
    return fail(Code::kInvalidArgument, "tls: failed to find any PEM data in certificate input",
                "TLS-18: " + certificate_place(files) + " " + crypto::describe_non_pem(certificate_pem, "CERTIFICATE"));
  }
  if (!has_block(key_pem, is_key)) {
    if (has_block(key_pem, is_certificate)) {
      return fail(Code::kInvalidArgument, "tls: found a certificate rather than a key in the PEM for the private key",
                  "TLS-19: " + key_place(files) + " holds a certificate",
                  "exchange " + certificate_place(files) + " and " + key_place(files));
    }
    return fail(Code::kInvalidArgument, "tls: failed to find any PEM data in key input",
                "TLS-18: " + key_place(files) + " " + crypto::describe_non_pem(key_pem, "PRIVATE KEY"));
  }
  auto chain = crypto::Certificate::all_from_pem(certificate_pem);
  if (!chain) {
    Error error = std::move(chain).error();
    const bool curve = error.message.find("elliptic curve") != std::string::npos;
    error.cause = (curve ? "TLS-13: " : "TLS-18: ") + certificate_place(files) + ": " + error.cause;
    return fail(std::move(error));
  }
  auto key = crypto::PrivateKey::from_pem(key_pem);
  if (!key) {
    Error error = std::move(key).error();
    error.message = "tls: " + error.message;
    const bool encrypted = error.cause.find("encrypted") != std::string::npos;
    const bool curve = error.message.find("elliptic curve") != std::string::npos;
    error.cause = (encrypted ? "TLS-17: " : curve ? "TLS-13: " : "TLS-18: ") + key_place(files) + ": " + error.cause;
    return fail(std::move(error));
  }
  return from_parts(std::move(*chain), std::move(*key), std::move(files));
}

Result<std::shared_ptr<const Credentials>> Credentials::from_parts(std::vector<crypto::Certificate> chain,
                                                                   crypto::PrivateKey key, CredentialFiles files) {
  if (chain.empty()) return fail(Code::kInvalidArgument, "tls: failed to find any PEM data in certificate input");
  SELVAGE_CHECK(check_pair(chain, key, files));
  return std::shared_ptr<const Credentials>(new Credentials(std::move(chain), std::move(key), std::move(files)));
}

CredentialStore::CredentialStore(std::shared_ptr<const Credentials> credentials) : current_(std::move(credentials)) {}

std::shared_ptr<const Credentials> CredentialStore::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

void CredentialStore::replace(std::shared_ptr<const Credentials> credentials) {
  std::lock_guard lock(mutex_);
  current_ = std::move(credentials);
}

Status CredentialStore::renew(std::shared_ptr<const Credentials> credentials, std::chrono::sys_seconds now) {
  auto refuse = [&](const std::string& why) {
    return fail(Code::kFailedPrecondition, "the new certificate is not taken: " + why,
                certificate_place(credentials->files()), "the one in force stays; put a better one in its place");
  };
  const crypto::Certificate& leaf = credentials->leaf();
  if (leaf.not_after() < now) return refuse("it has expired on " + crypto::to_rfc3339(leaf.not_after()));
  if (leaf.not_before() > now) return refuse("it becomes valid on " + crypto::to_rfc3339(leaf.not_before()));
  std::lock_guard lock(mutex_);
  if (current_ != nullptr) {
    for (auto [usage, name] : {std::pair(crypto::kServerAuth, "serverAuth"), std::pair(crypto::kClientAuth, "clientAuth")}) {
      if (current_->leaf().allows(usage) && !leaf.allows(usage)) {
        return refuse(std::string("it is not for ") + name + ", as the one in force is");
      }
    }
  }
  current_ = std::move(credentials);
  return {};
}

}  // namespace selvage::tls
