// Private data collections of a chaincode definition, explicit and implicit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lifecycle/definition.h"

namespace protos {
class CollectionConfigPackage;
class StaticCollectionConfig;
}  // namespace protos
namespace selvage::identity {
class MspManager;
}

namespace selvage::lifecycle {

// The implicit collection of an organisation: its members only. Peer counts matter on the organisation's own peers only.
[[nodiscard]] ::protos::StaticCollectionConfig implicit_collection_config(std::string_view mspid,
                                                                          int32_t required_peer_count = 0,
                                                                          int32_t max_peer_count = 0);

// A collection of a committed definition by name, implicit ones included; nullopt: there is no such collection.
[[nodiscard]] Result<std::optional<::protos::StaticCollectionConfig>> find_collection(const Definition& definition,
                                                                                      std::string_view collection);
// The same, of a marshalled CollectionConfigPackage.
[[nodiscard]] Result<std::optional<::protos::StaticCollectionConfig>> find_collection(BytesView package,
                                                                                      std::string_view collection);
// The explicit ones.
[[nodiscard]] Result<::protos::CollectionConfigPackage> parse_collections(BytesView package);

// ApplicationPolicy bytes that a write into the collection must satisfy: its own policy, the implicit organisation's,
// or the chaincode's. kNotFound "no such collection '<c>'" (a validation error).
[[nodiscard]] Result<Bytes> collection_endorsement_policy(const ChannelRules& channel, const Definition& definition,
                                                          std::string_view collection);

// The checks of approve and commit on the collections argument (Fabric's texts); `msps` are the channel's.
[[nodiscard]] Status check_collections(const ::protos::CollectionConfigPackage& collections,
                                       const identity::MspManager& msps);
// What must hold between the committed collections and the proposed ones. Either may be empty bytes.
[[nodiscard]] Status check_collections_against_committed(const ::protos::CollectionConfigPackage& proposed,
                                                         const ::protos::CollectionConfigPackage& committed);

}  // namespace selvage::lifecycle
