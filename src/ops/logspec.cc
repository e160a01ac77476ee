#include "ops/logspec.h"

#include <fmt/format.h>
#include <strings.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace selvage::ops {
namespace {

using nlohmann::json;

tl::unexpected<Error> refused(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// Go's names of what JSON has.
std::string kind_of(const json& value) {
  if (value.is_boolean()) return "bool";
  return value.type_name();
}

// A byte as Go's encoding/json names it: the character of that number.
std::string quoted(unsigned char byte) {
  if (byte == '\'') return R"('\'')";
  if (byte >= 0x20 && byte < 0x7f && byte != '\\') return fmt::format("'{}'", static_cast<char>(byte));
  if (byte >= 0xa0 && byte != 0xad)
    return fmt::format("'{}{}'", static_cast<char>(0xc0 | (byte >> 6)), static_cast<char>(0x80 | (byte & 0x3f)));
  constexpr std::pair<char, const char*> kNamed[] = {{'\\', "\\\\"}, {'\a', "\\a"}, {'\b', "\\b"}, {'\f', "\\f"},
                                                     {'\n', "\\n"},  {'\r', "\\r"}, {'\t', "\\t"}, {'\v', "\\v"}};
  for (const auto& [named, text] : kNamed) {
    if (byte == static_cast<unsigned char>(named)) return fmt::format("'{}'", text);
  }
  return byte < 0x80 ? fmt::format("'\\x{:02x}'", byte) : fmt::format("'\\u{:04x}'", byte);
}

constexpr char kBlanks[] = " \t\r\n";

tl::unexpected<Error> no_json(BytesView body, size_t first, size_t at) {
  if (at >= body.size()) return refused("unexpected EOF");
  const char* where = " in the JSON value";
  if (at == first) {
    where = " looking for beginning of value";
  } else if (body[body.find_last_not_of(kBlanks, at - 1)] == '{') {
    where = " looking for beginning of object key string";
  }
  return refused("invalid character " + quoted(static_cast<unsigned char>(body[at])) + where);
}

}  // namespace

Result<std::string> parse_logspec_body(BytesView body) {
  const size_t first = body.find_first_not_of(kBlanks);
  if (first == BytesView::npos) return refused("EOF");
  json value;
  try {
    std::istringstream stream{Bytes(body)};
    stream >> value;  // one value; what follows is nobody's affair
  } catch (const json::parse_error& error) {
    // The word that is wrong may have more letters than its first: Go complains about that one.
    const bool word = body.find_first_of("{[\"-0123456789tfn", first) != first;
    return no_json(body, first, word ? first : error.byte > 0 ? error.byte - 1 : 0);
  } catch (const json::exception& error) {
    return refused(error.what());
  }
  if (value.is_null()) return std::string();
  if (!value.is_object()) {
    return refused("json: cannot unmarshal " + kind_of(value) + " into Go value of type httpadmin.LogSpec");
  }
  std::string spec;
  for (const auto& [name, field] : value.items()) {
    if (::strcasecmp(name.c_str(), "spec") != 0 || field.is_null()) continue;  // Go matches names in any case
    if (!field.is_string()) {
      return refused("json: cannot unmarshal " + kind_of(field) + " into Go struct field LogSpec.spec of type string");
    }
    spec = field.get<std::string>();
  }
  return spec;
}

}  // namespace selvage::ops
