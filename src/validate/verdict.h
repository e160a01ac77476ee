// One transaction's code with the reason. Private to validate/.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "peer/transaction.pb.h"

namespace selvage::validate {

struct Verdict {
  ::protos::TxValidationCode code = ::protos::VALID;
  std::string reason;
  [[nodiscard]] bool valid() const { return code == ::protos::VALID; }
};

[[nodiscard]] inline Verdict invalid(::protos::TxValidationCode code, std::string reason) { return {code, std::move(reason)}; }

}  // namespace selvage::validate
