// What can be asked about definitions and approvals.
#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "crypto/hash.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "lifecycle/structures.h"
#include "peer/lifecycle/db.pb.h"
#include "wire/marshal.h"

namespace selvage::lifecycle {
namespace {

using ::lifecycle::StateMetadata;

const log::Logger& logger() {
  static const log::Logger instance("lifecycle");
  return instance;
}

// Names that have metadata, in order.
Result<std::map<std::string, StateMetadata>> load_all_metadata(const RangeReader& state) {
  const std::string prefix = metadata_key(kNamespacesName, "");
  auto entries = state.range(prefix);
  if (!entries) {
    return fail(entries.error().within(fmt::format("could not get state range for namespace {}", kNamespacesName)));
  }
  std::map<std::string, StateMetadata> all;
  for (const auto& [key, value] : *entries) {
    StateMetadata metadata;
    if (!wire::parse_into(value, metadata)) {
      return fail(Code::kInternal, fmt::format("error unmarshalling metadata for key {}: {}", key, wire::kBadWireFormat));
    }
    all.emplace(key.substr(prefix.size()), std::move(metadata));
  }
  return all;
}

Result<ApprovedDefinition> load_approved(const std::string& chaincode, int64_t sequence, const StateMetadata& metadata,
                                         const StateReader& org_state) {
  const std::string name = private_name(chaincode, sequence);
  if (metadata.datatype() != kChaincodeParametersType) {
    return fail(Code::kInternal, "not a chaincode parameters type: " + metadata.datatype());
  }
  ApprovedDefinition approved;
  approved.sequence = sequence;
  auto parameters = load_parameters(name, metadata, org_state);
  if (!parameters) {
    return fail(parameters.error().within(fmt::format("could not deserialize chaincode parameters for {}", name)));
  }
  static_cast<Parameters&>(approved) = std::move(*parameters);
  auto source = load_metadata(kChaincodeSourcesName, name, org_state);
  if (!source) {
    return fail(source.error().within(fmt::format("could not deserialize chaincode-source metadata for {}", name)));
  }
  if (!*source) {
    return fail(Code::kNotFound, fmt::format("could not fetch chaincode-source metadata for {}", name));
  }
  if ((*source)->datatype() != kChaincodeLocalPackageType) {
    return fail(Code::kInternal, "not a chaincode local package type: " + (*source)->datatype());
  }
  auto package_id = load_package_id(name, **source, org_state);
  if (!package_id) {
    return fail(package_id.error().within(fmt::format("could not deserialize chaincode package for {}", name)));
  }
  approved.package_id = std::move(*package_id);
  return approved;
}

}  // namespace

Result<Definition> query_definition(const std::string& chaincode, const StateReader& public_state) {
  auto metadata = load_metadata(kNamespacesName, chaincode, public_state);
  if (!metadata) {
    return fail(metadata.error().within(fmt::format("could not fetch metadata for namespace {}", chaincode)));
  }
  if (!*metadata) return fail(Code::kNotFound, fmt::format("namespace {} is not defined", chaincode));
  auto definition = load_definition(chaincode, **metadata, public_state);
  if (!definition) {
    return fail(definition.error().within(fmt::format("could not deserialize namespace {} as chaincode", chaincode)));
  }
  LOG_INFO(logger(), "Successfully queried chaincode name '{}' with definition {{{}}},", escape(chaincode),
           definition->to_string());
  return definition;
}

Result<std::map<std::string, std::string>> query_namespaces(const RangeReader& public_state) {
  auto all = load_all_metadata(public_state);
  if (!all) return fail(all.error().within("could not query namespace metadata"));
  std::map<std::string, std::string> types;
  for (const auto& [name, metadata] : *all) {
    types[name] = metadata.datatype() == kChaincodeDefinitionType ? std::string(kFriendlyChaincodeType) : metadata.datatype();
  }
  return types;
}

Result<ApprovedDefinition> query_approved(const ChannelRules& channel, const std::string& chaincode, int64_t sequence,
                                          const StateReader& public_state, const StateReader& org_state) {
  int64_t requested = sequence;
  if (requested == 0) {
    auto current = read_sequence(chaincode, public_state);
    if (!current) return fail(current.error().within("could not get current sequence"));
    requested = *current;
    auto next = load_metadata(kNamespacesName, private_name(chaincode, *current + 1), org_state);
    if (!next) {
      return fail(next.error().within(
          fmt::format("could not deserialize namespace metadata for next sequence {}", *current + 1)));
    }
    if (*next) requested = *current + 1;
  }
  LOG_INFO(logger(), "Attempting to fetch approved definition (name: '{}', sequence: '{}') on channel '{}'", escape(chaincode),
           requested, channel.channel_id);
  const std::string name = private_name(chaincode, requested);
  auto metadata = load_metadata(kNamespacesName, name, org_state);
  if (!metadata) {
    return fail(metadata.error().within(fmt::format("could not deserialize namespace metadata for {}", name)));
  }
  if (!*metadata) {
    return fail(Code::kNotFound,
                fmt::format("could not fetch approved chaincode definition (name: '{}', sequence: '{}') on channel '{}'",
                            chaincode, requested, channel.channel_id));
  }
  return load_approved(chaincode, requested, **metadata, org_state);
}

Result<std::map<std::string, ApprovedDefinition>> query_all_approved(const ChannelRules& channel,
                                                                     const RangeReader& org_state) {
  auto all = load_all_metadata(org_state);
  if (!all) return fail(all.error().within("could not fetch metadatas"));
  std::map<std::string, ApprovedDefinition> definitions;
  for (const auto& [name, metadata] : *all) {
    const auto context = fmt::format("could not extract chaincode name and sequence number from metadata: {}", name);
    const size_t hash = name.find('#');
    if (hash == std::string::npos || name.find('#', hash + 1) != std::string::npos) {
      return fail(Code::kInternal, fmt::format("{}: invalid private name format: {}", context, name));
    }
    int64_t sequence = 0;
    const char* end = name.data() + name.size();
    if (auto [at, error] = std::from_chars(name.data() + hash + 1, end, sequence); error != std::errc() || at != end) {
      return fail(Code::kInternal, fmt::format("{}: invalid sequence number in private name: {}", context, name));
    }
    const std::string chaincode = name.substr(0, hash);
    auto definition = load_approved(chaincode, sequence, metadata, org_state);
    if (!definition) {
      return fail(definition.error().within(
          fmt::format("could not fetch approved chaincode definition (name: '{}', sequence: '{}') on channel '{}'", chaincode,
                      sequence, channel.channel_id)));
    }
    definitions.emplace(name, std::move(*definition));
  }
  return definitions;
}

Result<LocalApproval> read_local_approval(const std::string& chaincode, const Definition& committed,
                                          const HashReader& org_hashes) {
  const std::string name = private_name(chaincode, committed.sequence);
  LocalApproval answer;
  auto package = org_hashes.get_hash(field_key(kChaincodeSourcesName, name, "PackageID"));
  if (!package) {
    return fail(package.error().within(
        fmt::format("could not check opaque org state for chaincode source hash for '{}'", chaincode)));
  }
  auto compared = compare(kNamespacesName, name, parameters_structure(committed), org_hashes);
  if (!compared) return fail(compared.error().within(fmt::format("could not check opaque org state for '{}'", chaincode)));
  answer.approved = compared->same;
  if (!answer.approved) return answer;
  auto local = has_metadata(kChaincodeSourcesName, name, package_structure(""), org_hashes);
  if (!local) {
    return fail(local.error().within(
        fmt::format("could not check opaque org state for chaincode source for '{}'", chaincode)));
  }
  answer.has_package = *local && package->has_value();
  if (answer.has_package) answer.package_hash = std::move(**package);
  return answer;
}

Bytes package_state_hash(const std::string& package_id) { return crypto::sha256(text_field(package_id)); }

}  // namespace selvage::lifecycle
