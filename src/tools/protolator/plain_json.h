// Protobuf's own JSON of a message, as Go's protojson reads and writes it: bytes in base64, 64-bit numbers as texts,
// nothing opened. Errors have protojson's words, with the column in the one-line form of the JSON.
//
// Pure. Of Google's own types: Timestamp and Empty, the only ones that Fabric's messages of configuration hold.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "tools/protolator/json_tree.h"

namespace selvage::tools::protolator {

using Json = nlohmann::json;  // keeps keys sorted

// One field; unset ones show as null, "", 0, [] or {}.
[[nodiscard]] Json plain_field(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

// `message` is empty before. Field names in either form, "channel_id" or "channelId".
[[nodiscard]] Status read_plain(JsonTree tree, google::protobuf::Message& message);

}  // namespace selvage::tools::protolator
