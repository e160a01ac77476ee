#include "channel/capabilities.h"

#include <fmt/format.h>

#include <algorithm>

namespace selvage::channel {
namespace {

Status all_known(const Capabilities& capabilities, const char* type, std::initializer_list<std::string_view> known) {
  for (const std::string& name : capabilities.names()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return fail(Code::kFailedPrecondition, fmt::format("{} capability {} is required but not supported", type, name));
    }
  }
  return {};
}

}  // namespace

bool Capabilities::any_of(std::initializer_list<std::string_view> names) const {
  return std::any_of(names.begin(), names.end(), [this](std::string_view name) { return has(name); });
}

Status ChannelCapabilities::supported() const {
  return all_known(*this, "Channel", {"V1_1", "V1_3", "V1_4_2", "V1_4_3", "V2_0", "V3_0"});
}
identity::MspVersion ChannelCapabilities::msp_version() const {
  if (has("V3_0")) return identity::MspVersion::kV3_0;
  if (any_of({"V1_4_3", "V2_0"})) return identity::MspVersion::kV1_4_3;
  if (any_of({"V1_3", "V1_4_2"})) return identity::MspVersion::kV1_3;
  if (has("V1_1")) return identity::MspVersion::kV1_1;
  return identity::MspVersion::kV1_0;
}
bool ChannelCapabilities::consensus_type_migration() const { return any_of({"V1_4_2", "V1_4_3", "V2_0", "V3_0"}); }
bool ChannelCapabilities::org_specific_orderer_endpoints() const { return any_of({"V1_4_2", "V1_4_3", "V2_0", "V3_0"}); }
bool ChannelCapabilities::consensus_type_bft() const { return has("V3_0"); }

Status OrdererCapabilities::supported() const { return all_known(*this, "Orderer", {"V1_1", "V1_4_2", "V2_0"}); }
bool OrdererCapabilities::predictable_channel_template() const { return any_of({"V1_1", "V1_4_2", "V2_0"}); }
bool OrdererCapabilities::resubmission() const { return any_of({"V1_1", "V1_4_2", "V2_0"}); }
bool OrdererCapabilities::expiration_check() const { return any_of({"V1_1", "V1_4_2", "V2_0"}); }
bool OrdererCapabilities::consensus_type_migration() const { return any_of({"V1_4_2", "V2_0"}); }

Status ApplicationCapabilities::supported() const {
  return all_known(*this, "Application", {"V1_1", "V1_2", "V1_3", "V1_4_2", "V2_0", "V2_5", "V1_1_PVTDATA_EXPERIMENTAL",
                                          "V1_1_RESOURCETREE_EXPERIMENTAL"});
}
bool ApplicationCapabilities::acls() const { return any_of({"V1_2", "V1_3", "V1_4_2", "V2_0", "V2_5"}); }
bool ApplicationCapabilities::forbid_duplicate_txid_in_block() const { return acls() || has("V1_1"); }
bool ApplicationCapabilities::private_channel_data() const { return acls() || has("V1_1_PVTDATA_EXPERIMENTAL"); }
bool ApplicationCapabilities::key_level_endorsement() const { return any_of({"V1_3", "V1_4_2", "V2_0", "V2_5"}); }
bool ApplicationCapabilities::v2_0_validation() const { return any_of({"V2_0", "V2_5"}); }
bool ApplicationCapabilities::lifecycle_v2_0() const { return any_of({"V2_0", "V2_5"}); }
bool ApplicationCapabilities::store_private_data_of_invalid_tx() const { return any_of({"V1_4_2", "V2_0", "V2_5"}); }
bool ApplicationCapabilities::purge_private_data() const { return has("V2_5"); }

}  // namespace selvage::channel
