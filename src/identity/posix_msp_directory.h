// An MSP as a directory of files: cacerts, intermediatecerts, admincerts, tlscacerts, tlsintermediatecerts, crls,
// config.yaml (NodeOUs), and for our own identity signcerts and keystore.
//
// Every error is one line that names the file or folder, what is wrong with it, and in `hint` what to do.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "identity/msp.h"
#include "identity/signer.h"

namespace msp {
class MSPConfig;
}

namespace selvage::identity {

struct LocalMsp {
  std::shared_ptr<const Msp> msp;
  SigningIdentity signer;
};

// The verifying part only, as configtxgen puts it into a channel configuration (type FABRIC, no signing identity).
// Fabric quirk: msp/configbuilder.go GetVerifyingMspConfig.
[[nodiscard]] Result<::msp::MSPConfig> load_verifying_msp_config(const std::string& directory, const std::string& mspid);

// A node's or client's own MSP. The signing certificate must chain to the MSP's roots, match a key of keystore/ and not
// have expired at `now` (kFailedPrecondition; its `hint` says how to go on).
[[nodiscard]] Result<LocalMsp> load_local_msp(const std::string& directory, const std::string& mspid, SystemTime now);

// Certificate and key only, for a client that need not hold its organisation's roots.
[[nodiscard]] Result<SigningIdentity> load_signing_identity(const std::string& directory, const std::string& mspid);

}  // namespace selvage::identity
