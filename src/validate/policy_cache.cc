#include "validate/policy_cache.h"

#include "policy/application_policy.h"

namespace selvage::validate {
namespace {
constexpr size_t kPoliciesMax = 1024;
constexpr size_t kAnswersMax = 8192;
}  // namespace

PolicyCache::Compiled& PolicyCache::compiled(BytesView application_policy) {
  auto at = policies_.find(application_policy);
  if (at == policies_.end()) {
    if (policies_.size() >= kPoliciesMax) {
      policies_.clear();
      answers_ = 0;
    }
    at = policies_
             .emplace(Bytes(application_policy),
                      Compiled{policy::make_application_policy(application_policy, bundle_->policies(), bundle_->msps()), {}})
             .first;
  }
  return at->second;
}

Status PolicyCache::evaluate(BytesView application_policy, std::span<const policy::IdentityPtr> identities) {
  Compiled& compiled = this->compiled(application_policy);
  if (!compiled.policy) return fail(compiled.policy.error());
  std::vector<policy::IdentityPtr> key(identities.begin(), identities.end());
  if (const auto known = compiled.answers.find(key); known != compiled.answers.end()) return known->second;
  Status answer = (*compiled.policy)->evaluate_identities(identities);
  if (answers_ >= kAnswersMax) {
    for (auto& [bytes, entry] : policies_) entry.answers.clear();
    answers_ = 0;
  }
  answers_++;
  compiled.answers.emplace(std::move(key), answer);
  return answer;
}

}  // namespace selvage::validate
