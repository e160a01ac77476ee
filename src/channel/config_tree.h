// A channel group as a flat map "[Value]  /Channel/Orderer/BatchSize" -> element, as config updates are judged by.
// Private to channel/. Fabric quirk: common/configtx/configmap.go.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace common {
class ConfigGroup;
class ConfigPolicy;
class ConfigValue;
}  // namespace common

namespace selvage::channel {

inline constexpr size_t kConfigIdLengthMax = 249;

// Exactly one of the three pointers is set; it points into the message that was mapped, which must live as long.
struct ConfigElement {
  std::string key;
  std::vector<std::string> path;  // of the group around it; empty for the root
  const ::common::ConfigGroup* group = nullptr;
  const ::common::ConfigValue* value = nullptr;
  const ::common::ConfigPolicy* policy = nullptr;

  [[nodiscard]] uint64_t version() const;
  [[nodiscard]] const std::string& mod_policy() const;
};

using ConfigTree = std::map<std::string, ConfigElement>;

// Errors: kInvalidArgument "illegal characters in key: [Group]  : config ID 'x y' contains illegal characters".
[[nodiscard]] Result<ConfigTree> map_config(const ::common::ConfigGroup& channel_group);
// Back again: groups say who their members are, the map says what the members are.
[[nodiscard]] Result<::common::ConfigGroup> group_of(const ConfigTree& tree);
// "mod_policy not set", "path element at 0 is invalid: ..."
[[nodiscard]] Status check_mod_policy(std::string_view mod_policy);

}  // namespace selvage::channel
