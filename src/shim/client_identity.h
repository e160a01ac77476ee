// Who called: the client's organisation and certificate, and the attributes that its CA put there.
//
//   SELVAGE_TRY(auto client, ClientIdentity::parse(stub.creator()));
//   if (client.attribute("role") != "manager") return error("managers only");
//
// The peer has verified the signature and the certificate. Same answers as Fabric's chaincode-go pkg/cid. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "crypto/certificate.h"

namespace selvage::shim {

class ClientIdentity {
 public:
  // `creator`: Stub::creator(). kInvalidArgument when it is no SerializedIdentity with a certificate.
  [[nodiscard]] static Result<ClientIdentity> parse(const Bytes& creator);

  [[nodiscard]] const std::string& mspid() const { return mspid_; }
  [[nodiscard]] const crypto::Certificate& certificate() const { return certificate_; }
  // Unique within the MSP: base64 of "x509::<subject>::<issuer>", both as Go's shim writes them.
  [[nodiscard]] std::string id() const;
  // An attribute of the certificate (Fabric CA's extension 1.2.3.4.5.6.7.8.1); nullopt: not there.
  [[nodiscard]] std::optional<std::string> attribute(const std::string& name) const;

 private:
  ClientIdentity(std::string mspid, crypto::Certificate certificate, std::map<std::string, std::string> attributes)
      : mspid_(std::move(mspid)), certificate_(std::move(certificate)), attributes_(std::move(attributes)) {}
  std::string mspid_;
  crypto::Certificate certificate_;
  std::map<std::string, std::string> attributes_;
};

}  // namespace selvage::shim
