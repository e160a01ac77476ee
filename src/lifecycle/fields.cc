#include "lifecycle/fields.h"

#include <fmt/format.h>

#include <map>

#include "crypto/hash.h"
#include "lifecycle/keys.h"
#include "peer/lifecycle/db.pb.h"
#include "wire/marshal.h"

namespace selvage::lifecycle {
namespace {

using ::lifecycle::StateData;
using ::lifecycle::StateMetadata;

Result<StateData> load(std::string_view name_space, std::string_view name, std::string_view field, const StateReader& state) {
  const std::string key = field_key(name_space, name, field);
  auto value = state.get(key);
  if (!value) return fail(value.error().within("could not get state for key " + key));
  Result<StateData> data(StateData{});
  if (*value && !wire::parse_into(**value, *data)) {
    return fail(Code::kInternal, fmt::format("could not unmarshal state for key {}: {}", key, wire::kBadWireFormat));
  }
  return data;
}

const char* go_type(const StateData& data) {
  switch (data.Type_case()) {
    case StateData::kInt64: return "*lifecycle.StateData_Int64";
    case StateData::kBytes: return "*lifecycle.StateData_Bytes";
    case StateData::kString: return "*lifecycle.StateData_String_";
    default: return "<nil>";
  }
}

}  // namespace

Bytes integer_field(int64_t value) {
  StateData data;
  data.set_int64(value);
  return wire::marshal(data);
}
Bytes bytes_field(BytesView value) {
  StateData data;
  data.set_bytes(Bytes(value));
  return wire::marshal(data);
}
Bytes text_field(std::string_view value) {
  StateData data;
  data.set_string(std::string(value));
  return wire::marshal(data);
}

Bytes Structure::metadata() const {
  StateMetadata message;
  message.set_datatype(type);
  for (const Field& field : fields) message.add_fields(field.name);
  return wire::marshal(message);
}

Status store(std::string_view name_space, std::string_view name, const Structure& structure, StateWriter& state) {
  auto metadata = load_metadata(name_space, name, state);
  if (!metadata) {
    return fail(metadata.error().within(
        fmt::format("could not deserialize metadata for namespace {}/{}", name_space, name)));
  }
  std::map<std::string, std::optional<Bytes>> existing;
  size_t known_fields = 0;
  if (*metadata) {
    known_fields = static_cast<size_t>((*metadata)->fields_size());
    for (const std::string& field : (*metadata)->fields()) {
      const std::string key = field_key(name_space, name, field);
      auto value = state.get(key);
      if (!value) return fail(value.error().within("could not get value for key " + key));
      existing[key] = std::move(*value);
    }
  }
  for (const Field& field : structure.fields) {
    const std::string key = field_key(name_space, name, field.name);
    const auto at = existing.find(key);
    if (at == existing.end() || at->second.value_or(Bytes()) != field.state_data) {
      if (auto put = state.put(key, field.state_data); !put) {
        return fail(put.error().within("could not write key into state"));
      }
    }
    if (at != existing.end()) existing.erase(at);
  }
  if (!existing.empty() || !*metadata || (*metadata)->datatype() != structure.type ||
      known_fields != structure.fields.size()) {
    if (auto put = state.put(metadata_key(name_space, name), structure.metadata()); !put) {
      return fail(put.error().within(fmt::format("could not store metadata for namespace {}/{}", name_space, name)));
    }
  }
  for (const auto& [key, value] : existing) {
    if (auto removed = state.remove(key); !removed) {
      return fail(removed.error().within("could not delete unneeded key " + key));
    }
  }
  return {};
}

Result<Comparison> compare(std::string_view name_space, std::string_view name, const Structure& structure,
                           const HashReader& state) {
  std::map<std::string, std::optional<Bytes>> hashes;
  std::vector<std::string> keys{metadata_key(name_space, name)};
  for (const Field& field : structure.fields) keys.push_back(field_key(name_space, name, field.name));
  // All are read before any is judged: the reads are part of what is endorsed.
  for (const std::string& key : keys) {
    auto hash = state.get_hash(key);
    if (!hash) return fail(hash.error().within("could not get value for key " + key));
    hashes[key] = std::move(*hash);
  }
  Comparison answer;
  if (hashes[keys[0]] != crypto::sha256(structure.metadata())) {
    answer.mismatches.push_back(structure.type);
    return answer;
  }
  for (size_t i = 0; i < structure.fields.size(); i++) {
    if (hashes[keys[i + 1]] != crypto::sha256(structure.fields[i].state_data)) {
      answer.mismatches.push_back(structure.fields[i].name);
    }
  }
  answer.same = answer.mismatches.empty();
  return answer;
}

Result<bool> has_metadata(std::string_view name_space, std::string_view name, const Structure& structure,
                          const HashReader& state) {
  const std::string key = metadata_key(name_space, name);
  auto hash = state.get_hash(key);
  if (!hash) return fail(hash.error().within("could not get state hash for metadata key " + key));
  return *hash == crypto::sha256(structure.metadata());
}

Result<std::optional<StateMetadata>> load_metadata(std::string_view name_space, std::string_view name,
                                                   const StateReader& state) {
  auto value = state.get(metadata_key(name_space, name));
  if (!value) {
    return fail(value.error().within(fmt::format("could not query metadata for namespace {}/{}", name_space, name)));
  }
  if (!*value) return std::optional<StateMetadata>();
  StateMetadata metadata;
  if (!wire::parse_into(**value, metadata)) {
    return fail(Code::kInternal, fmt::format("could not unmarshal metadata for namespace {}/{}: {}", name_space, name,
                                             wire::kBadWireFormat));
  }
  return std::optional(std::move(metadata));
}

Result<int64_t> load_integer(std::string_view name_space, std::string_view name, std::string_view field,
                             const StateReader& state) {
  SELVAGE_TRY(StateData data, load(name_space, name, field, state));
  if (data.Type_case() == StateData::TYPE_NOT_SET) return 0;
  if (data.Type_case() != StateData::kInt64) {
    return fail(Code::kInternal, fmt::format("expected key {} to encode a value of type Int64, but was {}",
                                             field_key(name_space, name, field), go_type(data)));
  }
  return data.int64();
}

Result<Bytes> load_bytes(std::string_view name_space, std::string_view name, std::string_view field,
                         const StateReader& state) {
  SELVAGE_TRY(StateData data, load(name_space, name, field, state));
  if (data.Type_case() == StateData::TYPE_NOT_SET) return Bytes();
  if (data.Type_case() != StateData::kBytes) {
    return fail(Code::kInternal, fmt::format("expected key {} to encode a value of type []byte, but was {}",
                                             field_key(name_space, name, field), go_type(data)));
  }
  return std::move(*data.mutable_bytes());
}

Result<std::string> load_text(std::string_view name_space, std::string_view name, std::string_view field,
                              const StateReader& state) {
  SELVAGE_TRY(StateData data, load(name_space, name, field, state));
  if (data.Type_case() == StateData::TYPE_NOT_SET) return std::string();
  if (data.Type_case() != StateData::kString) {
    return fail(Code::kInternal,
                fmt::format("expected key {}/fields/{}/{} to encode a value of type String, but was {}", name_space, name,
                            field, go_type(data)));
  }
  return std::move(*data.mutable_string());
}

}  // namespace selvage::lifecycle
