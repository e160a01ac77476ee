#include "tls/resumption.h"

#include "tls/openssl_session.h"

namespace selvage::tls {
namespace {

using Chain = std::shared_ptr<const std::vector<crypto::Certificate>>;

Chain* chain_at(void* pointer) { return static_cast<Chain*>(pointer); }

void free_chain(void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) { delete chain_at(pointer); }

// OpenSSL copies a resumed session in TLS 1.3 to give it a number of its own.
int copy_chain(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** pointer, int, long, void*) {
  if (*pointer != nullptr) *pointer = new Chain(*chain_at(*pointer));
  return 1;
}

int chain_index() {
  static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, copy_chain, free_chain);
  return index;
}

}  // namespace

void ResumableSessions::turn_on(SSL_CTX* context) {
  static constexpr unsigned char kName[] = "selvage";
  SSL_CTX_set_session_id_context(context, kName, sizeof kName - 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
  SSL_CTX_set_timeout(context, kLifetimeSeconds);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_sess_set_new_cb(context, OpensslSession::on_new_session);
  SSL_CTX_sess_set_get_cb(context, OpensslSession::on_resume);
}

void ResumableSessions::remember(std::string id, Native session) {
  Sessions dropped;  // freed after the lock
  std::lock_guard lock(mutex_);
  if (young_.size() >= kGeneration) {
    dropped = std::exchange(old_, std::move(young_));
    young_.clear();
  }
  young_.insert_or_assign(std::move(id), std::move(session));
}

ResumableSessions::Native ResumableSessions::find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  for (const Sessions* sessions : {&young_, &old_}) {
    const auto found = sessions->find(id);
    if (found == sessions->end()) continue;
    SSL_SESSION_up_ref(found->second.get());
    return Native(found->second.get());
  }
  return nullptr;
}

size_t ResumableSessions::size() const {
  std::lock_guard lock(mutex_);
  return young_.size() + old_.size();
}

bool ResumableSessions::attach(SSL_SESSION* session, const std::vector<crypto::Certificate>& chain) {
  delete chain_at(SSL_SESSION_get_ex_data(session, chain_index()));
  return SSL_SESSION_set_ex_data(session, chain_index(),
                                 new Chain(std::make_shared<const std::vector<crypto::Certificate>>(chain))) == 1;
}

const std::vector<crypto::Certificate>* ResumableSessions::chain_of(const SSL_SESSION* session) {
  const Chain* chain = chain_at(SSL_SESSION_get_ex_data(session, chain_index()));
  return chain == nullptr ? nullptr : chain->get();
}

}  // namespace selvage::tls
