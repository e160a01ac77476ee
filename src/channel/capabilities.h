// What the members of a channel have agreed that everybody understands: the V2_0, V2_5, V3_0 switches of the channel,
// orderer and application groups, and what each of them turns on.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "identity/msp.h"

namespace selvage::channel {

class Capabilities {
 public:
  Capabilities() = default;
  explicit Capabilities(std::set<std::string, std::less<>> names) : names_(std::move(names)) {}
  [[nodiscard]] bool has(std::string_view name) const { return names_.find(name) != names_.end(); }
  [[nodiscard]] bool any_of(std::initializer_list<std::string_view> names) const;
  [[nodiscard]] const std::set<std::string, std::less<>>& names() const { return names_; }

 private:
  std::set<std::string, std::less<>> names_;
};

// Channel group.
class ChannelCapabilities : public Capabilities {
 public:
  using Capabilities::Capabilities;
  // kFailedPrecondition "Channel capability V9_9 is required but not supported".
  [[nodiscard]] Status supported() const;
  [[nodiscard]] identity::MspVersion msp_version() const;
  [[nodiscard]] bool consensus_type_migration() const;
  [[nodiscard]] bool org_specific_orderer_endpoints() const;
  [[nodiscard]] bool consensus_type_bft() const;  // V3_0
};

// Orderer group.
class OrdererCapabilities : public Capabilities {
 public:
  using Capabilities::Capabilities;
  [[nodiscard]] Status supported() const;
  [[nodiscard]] bool predictable_channel_template() const;
  [[nodiscard]] bool resubmission() const;
  [[nodiscard]] bool expiration_check() const;
  [[nodiscard]] bool consensus_type_migration() const;
};

// Application group.
class ApplicationCapabilities : public Capabilities {
 public:
  using Capabilities::Capabilities;
  [[nodiscard]] Status supported() const;
  [[nodiscard]] bool acls() const;
  [[nodiscard]] bool forbid_duplicate_txid_in_block() const;
  [[nodiscard]] bool private_channel_data() const;
  [[nodiscard]] bool key_level_endorsement() const;
  [[nodiscard]] bool v2_0_validation() const;
  [[nodiscard]] bool lifecycle_v2_0() const;
  [[nodiscard]] bool store_private_data_of_invalid_tx() const;
  [[nodiscard]] bool purge_private_data() const;  // V2_5
};

}  // namespace selvage::channel
