// A JSON document as Go's decoder gives it: numbers stay as they were typed, the last of two equal keys counts, bytes
// that are no UTF-8 become U+FFFD. Errors have the words of Go's encoding/json, because scripts show them.
//
// Pure. Fit for hostile input: depth is bounded.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::tools::protolator {

struct JsonTree {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kMap };
  Kind kind = Kind::kNull;
  bool flag = false;
  std::string text;  // of kText, unescaped; of kNumber, as typed
  std::vector<JsonTree> items;
  std::map<std::string, JsonTree> fields;
  // Set by place_all().
  size_t column = 0;
  size_t key_column = 0;  // of the key that leads here
};

// The first value of `document`, which must be a map or null; what follows is not looked at. kInvalidArgument.
[[nodiscard]] Result<JsonTree> read_json(BytesView document);

// What Go's json.Unmarshal says of a document whose grammar is wrong ("unexpected end of JSON input"); empty when it is
// right.
[[nodiscard]] std::string grammar_error(BytesView document);

// One line, keys sorted, as Go's json.Marshal writes it.
[[nodiscard]] std::string compact(const JsonTree& tree);
[[nodiscard]] std::string quoted(const std::string& text);
// Sets the columns that the values would have in compact(): protobuf's errors name them.
void place_all(JsonTree& tree);

// "map[string]interface {}", "json.Number": the Go type of the value.
[[nodiscard]] const char* go_type_of(const JsonTree& tree);

}  // namespace selvage::tools::protolator
