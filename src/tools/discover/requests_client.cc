#include "tools/discover/requests_client.h"

#include "client/dial_client.h"
#include "crypto/certificate.h"
#include "crypto/certificate_maker.h"
#include "crypto/key.h"
#include "identity/signer.h"
#include "rpc/channel.h"
#include "tls/files_service.h"
#include "tools/terminal.h"
#include "wire/marshal.h"

namespace selvage::tools::discover {
namespace {

constexpr auto kTimeout = std::chrono::seconds(10);
constexpr auto kConnectTimeout = std::chrono::seconds(5);

Result<identity::SigningIdentity> load_user(const Settings& settings) {
  SELVAGE_TRY(const auto pem, read_file(settings.certificate));
  auto certificate = crypto::Certificate::from_pem(pem);
  if (!certificate) return fail(Code::kInvalidArgument, "enrollment certificate isn't a valid PEM block", settings.certificate);
  SELVAGE_TRY(const auto key_pem, read_file(settings.key));
  auto key = crypto::PrivateKey::from_pem(key_pem);
  if (!key) return fail(Code::kInvalidArgument, "failed to decode PEM block from " + settings.key);
  return identity::SigningIdentity::make(settings.mspid, std::move(*certificate), std::move(*key));
}

// A peer that only asks for a certificate takes any.
Result<std::shared_ptr<const tls::Credentials>> make_pair() {
  SELVAGE_TRY(auto key, crypto::PrivateKey::generate_p256());
  crypto::CertificateRequest request;
  request.subject.common_name = "discover";
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  request.not_before = now - std::chrono::hours(24);
  request.not_after = now + std::chrono::hours(24);
  SELVAGE_TRY(auto certificate, crypto::issue_self_signed(request, key));
  return tls::Credentials::from_parts({std::move(certificate)}, std::move(key));
}

}  // namespace

Result<::discovery::Response> send(const Settings& settings, const std::string& server, ::discovery::Request request) {
  client::TlsIdentity pair;
  client::Target target;
  target.address = server;
  if (!settings.peer_tls_ca.empty()) {
    const Origin ca{"--peerTLSCA", "", 0}, certificate{"--tlsCert", "", 0}, key{"--tlsKey", "", 0};
    target.roots_setting = ca;
    SELVAGE_TRY(target.trust, client::trust_file(settings.peer_tls_ca, ca));
    std::shared_ptr<const tls::Credentials> loaded;
    if (settings.tls_certificate.empty() && settings.tls_key.empty()) {
      SELVAGE_TRY(loaded, make_pair());
    } else {
      SELVAGE_TRY(loaded, tls::load_credentials({settings.tls_certificate, certificate, settings.tls_key, key}));
    }
    pair = std::make_shared<tls::CredentialStore>(std::move(loaded));
  }
  SELVAGE_TRY(const auto user, load_user(settings));
  client::DialSettings dial;
  dial.connect_timeout = kConnectTimeout;
  dial.certificate_setting = {"--tlsCert", "", 0};
  dial.is_cli = true;
  const client::Dialer dialer(pair, dial);
  request.mutable_authentication()->set_client_identity(user.serialized());
  request.mutable_authentication()->set_client_tls_cert_hash(dialer.certificate_hash());
  ::discovery::SignedRequest signed_request;
  signed_request.set_payload(wire::marshal(request));
  SELVAGE_TRY(*signed_request.mutable_signature(), user.sign(signed_request.payload()));
  SELVAGE_TRY(const auto channel, dialer.dial(target));
  const auto reply = channel->call("/discovery.Discovery/Discover", wire::marshal(signed_request), {.timeout = kTimeout});
  if (!reply.status.ok()) return fail(reply.status.code, reply.status.to_string());
  return wire::parse<::discovery::Response>(reply.message);
}

}  // namespace selvage::tools::discover
