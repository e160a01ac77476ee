// Makes sessions out of (credentials, trust, policy). OpenSSL's context is built once for each version of the three and
// shared by the sessions made from it, so that a change of trust or certificate applies to new handshakes only.
//
// Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "tls/credentials.h"
#include "tls/policy.h"
#include "tls/session.h"
#include "tls/trust.h"

namespace selvage::tls {

class ServerContext {
 public:
  // `clock` null: the system's. Both stores outlive nothing: they are shared.
  ServerContext(std::shared_ptr<CredentialStore> credentials, std::shared_ptr<TrustStore> trust, ServerPolicy policy,
                std::shared_ptr<const Clock> clock = nullptr);
  ~ServerContext();

  // A session for a connection that was accepted. Never null: when OpenSSL refuses the credentials, the session is kFailed
  // from the start and its failure() says so.
  // `may_explain` false: an explaining policy (Explain::kClient) refuses this one with an alert all the same.
  [[nodiscard]] std::unique_ptr<Session> accept(std::string peer_address, bool may_explain = true);
  // Builds what accept() needs, so that an error is seen at start. kInvalidArgument / kInternal.
  Status check();

  [[nodiscard]] const ServerPolicy& policy() const { return policy_; }
  [[nodiscard]] const std::shared_ptr<CredentialStore>& credentials() const { return credentials_; }
  [[nodiscard]] const std::shared_ptr<TrustStore>& trust() const { return trust_; }

  struct Built;

 private:
  Result<std::shared_ptr<const Built>> built();
  std::shared_ptr<CredentialStore> credentials_;
  std::shared_ptr<TrustStore> trust_;
  ServerPolicy policy_;
  std::shared_ptr<const Clock> clock_;
  std::mutex mutex_;
  std::shared_ptr<const Built> built_;
};

class ClientContext {
 public:
  // `credentials` null, or a store that holds null: no client certificate. If there is one it is always sent when the server
  // asks, whatever issuers the server lists: only so can the server say what is wrong with it.
  ClientContext(std::shared_ptr<CredentialStore> credentials, std::shared_ptr<TrustStore> trust, ClientPolicy policy = {},
                std::shared_ptr<const Clock> clock = nullptr);
  ~ClientContext();

  // A session to `host` (name or address, without port), which is what the server's certificate must be valid for unless
  // the policy has an override. `peer_address` is for messages. Call receive("") on it to start. Never null, as accept().
  [[nodiscard]] std::unique_ptr<Session> connect(const std::string& host, std::string peer_address);
  Status check();

  // This context with another policy (another name, another pin); shares the stores.
  [[nodiscard]] std::shared_ptr<ClientContext> with_policy(ClientPolicy policy) const;

  [[nodiscard]] const ClientPolicy& policy() const { return policy_; }
  [[nodiscard]] const std::shared_ptr<CredentialStore>& credentials() const { return credentials_; }
  [[nodiscard]] const std::shared_ptr<TrustStore>& trust() const { return trust_; }

  struct Built;

 private:
  Result<std::shared_ptr<const Built>> built();
  std::shared_ptr<CredentialStore> credentials_;
  std::shared_ptr<TrustStore> trust_;
  ClientPolicy policy_;
  std::shared_ptr<const Clock> clock_;
  std::mutex mutex_;
  std::shared_ptr<const Built> built_;
};

}  // namespace selvage::tls
