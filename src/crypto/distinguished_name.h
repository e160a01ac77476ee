// Distinguished names: out of DER into Go's text, and into DER as Go writes them. Pure; for crypto/ only.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "crypto/certificate_maker.h"

namespace selvage::crypto {

struct ParsedName {
  std::vector<NameAttribute> attributes;
  std::string text;  // Go's pkix.Name.String()
};

// `whole` is the SEQUENCE element. False when malformed.
[[nodiscard]] bool parse_name(BytesView whole, ParsedName& name);
[[nodiscard]] Bytes encode_name(const DistinguishedName& name);

}  // namespace selvage::crypto
