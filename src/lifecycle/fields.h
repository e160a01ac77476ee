// Structures as lifecycle keeps them in state: one key for the type and its field names, one key a field. Private to
// lifecycle/.
//
// What is read is part of what endorsers sign, so each function reads exactly the keys that Fabric reads.
// Fabric quirk: core/chaincode/lifecycle/serializer.go.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "lifecycle/state_reader.h"

namespace lifecycle {
class StateMetadata;
}

namespace selvage::lifecycle {

struct Field {
  std::string name;
  Bytes state_data;  // marshalled StateData
};

[[nodiscard]] Bytes integer_field(int64_t value);
[[nodiscard]] Bytes bytes_field(BytesView value);
[[nodiscard]] Bytes text_field(std::string_view value);

struct Structure {
  std::string type;
  std::vector<Field> fields;
  [[nodiscard]] Bytes metadata() const;  // marshalled StateMetadata
};

// Writes what differs from the state: fields, metadata, and deletions of fields the type no longer has.
[[nodiscard]] Status store(std::string_view name_space, std::string_view name, const Structure& structure, StateWriter& state);

struct Comparison {
  bool same = false;
  std::vector<std::string> mismatches;  // field names, or the type's
};
// Against hashes.
[[nodiscard]] Result<Comparison> compare(std::string_view name_space, std::string_view name, const Structure& structure,
                                         const HashReader& state);
[[nodiscard]] Result<bool> has_metadata(std::string_view name_space, std::string_view name, const Structure& structure,
                                        const HashReader& state);

// The type that is stored under a name; nullopt when there is none.
[[nodiscard]] Result<std::optional<::lifecycle::StateMetadata>> load_metadata(std::string_view name_space,
                                                                              std::string_view name,
                                                                              const StateReader& state);
// An absent field is 0, empty.
[[nodiscard]] Result<int64_t> load_integer(std::string_view name_space, std::string_view name, std::string_view field,
                                           const StateReader& state);
[[nodiscard]] Result<Bytes> load_bytes(std::string_view name_space, std::string_view name, std::string_view field,
                                       const StateReader& state);
[[nodiscard]] Result<std::string> load_text(std::string_view name_space, std::string_view name, std::string_view field,
                                            const StateReader& state);

}  // namespace selvage::lifecycle
