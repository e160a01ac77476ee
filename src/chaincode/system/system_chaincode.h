// Chaincode that is part of the peer: called in process, with the same arguments and answers as any other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "chaincode/transaction.h"

namespace selvage::chaincode {

using Arguments = std::vector<Bytes>;

// Safe from any thread.
class SystemChaincode {
 public:
  virtual ~SystemChaincode() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual protos::Response invoke(const Transaction& transaction, const Arguments& arguments) = 0;
};

// Version that endorsements of system chaincode name.
inline constexpr std::string_view kSystemVersion = "syscc";

[[nodiscard]] protos::Response success(Bytes payload = {});  // status 200
[[nodiscard]] protos::Response failure(std::string message);  // status 500

}  // namespace selvage::chaincode
