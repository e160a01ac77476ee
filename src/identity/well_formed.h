// The form of a serialized identity, judged without any MSP. Private to identity/.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::identity {

// One PEM certificate and nothing after it, its ECDSA signature in canonical DER.
// Fabric quirk: msp/mspimpl.go IsWellFormed; every MSP of one kind answers alike, so no MSP is asked.
[[nodiscard]] Status check_identity_form(BytesView serialized);

}  // namespace selvage::identity
