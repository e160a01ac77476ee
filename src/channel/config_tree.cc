#include "channel/config_tree.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "common/configtx.pb.h"

namespace selvage::channel {
namespace {

using ::common::ConfigGroup;

constexpr const char* kRoot = "Channel";
constexpr int kDepthMax = 50;
const char kOrdererCapabilities[] = "[Value]  /Channel/Orderer/Capabilities";

Status check_config_id(std::string_view id) {
  if (id.empty()) return fail(Code::kInvalidArgument, "config ID illegal, cannot be empty");
  if (id.size() > kConfigIdLengthMax) {
    return fail(Code::kInvalidArgument, fmt::format("config ID illegal, cannot be longer than {}", kConfigIdLengthMax));
  }
  if (id == "." || id == "..") return fail(Code::kInvalidArgument, fmt::format("name '{}' for config ID is not allowed", id));
  for (const char c : id) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!legal) return fail(Code::kInvalidArgument, fmt::format("config ID '{}' contains illegal characters", escape(id)));
  }
  return {};
}

Status add(ConfigTree& tree, const char* prefix, ConfigElement element) {
  if (auto legal = check_config_id(element.key); !legal) {
    return fail(legal.error().within(fmt::format("illegal characters in key: {}", prefix)));
  }
  std::string name = prefix;
  for (const std::string& part : element.path) name += "/" + part;
  name += "/" + element.key;
  tree.insert_or_assign(std::move(name), std::move(element));
  return {};
}

Status add_group(ConfigTree& tree, std::vector<std::string> path, const ConfigGroup& group) {
  if (path.size() > kDepthMax) return fail(Code::kInvalidArgument, "configuration groups are nested too deeply");
  ConfigElement element;
  element.key = path.back();
  element.path.assign(path.begin(), path.end() - 1);
  element.group = &group;
  SELVAGE_CHECK(add(tree, "[Group]  ", std::move(element)));
  for (const auto& [key, below] : group.groups()) {
    std::vector<std::string> next = path;
    next.push_back(key);
    SELVAGE_CHECK(add_group(tree, std::move(next), below));
  }
  for (const auto& [key, value] : group.values()) {
    SELVAGE_CHECK(add(tree, "[Value]  ", ConfigElement{key, path, nullptr, &value, nullptr}));
  }
  for (const auto& [key, policy] : group.policies()) {
    SELVAGE_CHECK(add(tree, "[Policy] ", ConfigElement{key, path, nullptr, nullptr, &policy}));
  }
  return {};
}

Result<ConfigGroup> rebuild(const ConfigTree& tree, const std::string& path, bool fill_mod_policies) {
  const auto at = tree.find("[Group]  " + path);
  if (at == tree.end()) return fail(Code::kInvalidArgument, "missing group at path: [Group]  " + path);
  const ConfigGroup& from = *at->second.group;
  ConfigGroup out;
  out.set_version(from.version());
  out.set_mod_policy(from.mod_policy());
  for (const auto& [key, below] : from.groups()) {
    SELVAGE_TRY((*out.mutable_groups())[key], rebuild(tree, path + "/" + key, fill_mod_policies));
  }
  for (const auto& [key, value] : from.values()) {
    const auto found = tree.find("[Value]  " + path + "/" + key);
    if (found == tree.end()) {
      return fail(Code::kInvalidArgument, fmt::format("missing value at path: [Value]  {}/{}", path, key));
    }
    (*out.mutable_values())[key] = *found->second.value;
  }
  for (const auto& [key, policy] : from.policies()) {
    const auto found = tree.find("[Policy] " + path + "/" + key);
    if (found == tree.end()) {
      return fail(Code::kInvalidArgument, fmt::format("missing policy at path: [Policy] {}/{}", path, key));
    }
    (*out.mutable_policies())[key] = *found->second.policy;
  }
  if (fill_mod_policies) {
    // Fabric quirk: common/configtx/configmap.go, genesis blocks of v1.0 left mod_policy empty and nothing could change.
    const auto fill = [](auto& element) {
      if (element.mod_policy().empty()) element.set_mod_policy("Admins");
    };
    fill(out);
    for (auto& [key, value] : *out.mutable_values()) fill(value);
    for (auto& [key, policy] : *out.mutable_policies()) fill(policy);
  }
  return out;
}

}  // namespace

uint64_t ConfigElement::version() const {
  if (group != nullptr) return group->version();
  if (value != nullptr) return value->version();
  return policy->version();
}

const std::string& ConfigElement::mod_policy() const {
  if (group != nullptr) return group->mod_policy();
  if (value != nullptr) return value->mod_policy();
  return policy->mod_policy();
}

Result<ConfigTree> map_config(const ConfigGroup& channel_group) {
  ConfigTree tree;
  SELVAGE_CHECK(add_group(tree, {kRoot}, channel_group));
  return tree;
}

Result<ConfigGroup> group_of(const ConfigTree& tree) {
  return rebuild(tree, std::string("/") + kRoot, tree.count(kOrdererCapabilities) > 0);
}

Status check_mod_policy(std::string_view mod_policy) {
  if (mod_policy.empty()) return fail(Code::kInvalidArgument, "mod_policy not set");
  if (mod_policy[0] == '/') mod_policy.remove_prefix(1);
  for (size_t i = 0;; i++) {
    const size_t slash = mod_policy.find('/');
    if (auto legal = check_config_id(mod_policy.substr(0, slash)); !legal) {
      return fail(legal.error().within(fmt::format("path element at {} is invalid", i)));
    }
    if (slash == std::string_view::npos) return {};
    mod_policy.remove_prefix(slash + 1);
  }
}

}  // namespace selvage::channel
