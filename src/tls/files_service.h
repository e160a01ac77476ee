// The files behind credentials and trust: reading them. What notices that they changed: live/upkeep_worker.h.
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

}  // namespace selvage::tls
