#include "shim/client_identity.h"

#include <nlohmann/json.hpp>

#include "msp/identities.pb.h"

namespace selvage::shim {
namespace {

constexpr const char* kAttributes = "1.2.3.4.5.6.7.8.1";

}  // namespace

Result<ClientIdentity> ClientIdentity::parse(const Bytes& creator) {
  ::msp::SerializedIdentity identity;
  if (!identity.ParseFromString(creator))
    return fail(Code::kInvalidArgument, "failed to unmarshal transaction invoker's identity");
  auto certificate = crypto::Certificate::from_pem(identity.id_bytes());
  if (!certificate) return fail(std::move(certificate).error().within("failed to parse certificate"));
  std::map<std::string, std::string> attributes;
  if (const auto* extension = certificate->find_extension(kAttributes)) {
    const auto json = nlohmann::json::parse(extension->value, nullptr, false);
    if (!json.is_object())
      return fail(Code::kInvalidArgument, "failed to get attributes from the transaction invoker's certificate: not a JSON object");
    const auto attrs = json.find("attrs");
    if (attrs != json.end() && attrs->is_object()) {
      for (const auto& [name, value] : attrs->items())
        if (value.is_string()) attributes.emplace(name, value.get<std::string>());
    }
  }
  return ClientIdentity(identity.mspid(), std::move(*certificate), std::move(attributes));
}

std::string ClientIdentity::id() const {
  return to_base64("x509::" + certificate_.subject() + "::" + certificate_.issuer());
}

std::optional<std::string> ClientIdentity::attribute(const std::string& name) const {
  const auto found = attributes_.find(name);
  if (found == attributes_.end()) return std::nullopt;
  return found->second;
}

}  // namespace selvage::shim
