// The policies of one channel configuration by path: "/Channel/Application/Writers".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace common {
class ConfigGroup;
}

namespace selvage::policy {

inline constexpr std::string_view kChannelReaders = "/Channel/Readers";
inline constexpr std::string_view kChannelWriters = "/Channel/Writers";
inline constexpr std::string_view kChannelApplicationReaders = "/Channel/Application/Readers";
inline constexpr std::string_view kChannelApplicationWriters = "/Channel/Application/Writers";
inline constexpr std::string_view kChannelApplicationAdmins = "/Channel/Application/Admins";
inline constexpr std::string_view kChannelOrdererAdmins = "/Channel/Orderer/Admins";
inline constexpr std::string_view kChannelOrdererWriters = "/Channel/Orderer/Writers";
inline constexpr std::string_view kBlockValidation = "/Channel/Orderer/BlockValidation";

// Immutable; safe from any thread. One node of the tree of groups.
class PolicyManager {
 public:
  // Errors: kInvalidArgument with Fabric's words.
  [[nodiscard]] static Result<std::shared_ptr<const PolicyManager>> make(
      std::string_view root, const ::common::ConfigGroup& group,
      std::shared_ptr<const identity::IdentityDeserializer> deserializer);

  // Absolute ("/Channel/...", asked of the root) or relative to this group ("Application/Writers"). Never null: an
  // unknown id gives the policy that refuses everybody, with "no such policy: '<id>'". Lives as long as the manager.
  [[nodiscard]] const Policy& get(std::string_view id) const;
  // Null when there is none of that name.
  [[nodiscard]] const Policy* find(std::string_view id) const;
  // The group below, by its path from here; null when there is none.
  [[nodiscard]] const PolicyManager* sub(std::span<const std::string> path) const;

  PolicyManager();
  ~PolicyManager();

 private:
  friend struct PolicyManagerMaker;
  std::string path_;  // "/Channel/Application" ("Channel" at the root, as Fabric prints it)
  std::map<std::string, std::shared_ptr<const Policy>, std::less<>> policies_;  // relative ids of this group and below
  std::map<std::string, std::unique_ptr<PolicyManager>, std::less<>> groups_;
  std::unique_ptr<Policy> refuse_;
};

}  // namespace selvage::policy
