// Application policies compiled once and their answers remembered, for one channel configuration. Private to validate/.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "policy/policy.h"

namespace selvage::validate {

// One thread. Bounded.
class PolicyCache {
 public:
  explicit PolicyCache(channel::BundlePtr bundle) : bundle_(std::move(bundle)) {}

  // `application_policy` is protos.ApplicationPolicy. A policy that does not compile is satisfied by nobody.
  [[nodiscard]] Status evaluate(BytesView application_policy, std::span<const policy::IdentityPtr> identities);
  // The compiled policy, for signatures that are not verified yet.
  [[nodiscard]] Result<std::shared_ptr<const policy::Policy>> find(BytesView application_policy) {
    return compiled(application_policy).policy;
  }
  [[nodiscard]] const channel::BundlePtr& bundle() const { return bundle_; }

 private:
  struct Compiled {
    Result<std::shared_ptr<const policy::Policy>> policy;
    // By the endorsers in their order; they are kept alive, so that an address means one identity.
    std::map<std::vector<policy::IdentityPtr>, Status> answers;
  };
  Compiled& compiled(BytesView application_policy);

  channel::BundlePtr bundle_;
  std::map<Bytes, Compiled, std::less<>> policies_;
  size_t answers_ = 0;
};

}  // namespace selvage::validate
