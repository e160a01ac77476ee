// RFC 5280 name constraints: may the CAs of a chain vouch for the names below them? Pure; for crypto/ only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.h"

namespace selvage::crypto {

// nullopt when every name of every certificate (leaf first) is allowed by every CA above it; otherwise which name is not.
[[nodiscard]] std::optional<std::string> check_name_constraints(const std::vector<Certificate>& chain);

}  // namespace selvage::crypto
