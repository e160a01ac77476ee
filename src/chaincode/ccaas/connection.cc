#include "chaincode/ccaas/connection.h"

#include <cctype>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace selvage::chaincode {
namespace {

using nlohmann::json;

constexpr size_t kConnectionBytesMax = 1 << 20;

// Go's time.ParseDuration for the units a timeout is written in.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  static const std::map<std::string_view, double> kUnits = {{"ns", 1},    {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"ms", 1e6},
                                                            {"s", 1e9},   {"m", 6e10}, {"h", 3.6e12}};
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0)) return std::nullopt;  // "nan" is a number too
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t letters = 0;
    while (letters < text.size() && text[letters] != '.' && !std::isdigit(static_cast<unsigned char>(text[letters])))
      ++letters;
    auto unit = kUnits.find(text.substr(0, letters));
    if (unit == kUnits.end()) return std::nullopt;
    total += number * unit->second;
    if (total > 9e18) return std::nullopt;
    text.remove_prefix(letters);
  }
  return std::chrono::nanoseconds(static_cast<int64_t>(total));
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The value of ".a.b" in the configuration, as Go's template would print it.
Result<std::string> look_up(std::string_view expression, const json& config) {
  if (expression.empty() || expression[0] != '.')
    return fail(Code::kInvalidArgument, "unsupported template action {{" + std::string(expression) + "}}", "",
                "write {{.name}}, a field of CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG");
  const json* at = &config;
  std::string_view rest = expression.substr(1);
  while (!rest.empty()) {
    size_t dot = rest.find('.');
    std::string name(rest.substr(0, dot));
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    if (!at->is_object() || !at->contains(name))
      return fail(Code::kInvalidArgument, "map has no entry for key \"" + name + "\"", "",
                  "add \"" + name + "\" to the JSON object in CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG of the peer");
    at = &(*at)[name];
  }
  if (at->is_string()) return at->get<std::string>();
  if (at->is_object() || at->is_array() || at->is_null())
    return fail(Code::kInvalidArgument, "{{" + std::string(expression) + "}} is not a text, number or boolean");
  return at->dump();
}

// One text field of connection.json, template expanded.
Result<std::string> text_field(const json& object, const char* key, const char* name, std::string_view config) {
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string())
    return fail(Code::kInvalidArgument, std::string("connection.json: \"") + key + "\" is not a text");
  auto expanded = expand_template(found->get_ref<const std::string&>(), config);
  if (!expanded) return fail(std::move(expanded).error().within(std::string("Failed to parse the ") + name + " field template"));
  return expanded;
}

Result<bool> bool_field(const json& object, const char* key) {
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return false;
  if (!found->is_boolean())
    return fail(Code::kInvalidArgument, std::string("connection.json: \"") + key + "\" is not true or false", "",
                std::string("write \"") + key + "\": true, without quotes around the value");
  return found->get<bool>();
}

Status check_pem(const char* key, const std::string& text, std::string_view label) {
  if (text.find("-----BEGIN ") != std::string::npos) {
    if (text.find(label) != std::string::npos) return {};
    return fail(Code::kInvalidArgument, std::string("connection.json: \"") + key + "\" holds no " + std::string(label));
  }
  auto decoded = from_base64(std::string(trim(text)));
  if (decoded && decoded->find("-----BEGIN ") != std::string::npos)
    return fail(Code::kInvalidArgument, std::string("connection.json: \"") + key + "\" is base64 of PEM: write the PEM itself, with \\n for its "
                "line ends (TLS-54)");
  return fail(Code::kInvalidArgument, std::string("connection.json: \"") + key + "\" is not PEM: write the content of the file (with \\n "
              "for its line ends), not its path (TLS-54)");
}

}  // namespace

Result<std::string> expand_template(std::string_view text, std::string_view builder_config) {
  std::string out;
  std::optional<json> config;
  while (true) {
    size_t open = text.find("{{");
    if (open == std::string_view::npos) return out.append(text);
    std::string_view before = text.substr(0, open);
    text.remove_prefix(open + 2);
    size_t close = text.find("}}");
    if (close == std::string_view::npos)
      return fail(Code::kInvalidArgument, "template: unclosed action", "", "close {{ with }}");
    std::string_view action = text.substr(0, close);
    text.remove_prefix(close + 2);
    if (action.size() >= 2 && action[0] == '-' && is_space(action[1])) {
      while (!before.empty() && is_space(before.back())) before.remove_suffix(1);
      action.remove_prefix(2);
    }
    if (action.size() >= 2 && action.back() == '-' && is_space(action[action.size() - 2])) {
      while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
      action.remove_suffix(2);
    }
    out.append(before);
    action = trim(action);
    if (action.starts_with("/*")) continue;
    if (!config) {
      config = builder_config.empty() ? json::object() : json::parse(builder_config, nullptr, false);
      if (config->is_discarded() || !config->is_object())
        return fail(Code::kInvalidArgument, "Failed to unmarshal CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG", "",
                    "set CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG to a JSON object, for example {\"peername\":\"org1peer1\"}");
    }
    SELVAGE_TRY(std::string value, look_up(action, *config));
    out.append(value);
  }
}

