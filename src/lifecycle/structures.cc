#include "lifecycle/structures.h"

#include <fmt/format.h>

#include "lifecycle/keys.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/chaincode_definition.pb.h"
#include "peer/lifecycle/db.pb.h"
#include "wire/marshal.h"

namespace selvage::lifecycle {
namespace {

void add_parameters(const Parameters& parameters, std::vector<Field>& fields) {
  ::lifecycle::ChaincodeEndorsementInfo endorsement;
  endorsement.set_version(parameters.version);
  endorsement.set_init_required(parameters.init_required);
  endorsement.set_endorsement_plugin(parameters.endorsement_plugin);
  ::lifecycle::ChaincodeValidationInfo validation;
  validation.set_validation_plugin(parameters.validation_plugin);
  validation.set_validation_parameter(parameters.validation_parameter);
  fields.push_back({"EndorsementInfo", bytes_field(wire::marshal(endorsement))});
  fields.push_back({"ValidationInfo", bytes_field(wire::marshal(validation))});
  fields.push_back({"Collections", bytes_field(parameters.collections)});
}

Status check_type(const ::lifecycle::StateMetadata& metadata, std::string_view type) {
  if (metadata.datatype() == type) return {};
  return fail(Code::kInternal, fmt::format("type name mismatch '{}' != '{}'", type, metadata.datatype()));
}

template <class Message>
Result<Message> load_message(std::string_view name, std::string_view field, const char* type, const StateReader& state) {
  SELVAGE_TRY(Bytes bytes, load_bytes(kNamespacesName, name, field, state));
  Result<Message> message(Message{});
  if (!wire::parse_into(bytes, *message)) {
    return fail(Code::kInternal, fmt::format("could not unmarshal key {} to {}: {}", field_key(kNamespacesName, name, field),
                                             type, wire::kBadWireFormat));
  }
  return message;
}

Status load_parameter_fields(std::string_view name, const StateReader& state, Parameters& to) {
  SELVAGE_TRY(auto endorsement, load_message<::lifecycle::ChaincodeEndorsementInfo>(
                                    name, "EndorsementInfo", "*lifecycle.ChaincodeEndorsementInfo", state));
  SELVAGE_TRY(auto validation, load_message<::lifecycle::ChaincodeValidationInfo>(
                                   name, "ValidationInfo", "*lifecycle.ChaincodeValidationInfo", state));
  SELVAGE_TRY(auto collections, load_message<::protos::CollectionConfigPackage>(name, "Collections",
                                                                                "*peer.CollectionConfigPackage", state));
  to.version = endorsement.version();
  to.init_required = endorsement.init_required();
  to.endorsement_plugin = endorsement.endorsement_plugin();
  to.validation_plugin = validation.validation_plugin();
  to.validation_parameter = validation.validation_parameter();
  to.collections = wire::marshal(collections);
  return {};
}

}  // namespace

Structure definition_structure(const Definition& definition) {
  Structure structure{std::string(kChaincodeDefinitionType), {{"Sequence", integer_field(definition.sequence)}}};
  add_parameters(definition, structure.fields);
  return structure;
}

Structure parameters_structure(const Parameters& parameters) {
  Structure structure{std::string(kChaincodeParametersType), {}};
  add_parameters(parameters, structure.fields);
  return structure;
}

Structure package_structure(const std::string& package_id) {
  return {std::string(kChaincodeLocalPackageType), {{"PackageID", text_field(package_id)}}};
}

Result<Definition> load_definition(std::string_view name, const ::lifecycle::StateMetadata& metadata,
                                   const StateReader& state) {
  SELVAGE_CHECK(check_type(metadata, kChaincodeDefinitionType));
  Definition definition;
  SELVAGE_TRY(definition.sequence, load_integer(kNamespacesName, name, "Sequence", state));
  SELVAGE_CHECK(load_parameter_fields(name, state, definition));
  return definition;
}

Result<Parameters> load_parameters(std::string_view name, const ::lifecycle::StateMetadata& metadata,
                                   const StateReader& state) {
  SELVAGE_CHECK(check_type(metadata, kChaincodeParametersType));
  Parameters parameters;
  SELVAGE_CHECK(load_parameter_fields(name, state, parameters));
  return parameters;
}

Result<std::string> load_package_id(std::string_view name, const ::lifecycle::StateMetadata& metadata,
                                    const StateReader& state) {
  SELVAGE_CHECK(check_type(metadata, kChaincodeLocalPackageType));
  return load_text(kChaincodeSourcesName, name, "PackageID", state);
}

Status check_equal(const Parameters& defined, const Parameters& passed) {
  const auto differ = [](const char* what, const std::string& one, const std::string& other) {
    return fail(Code::kInvalidArgument,
                fmt::format("expected {} '{}' does not match passed {} '{}'", what, one, what, other));
  };
  if (defined.version != passed.version) return differ("Version", defined.version, passed.version);
  if (defined.endorsement_plugin != passed.endorsement_plugin) {
    return differ("EndorsementPlugin", defined.endorsement_plugin, passed.endorsement_plugin);
  }
  if (defined.init_required != passed.init_required) {
    return differ("InitRequired", defined.init_required ? "true" : "false", passed.init_required ? "true" : "false");
  }
  if (defined.validation_plugin != passed.validation_plugin) {
    return differ("ValidationPlugin", defined.validation_plugin, passed.validation_plugin);
  }
  if (defined.validation_parameter != passed.validation_parameter) {
    return differ("ValidationParameter", to_hex(defined.validation_parameter), to_hex(passed.validation_parameter));
  }
  if (defined.collections != passed.collections) return fail(Code::kInvalidArgument, "Collections do not match");
  return {};
}

}  // namespace selvage::lifecycle
