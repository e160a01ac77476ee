#include "policy/policy_manager.h"

#include <fmt/format.h>

#include "common/configtx.pb.h"
#include "common/policies.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::policy {
namespace {

constexpr int kGroupDepthMax = 50;

// So many of the policies of one name in the groups below.
class ImplicitMetaPolicy final : public Policy {
 public:
  ImplicitMetaPolicy(size_t threshold, std::string name, std::vector<std::shared_ptr<const Policy>> below,
                     std::shared_ptr<const identity::IdentityDeserializer> deserializer)
      : threshold_(threshold), name_(std::move(name)), below_(std::move(below)), deserializer_(std::move(deserializer)) {}

  Status evaluate(std::span<const SignedData> signatures) const override {
    // Signatures are checked here once, and not by each policy below again.
    return evaluate_identities(valid_identities(signatures, *deserializer_));
  }

  Status evaluate_identities(std::span<const IdentityPtr> identities) const override {
    size_t satisfied = 0;
    if (threshold_ == 0) return {};
    for (const auto& policy : below_) {
      // A group without a policy of that name counts, and is never satisfied.
      if (policy && policy->evaluate_identities(identities) && ++satisfied == threshold_) return {};
    }
    return fail(Code::kPermissionDenied,
                fmt::format("implicit policy evaluation failed - {} sub-policies were satisfied, but this policy requires {} "
                            "of the '{}' sub-policies to be satisfied", satisfied, threshold_, name_));
  }

 private:
  size_t threshold_;
  std::string name_;
  std::vector<std::shared_ptr<const Policy>> below_;
  std::shared_ptr<const identity::IdentityDeserializer> deserializer_;
};

}  // namespace

Result<std::unique_ptr<PolicyManager>> PolicyManager::make_group(std::string path, const ::common::ConfigGroup& group,
                                                                 const DeserializerPtr& deserializer, int depth) {
  if (depth > kGroupDepthMax) return fail(Code::kInvalidArgument, "configuration groups are nested too deeply");
  auto manager = std::make_unique<PolicyManager>();
  for (const auto& [name, below] : group.groups()) {
    SELVAGE_TRY(manager->groups_[name], make_group(path + "/" + name, below, deserializer, depth + 1));
  }
  for (const auto& [name, config] : group.policies()) {
    if (!config.has_policy()) return fail(Code::kInvalidArgument, fmt::format("policy {} at path {} was nil", name, path));
    const ::common::Policy& policy = config.policy();
    if (policy.type() == ::common::Policy::IMPLICIT_META) {
      ::common::ImplicitMetaPolicy meta;
      if (!wire::parse_into(policy.value(), meta)) {
        return fail(Code::kInvalidArgument,
                    fmt::format("implicit policy {} at path {} did not compile: Error unmarshalling to ImplicitMetaPolicy: "
                                "proto: cannot parse invalid wire-format data", name, path));
      }
      std::vector<std::shared_ptr<const Policy>> below;
      for (const auto& [group_name, sub] : manager->groups_) below.push_back(sub->share(meta.sub_policy()));
      size_t threshold = 0;
      if (!below.empty()) {
        if (meta.rule() == ::common::ImplicitMetaPolicy::ANY) threshold = 1;
        if (meta.rule() == ::common::ImplicitMetaPolicy::ALL) threshold = below.size();
        if (meta.rule() == ::common::ImplicitMetaPolicy::MAJORITY) threshold = below.size() / 2 + 1;
      }
      manager->policies_[name] =
          std::make_shared<const ImplicitMetaPolicy>(threshold, meta.sub_policy(), std::move(below), deserializer);
    } else if (policy.type() == ::common::Policy::SIGNATURE) {
      auto made = make_signature_policy(BytesView(policy.value()), deserializer);
      if (!made) return fail(made.error().within(fmt::format("policy {} at path {} did not compile", name, path)));
      manager->policies_[name] = std::move(*made);
    } else {
      return fail(Code::kInvalidArgument,
                  fmt::format("policy {} at path {} has unknown policy type: {}", name, path, policy.type()));
    }
  }
  for (const auto& [name, below] : manager->groups_) {
    for (const auto& [id, policy] : below->policies_) manager->policies_[name + "/" + id] = policy;
  }
  manager->path_ = std::move(path);
  return manager;
}

Result<std::shared_ptr<const PolicyManager>> PolicyManager::make(
    std::string_view root, const ::common::ConfigGroup& group,
    std::shared_ptr<const identity::IdentityDeserializer> deserializer) {
  SELVAGE_TRY(std::unique_ptr<PolicyManager> manager, make_group(std::string(root), group, deserializer, 0));
  return std::shared_ptr<const PolicyManager>(std::move(manager));
}

std::shared_ptr<const Policy> PolicyManager::share(std::string_view id) const {
  if (id.empty()) return nullptr;
  if (id[0] == '/') {
    // "/Channel/Application/Writers" asked of "Channel".
    if (id.size() < path_.size() + 2 || id.substr(1, path_.size()) != path_) return nullptr;
    id.remove_prefix(path_.size() + 2);
  }
  const auto at = policies_.find(id);
  return at == policies_.end() ? nullptr : at->second;
}

const Policy* PolicyManager::find(std::string_view id) const { return share(id).get(); }

Status PolicyManager::evaluate(std::string_view id, std::span<const SignedData> signatures) const {
  if (const Policy* policy = find(id)) return policy->evaluate(signatures);
  if (id.size() >= path_.size() + 2 && id.substr(1, path_.size()) == path_) id.remove_prefix(path_.size() + 2);
  return fail(Code::kPermissionDenied, fmt::format("no such policy: '{}'", id));
}

const PolicyManager* PolicyManager::sub(std::span<const std::string> path) const {
  const PolicyManager* at = this;
  for (const std::string& name : path) {
    const auto below = at->groups_.find(name);
    if (below == at->groups_.end()) return nullptr;
    at = below->second.get();
  }
  return at;
}

}  // namespace selvage::policy
