// The files behind credentials and trust: reading them, and noticing that they changed.
//
// Blocks on the disk. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::tls {

// Errors: kNotFound with Go's words ("open /x/server.crt: no such file or directory"), kInvalidArgument as from_pem().
[[nodiscard]] Result<std::shared_ptr<const Credentials>> load_credentials(const CredentialFiles& files);

// The certificates of one file, which must hold at least one.
[[nodiscard]] Result<std::vector<Root>> load_roots(const std::string& path, const Origin& origin);
[[nodiscard]] Result<std::vector<Root>> load_roots(const std::vector<std::string>& paths, const Origin& origin);

// Reloads credentials when their files changed. A pair that cannot be loaded or is worse than the one in force is left and
// said so (CredentialStore::renew); the old one serves on.
class CredentialWatch {
 public:
  explicit CredentialWatch(std::shared_ptr<CredentialStore> store);
  // True when a new pair is in force now. An error when the files changed but cannot be used; told once per change.
  Result<bool> poll(std::chrono::sys_seconds now);

 private:
  [[nodiscard]] std::string stamp() const;
  std::shared_ptr<CredentialStore> store_;
  std::string stamp_;
};

}  // namespace selvage::tls
