#include "tls/context.h"

#include <openssl/err.h>

#include "tls/openssl_session.h"

namespace selvage::tls {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return std::chrono::system_clock::now(); }
  [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

std::shared_ptr<const Clock> clock_or_system(std::shared_ptr<const Clock> clock) {
  static const std::shared_ptr<const Clock> system = std::make_shared<SystemClock>();
  return clock ? std::move(clock) : system;
}

using NativeCertificate = std::unique_ptr<X509, crypto::Freer<X509_free>>;

// Fabric's six for TLS 1.2 (internal/pkg/comm/config.go), the AES-NI friendly one first in 1.3 as in Go.
constexpr const char* kServerCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "AES128-GCM-SHA256:AES256-GCM-SHA384";
constexpr const char* kClientCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphersuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384:P-521";

tl::unexpected<Error> openssl_failure(const char* what, const Credentials* credentials) {
  std::string place = credentials == nullptr ? "" : credentials->files().certificate_path;
  return fail(Code::kInvalidArgument, std::string("tls: cannot use ") + what,
              (place.empty() ? "" : place + ": ") + crypto::take_openssl_errors());
}

NativeCertificate to_native(const crypto::Certificate& certificate) {
  const auto* at = reinterpret_cast<const unsigned char*>(certificate.der().data());
  return NativeCertificate(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
}

Status use_credentials(SSL_CTX* native, const Credentials& credentials) {
  using Algorithm = crypto::SignatureAlgorithm;
  const Algorithm signature = credentials.leaf().signature_algorithm();
  if (signature == Algorithm::kEcdsaSha1 || signature == Algorithm::kSha1Rsa || signature == Algorithm::kMd5Rsa) {
    return fail(Code::kInvalidArgument,
                std::string("tls: the certificate is signed with ") + crypto::name_of(signature) + ", which everybody refuses",
                "TLS-12: " + credentials.files().certificate_path + ", " + escape(credentials.leaf().subject(), 160),
                "issue it again with SHA-256");
  }
  NativeCertificate leaf = to_native(credentials.leaf());
  if (!leaf || SSL_CTX_use_certificate(native, leaf.get()) != 1) return openssl_failure("the certificate", &credentials);
  for (size_t i = 1; i < credentials.chain().size(); ++i) {
    NativeCertificate issuer = to_native(credentials.chain()[i]);
    if (!issuer || SSL_CTX_add1_chain_cert(native, issuer.get()) != 1) {
      return openssl_failure("a certificate of the chain", &credentials);
    }
  }
  if (SSL_CTX_use_PrivateKey(native, credentials.key().native()) != 1) return openssl_failure("the private key", &credentials);
  return {};
}

// The names in a CertificateRequest: every certificate of the pool, in its order, as Go sends them.
Status list_issuers(SSL_CTX* native, const TrustSnapshot& trust) {
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  for (const crypto::Certificate& root : trust.pool().certificates()) {
    const auto* at = reinterpret_cast<const unsigned char*>(root.subject_der().data());
    X509_NAME* name = d2i_X509_NAME(nullptr, &at, static_cast<long>(root.subject_der().size()));
    if (name == nullptr || sk_X509_NAME_push(names, name) == 0) {
      X509_NAME_free(name);
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return openssl_failure("the name of a root certificate", nullptr);
    }
  }
  SSL_CTX_set0_CA_list(native, names);
  return {};
}

Result<NativeContext> new_native(Side side) {
  NativeContext native(SSL_CTX_new(side == Side::kServer ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* raw = native.get();
  bool good = raw != nullptr && SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1 &&
              SSL_CTX_set_cipher_list(raw, side == Side::kServer ? kServerCiphers : kClientCiphers) == 1 &&
              SSL_CTX_set_ciphersuites(raw, kCiphersuites13) == 1 && SSL_CTX_set1_groups_list(raw, kGroups) == 1;
  if (!good) return openssl_failure("this OpenSSL", nullptr);
  // The level that lets RSA keys of 1024 bits pass, as Go does; what is weak in a chain is for crypto/chain.h to refuse.
  SSL_CTX_set_security_level(raw, 1);
  // A server without tickets: OpenSSL 3.0 would decode the client's certificate again for each of two (half a millisecond).
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(raw, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_quiet_shutdown(raw, 0);
  SSL_CTX_set_info_callback(raw, OpensslSession::on_event);
  SSL_CTX_set_cert_verify_callback(raw, OpensslSession::on_verify, nullptr);
  return native;
}

int verify_mode(const ServerPolicy& policy) {
  switch (policy.client_auth) {
    case ClientAuth::kNone: return SSL_VERIFY_NONE;
    case ClientAuth::kRequest:
    case ClientAuth::kVerifyIfGiven: return SSL_VERIFY_PEER;
    case ClientAuth::kRequireAny: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case ClientAuth::kRequireAndVerify:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;  // a session that explains lets it pass itself
  }
  return SSL_VERIFY_PEER;
}

// A basis without a native context: its sessions fail at once and say why.
std::shared_ptr<SessionBasis> bare(Side side, std::shared_ptr<const Credentials> credentials,
                                   std::shared_ptr<const TrustSnapshot> trust, std::shared_ptr<const Clock> clock) {
  auto basis = std::make_shared<SessionBasis>();
  basis->our_side = side;
  basis->credentials = std::move(credentials);
  basis->trust = std::move(trust);
  basis->clock = std::move(clock);
  return basis;
}

bool is_current(const std::shared_ptr<const SessionBasis>& basis, const std::shared_ptr<const Credentials>& credentials,
                const std::shared_ptr<const TrustSnapshot>& trust) {
  return basis && basis->credentials == credentials && basis->trust == trust;
}

}  // namespace

struct ServerContext::Built {
  std::shared_ptr<const SessionBasis> basis;
};
struct ClientContext::Built {
  std::shared_ptr<const SessionBasis> basis;
};

ServerContext::ServerContext(std::shared_ptr<CredentialStore> credentials, std::shared_ptr<TrustStore> trust,
                             ServerPolicy policy, std::shared_ptr<const Clock> clock)
    : credentials_(std::move(credentials)), trust_(trust ? std::move(trust) : std::make_shared<TrustStore>()),
      policy_(std::move(policy)), clock_(clock_or_system(std::move(clock))) {}
ServerContext::~ServerContext() = default;

Result<std::shared_ptr<const ServerContext::Built>> ServerContext::built() {
  auto credentials = credentials_->current();
  auto trust = trust_->current();
  std::lock_guard lock(mutex_);
  if (built_ && is_current(built_->basis, credentials, trust)) return built_;
  if (!credentials) return fail(Code::kFailedPrecondition, "tls: no certificates configured");
  auto basis = bare(Side::kServer, credentials, trust, clock_);
  basis->server_policy = policy_;
  SELVAGE_TRY(basis->native, new_native(Side::kServer));
  SSL_CTX* native = basis->native.get();
  SELVAGE_CHECK(use_credentials(native, *credentials));
  if (policy_.client_auth != ClientAuth::kNone) SELVAGE_CHECK(list_issuers(native, *trust));
  SSL_CTX_set_verify(native, verify_mode(policy_), nullptr);
  if (policy_.resumption) {
    basis->resumable = std::make_unique<ResumableSessions>();
    ResumableSessions::turn_on(native);
  }
  SSL_CTX_set_client_hello_cb(native, OpensslSession::on_client_hello, nullptr);
  SSL_CTX_set_alpn_select_cb(native, OpensslSession::on_alpn, nullptr);
  // For the one alert that OpenSSL does not send; else nobody needs a secret.
  if (!policy_.client_names.empty()) SSL_CTX_set_keylog_callback(native, OpensslSession::on_secret);
  built_ = std::make_shared<Built>(Built{std::move(basis)});
  return built_;
}

Status ServerContext::check() {
  SELVAGE_CHECK(built());
  return {};
}

std::unique_ptr<Session> ServerContext::accept(std::string peer_address, bool may_explain) {
  auto ready = built();
  if (ready) return std::make_unique<OpensslSession>((*ready)->basis, std::move(peer_address), "", may_explain);
  auto basis = bare(Side::kServer, credentials_->current(), trust_->current(), clock_);
  basis->server_policy = policy_;
  basis->broken = ready.error().message + (ready.error().cause.empty() ? "" : ": " + ready.error().cause);
  return std::make_unique<OpensslSession>(std::move(basis), std::move(peer_address), "");
}

ClientContext::ClientContext(std::shared_ptr<CredentialStore> credentials, std::shared_ptr<TrustStore> trust,
                             ClientPolicy policy, std::shared_ptr<const Clock> clock)
    : credentials_(credentials ? std::move(credentials) : std::make_shared<CredentialStore>(nullptr)),
      trust_(trust ? std::move(trust) : std::make_shared<TrustStore>()), policy_(std::move(policy)),
      clock_(clock_or_system(std::move(clock))) {}
ClientContext::~ClientContext() = default;

Result<std::shared_ptr<const ClientContext::Built>> ClientContext::built() {
  auto credentials = credentials_->current();
  auto trust = trust_->current();
  std::lock_guard lock(mutex_);
  if (built_ && is_current(built_->basis, credentials, trust)) return built_;
  auto basis = bare(Side::kClient, credentials, trust, clock_);
  basis->client_policy = policy_;
  SELVAGE_TRY(basis->native, new_native(Side::kClient));
  SSL_CTX* native = basis->native.get();
  if (credentials) SELVAGE_CHECK(use_credentials(native, *credentials));
  if (policy_.tls12_only) SSL_CTX_set_max_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_keylog_callback(native, OpensslSession::on_secret);
  SSL_CTX_set_cert_cb(native, OpensslSession::on_certificate_request, nullptr);
  Bytes protocols;
  for (const std::string& protocol : policy_.alpn) protocols += static_cast<char>(protocol.size()) + protocol;
  if (!protocols.empty() &&
      SSL_CTX_set_alpn_protos(native, reinterpret_cast<const unsigned char*>(protocols.data()),
                              static_cast<unsigned>(protocols.size())) != 0) {
    return openssl_failure("the application protocols", nullptr);
  }
  built_ = std::make_shared<Built>(Built{std::move(basis)});
  return built_;
}

Status ClientContext::check() {
  SELVAGE_CHECK(built());
  return {};
}

std::unique_ptr<Session> ClientContext::connect(const std::string& host, std::string peer_address) {
  auto ready = built();
  if (ready) return std::make_unique<OpensslSession>((*ready)->basis, std::move(peer_address), host);
  auto basis = bare(Side::kClient, credentials_->current(), trust_->current(), clock_);
  basis->client_policy = policy_;
  basis->broken = ready.error().message + (ready.error().cause.empty() ? "" : ": " + ready.error().cause);
  return std::make_unique<OpensslSession>(std::move(basis), std::move(peer_address), host);
}

std::shared_ptr<ClientContext> ClientContext::with_policy(ClientPolicy policy) const {
  return std::make_shared<ClientContext>(credentials_, trust_, std::move(policy), clock_);
}

}  // namespace selvage::tls
