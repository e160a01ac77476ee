#include "gossip/view/identity_store.h"

#include <algorithm>

#include "gossip/message.h"

namespace selvage::gossip {
namespace {

constexpr auto kUnusedFor = std::chrono::hours(1);

}  // namespace

IdentityStore::IdentityStore(const PeerCrypto& crypto, Now now)
    : crypto_(crypto), own_pki_id_(pki_id_of(crypto.own_identity())) {
  // Our own identity counts as long as we run, expired or not: others are the judges of it.
  entries_[own_pki_id_] = {crypto.own_identity(), crypto.org_of(crypto.own_identity()), SystemTime::max(), now.steady};
}

Status IdentityStore::put(const Bytes& pki_id, const Bytes& identity, Now now) {
  if (pki_id.empty()) return fail(Code::kInvalidArgument, "PKIID is nil");
  if (identity.empty()) return fail(Code::kInvalidArgument, "identity is nil");
  if (const auto known = entries_.find(pki_id); known != entries_.end() && known->second.identity == identity) {
    known->second.last_used = now.steady;
    return {};
  }
  if (pki_id != pki_id_of(identity)) return fail(Code::kInvalidArgument, "identity doesn't match the computed pkiID");
  auto expires_at = crypto_.expires_at(identity);
  if (!expires_at) return fail(expires_at.error().within("failed classifying identity"));
  if (now.system > *expires_at) return fail(Code::kPermissionDenied, "gossipping peer identity expired");
  if (entries_.contains(pki_id)) return {};  // other bytes of the same certificate
  if (entries_.size() >= kIdentitiesMax) return fail(Code::kResourceExhausted, "too many identities are known");
  entries_[pki_id] = {identity, crypto_.org_of(identity), *expires_at, now.steady};
  return {};
}

const IdentityStore::Entry* IdentityStore::find(const Bytes& pki_id, SteadyTime now) {
  const auto found = entries_.find(pki_id);
  if (found == entries_.end()) return nullptr;
  found->second.last_used = now;
  return &found->second;
}

const IdentityStore::Entry* IdentityStore::look(const Bytes& pki_id) const {
  const auto found = entries_.find(pki_id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::string IdentityStore::org_of(const Bytes& pki_id) const {
  const Entry* entry = look(pki_id);
  return entry == nullptr ? "" : entry->org;
}

std::vector<Bytes> IdentityStore::erase_if(const std::function<bool(const Entry&)>& gone) {
  std::vector<Bytes> erased;
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (at->first == own_pki_id_ || !gone(at->second)) {
      ++at;
      continue;
    }
    erased.push_back(at->first);
    at = entries_.erase(at);
  }
  return erased;
}

std::vector<Bytes> IdentityStore::purge(Now now) {
  return erase_if([&](const Entry& entry) {
    return now.system > entry.expires_at || now.steady - entry.last_used > kUnusedFor;
  });
}

std::vector<Bytes> IdentityStore::purge_invalid() {
  return erase_if([&](const Entry& entry) { return !crypto_.validate(entry.identity); });
}

SystemTime IdentityStore::next_expiry() const {
  SystemTime next = SystemTime::max();
  for (const auto& [id, entry] : entries_) next = std::min(next, entry.expires_at);
  return next;
}

}  // namespace selvage::gossip
