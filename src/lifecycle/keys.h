// Names under which lifecycle keeps chaincode definitions in state, and the protobuf framing of their values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace selvage::lifecycle {

inline constexpr std::string_view kNamespace = "_lifecycle";
inline constexpr std::string_view kNamespacesName = "namespaces";
inline constexpr std::string_view kChaincodeSourcesName = "chaincode-sources";
inline constexpr std::string_view kChaincodeDefinitionType = "ChaincodeDefinition";
inline constexpr std::string_view kChaincodeParametersType = "ChaincodeParameters";
inline constexpr std::string_view kChaincodeLocalPackageType = "ChaincodeLocalPackage";
inline constexpr std::string_view kFriendlyChaincodeType = "Chaincode";
inline constexpr std::string_view kDefaultEndorsementPolicy = "/Channel/Application/Endorsement";
inline constexpr std::string_view kLifecycleEndorsementPolicy = "/Channel/Application/LifecycleEndorsement";
inline constexpr std::string_view kDefaultEndorsementPlugin = "escc";
inline constexpr std::string_view kDefaultValidationPlugin = "vscc";
inline constexpr std::string_view kImplicitCollectionPrefix = "_implicit_org_";

// "namespaces/metadata/<name>"
[[nodiscard]] std::string metadata_key(std::string_view name_space, std::string_view name);
// "namespaces/fields/<name>/<field>"
[[nodiscard]] std::string field_key(std::string_view name_space, std::string_view name, std::string_view field);
// "<chaincode>#<sequence>"
[[nodiscard]] std::string private_name(std::string_view chaincode, int64_t sequence);

// "_implicit_org_Org1MSP"
[[nodiscard]] std::string implicit_collection(std::string_view mspid);
// The MSP id of an implicit collection's name; empty when it is not one.
[[nodiscard]] std::string_view mspid_of_implicit_collection(std::string_view collection);

// The chaincode whose definition a write to `key` of `_lifecycle` changes ("namespaces/fields/<cc>/Sequence"); empty
// for every other key. Peers look for it in each committed block.
[[nodiscard]] std::string_view chaincode_of_sequence_key(std::string_view key);

}  // namespace selvage::lifecycle