Result<Connection> parse_connection(std::string_view text, std::string_view builder_config) {
  if (text.size() > kConnectionBytesMax)
    return fail(Code::kInvalidArgument, "connection.json is larger than " + std::to_string(kConnectionBytesMax) + " bytes");
  json object = json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object())
    return fail(Code::kInvalidArgument, "malformed chaincode info at 'connection.json'", "",
                "connection.json must be one JSON object: {\"address\": \"host:port\", ...}");
  Connection out;
  SELVAGE_TRY(out.address, text_field(object, "address", "Address", builder_config));
  SELVAGE_TRY(out.domain, text_field(object, "domain", "Domain", builder_config));
  SELVAGE_TRY(out.tls_required, bool_field(object, "tls_required"));
  SELVAGE_TRY(out.client_auth_required, bool_field(object, "client_auth_required"));
  if (auto timeout = object.find("dial_timeout"); timeout != object.end() && timeout->is_number()) {
    out.dial_timeout = std::chrono::nanoseconds(timeout->get<int64_t>());
  } else {
    SELVAGE_TRY(std::string written, text_field(object, "dial_timeout", "DialTimeout", builder_config));
    if (!written.empty()) {
      auto parsed = parse_duration(written);
      if (!parsed)
        return fail(Code::kInvalidArgument, "connection.json: \"dial_timeout\" is not a duration: " + escape(written, 40),
                    "", "write it as \"10s\" or \"500ms\"");
      out.dial_timeout = *parsed;
    }
  }
  if (out.dial_timeout.count() <= 0) out.dial_timeout = std::chrono::seconds(3);

  if (out.address.empty())
    return fail(Code::kInvalidArgument, "chaincode address not provided", "",
                "add \"address\": \"host:port\" to connection.json");
  size_t colon = out.address.rfind(':');
  int port = 0;
  if (colon != std::string::npos)
    std::from_chars(out.address.data() + colon + 1, out.address.data() + out.address.size(), port);
  if (colon == std::string::npos || colon == 0 || port < 1 || port > 65535)
    return fail(Code::kInvalidArgument, "connection.json: \"address\" is not host:port: " + escape(out.address, 100));
  if (!out.tls_required) {
    if (out.client_auth_required)
      return fail(Code::kInvalidArgument, "connection.json: \"client_auth_required\" needs \"tls_required\": true");
    return out;
  }
  SELVAGE_TRY(out.root_cert, text_field(object, "root_cert", "RootCert", builder_config));
  SELVAGE_TRY(out.client_key, text_field(object, "client_key", "ClientKey", builder_config));
  SELVAGE_TRY(out.client_cert, text_field(object, "client_cert", "ClientCert", builder_config));
  if (out.client_auth_required && out.client_key.empty())
    return fail(Code::kInvalidArgument, "chaincode tls key not provided", "",
                "add \"client_key\" (PEM) to connection.json, or set \"client_auth_required\": false");
  if (out.client_auth_required && out.client_cert.empty())
    return fail(Code::kInvalidArgument, "chaincode tls cert not provided", "",
                "add \"client_cert\" (PEM) to connection.json, or set \"client_auth_required\": false");
  if (out.root_cert.empty())
    return fail(Code::kInvalidArgument, "chaincode tls root cert not provided", "",
                "add \"root_cert\", the PEM of the CA that issued the chaincode server's certificate, to connection.json");
  SELVAGE_CHECK(check_pem("root_cert", out.root_cert, "CERTIFICATE"));
  if (out.client_auth_required) {
    SELVAGE_CHECK(check_pem("client_cert", out.client_cert, "CERTIFICATE"));
    SELVAGE_CHECK(check_pem("client_key", out.client_key, "PRIVATE KEY"));
  }
  return out;
}

}  // namespace selvage::chaincode
