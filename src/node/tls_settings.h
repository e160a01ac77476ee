// From settings to TLS, where peer and orderer do it alike: files of pairs and roots, and the listeners that speak HTTPS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/shared_settings.h"
#include "tls/context.h"
#include "tls/live/registry.h"

namespace selvage::node {

// Errors of all that loads: one line for the operator, with setting, file and remedy.
[[nodiscard]] Result<std::shared_ptr<tls::CredentialStore>> load_pair(const config::File& certificate, const config::File& key);
// All certificates of all files.
[[nodiscard]] Result<std::vector<tls::Root>> load_roots(const std::vector<config::File>& files);
// From now on these files are looked at: they are `source` of `store`. Nothing happens without files.
void register_roots(tls::Registry& registry, std::shared_ptr<tls::TrustStore> store, const std::string& source,
                    std::vector<config::File> files);

[[nodiscard]] tls::Explain explain_mode(config::TlsExplain mode);

// An HTTPS listener's context (operations, admin), which trusts its configured roots only; null when its TLS is off.
// `name` is the server= field of its lines.
[[nodiscard]] Result<std::shared_ptr<tls::ServerContext>> https_context(const config::HttpTls& settings, const std::string& name);
// Its pair as "<role> TLS", its pool and its files. Nothing happens when `context` is null.
void register_https(tls::Registry& registry, const std::string& role, const config::HttpTls& settings,
                    const tls::ServerContext* context);

}  // namespace selvage::node
