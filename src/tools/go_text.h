// Protobuf messages as Go's programs print them: with %v, and with encoding/json over the generated structs.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "wire/go_text.h"

namespace selvage::tools {

using wire::go_text;
// Fields in the order of the .proto file under their proto names, empty ones left out, 64-bit numbers as numbers, bytes
// in base64. `indent` empty: one line.
[[nodiscard]] std::string go_json(const google::protobuf::Message& message, const std::string& indent);

// What Go's encoding/json calls a value of the wrong type: "string", "number", "array".
[[nodiscard]] const char* go_json_kind(const nlohmann::json& value);

}  // namespace selvage::tools
