// Who asks, and over which TLS: from flags, or from a file that saveConfig wrote.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace selvage::tools::discover {

struct Settings {
  std::string tls_certificate, tls_key, peer_tls_ca;  // files; without the last no TLS
  std::string mspid, certificate, key;                // of the user
};

// Flags as kingpin parsed them; paths become absolute.
[[nodiscard]] Settings settings_of(const std::map<std::string, std::string>& flags);
// Fabric's yaml. "MSPID is mandatory and cannot be empty" and the like.
[[nodiscard]] Result<Settings> load_settings(const std::string& file);
[[nodiscard]] Status store_settings(const Settings& settings, const std::string& file);

}  // namespace selvage::tools::discover
