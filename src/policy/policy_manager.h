// The policies of one channel configuration by path: "/Channel/Application/Writers".
#pragma once

#include <map>
#include <memory>
#include <span>
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

  // Absolute ("/Channel/...", asked of the root) or relative to this group ("Application/Writers"). Null when there is
  // none of that name. Lives as long as the manager.
  [[nodiscard]] const Policy* find(std::string_view id) const;
  // find(id)->evaluate(signatures); an unknown id refuses everybody: "no such policy: '<id>'".
  [[nodiscard]] Status evaluate(std::string_view id, std::span<const SignedData> signatures) const;
  // The same, for who keeps it beyond this manager's life; null when there is none.
  [[nodiscard]] std::shared_ptr<const Policy> share(std::string_view id) const;
  // The group below, by its path from here; null when there is none.
  [[nodiscard]] const PolicyManager* sub(std::span<const std::string> path) const;

  PolicyManager() = default;
  PolicyManager(const PolicyManager&) = delete;
  PolicyManager& operator=(const PolicyManager&) = delete;

 private:
  using DeserializerPtr = std::shared_ptr<const identity::IdentityDeserializer>;
  [[nodiscard]] static Result<std::unique_ptr<PolicyManager>> make_group(std::string path, const ::common::ConfigGroup& group,
                                                                         const DeserializerPtr& deserializer, int depth);
  std::string path_;  // "Channel/Application": no slash in front, as Fabric prints it
  std::map<std::string, std::shared_ptr<const Policy>, std::less<>> policies_;  // relative ids of this group and below
  std::map<std::string, std::unique_ptr<PolicyManager>, std::less<>> groups_;
};

}  // namespace selvage::policy
