// The three structures of lifecycle, between definition.h's structs and the fields in state. Private to lifecycle/.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "lifecycle/definition.h"
#include "lifecycle/fields.h"

namespace selvage::lifecycle {

[[nodiscard]] Structure definition_structure(const Definition& definition);
[[nodiscard]] Structure parameters_structure(const Parameters& parameters);
[[nodiscard]] Structure package_structure(const std::string& package_id);

// Fields in the order of the structure. Errors as Fabric's Deserialize, "type name mismatch 'A' != 'B'" among them.
[[nodiscard]] Result<Definition> load_definition(std::string_view name, const ::lifecycle::StateMetadata& metadata,
                                                 const StateReader& state);
[[nodiscard]] Result<Parameters> load_parameters(std::string_view name, const ::lifecycle::StateMetadata& metadata,
                                                 const StateReader& state);
[[nodiscard]] Result<std::string> load_package_id(std::string_view name, const ::lifecycle::StateMetadata& metadata,
                                                  const StateReader& state);
// Ok when equal; otherwise the first difference in Fabric's words.
[[nodiscard]] Status check_equal(const Parameters& defined, const Parameters& passed);

}  // namespace selvage::lifecycle
