// A package for chaincode that runs as a service, with the TLS material that the peer needs to dial it.
//
// Everything is checked when the package is made, because a mistake in it shows at the first invocation only, as a
// timeout.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace selvage::tools::selvage_program {

struct CcaasPackage {
  std::string label;
  std::string address;  // host:port at which the peer finds the chaincode; {{.field}} is left for the peer to fill in
  std::string domain;   // name in the chaincode's certificate, when it is not the address's host
  std::string dial_timeout = "10s";
  bool tls = true;
  std::string root_cert_file;    // who signed the chaincode's certificate
  std::string client_cert_file;  // what the peer presents; both or neither
  std::string client_key_file;
  std::string server_cert_file;  // optional: the chaincode's own certificate, to be checked and not packed
};

// The bytes of the .tar.gz. Errors are one line: which file or flag, what is wrong, what to do. `now`: for dates.
[[nodiscard]] Result<Bytes> make_ccaas_package(const CcaasPackage& wanted, SystemTime now);

}  // namespace selvage::tools::selvage_program
