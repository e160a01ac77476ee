#include "tools/configtxlator/rest_service.h"

#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "channel/update_between.h"
#include "http/server.h"
#include "tools/protolator/protolator.h"
#include "wire/marshal.h"

namespace selvage::tools::configtxlator {
namespace {

constexpr size_t kBodyBytesMax = 64u << 20;

const log::Logger& logger() {
  static const log::Logger logger("configtxlator");
  return logger;
}

// Go guesses the content type from the first bytes where a handler sets none in time, which upstream's do not.
std::string sniffed(BytesView body) {
  for (const char c : body.substr(0, 512)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x08 || byte == 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f))
      return "application/octet-stream";
  }
  return "text/plain; charset=utf-8";
}

http::Response reply(int status, Bytes body) {
  http::Response response;
  response.status = status;
  if (!body.empty()) response.headers.set("Content-Type", sniffed(body));
  response.body = std::move(body);
  return response;
}

http::Response encode(const http::Request& request, const std::string& type) {
  auto message = protolator::make_message(type);
  if (!message) return reply(404, message.error().within("message type not found").message + "\n");
  if (auto done = protolator::from_json(request.body, **message); !done) return reply(400, done.error().message + "\n");
  return reply(200, wire::marshal(**message));
}

http::Response decode(const http::Request& request, const std::string& type) {
  auto message = protolator::make_message(type);
  if (!message) return reply(404, message.error().within("message type not found").message + "\n");
  if (!wire::parse_into(request.body, **message)) return reply(400, std::string(wire::kBadWireFormat) + "\n");
  auto json = protolator::to_json(**message);
  if (!json) return reply(400, json.error().message + "\n");
  return reply(200, std::move(*json));
}

Result<::common::Config> config_in(const Result<std::vector<http::FormPart>>& form, const std::string& field) {
  const auto refuse = [&](const std::string& why) {
    return fail(Code::kInvalidArgument, "Error with field '" + field + "': " + why);
  };
  if (!form) return refuse("error reading field bytes: " + form.error().message);
  for (const http::FormPart& part : *form) {
    if (part.name != field || part.file_name.empty()) continue;
    ::common::Config config;
    if (!wire::parse_into(part.body, config))
      return refuse(std::string("error unmarshalling field bytes: ") + wire::kBadWireFormat);
    return config;
  }
  return refuse("error reading field bytes: http: no such file");
}

// The form's value, or else the query's.
std::string channel_in(const std::vector<http::FormPart>& form, const std::string& query) {
  for (const http::FormPart& part : form)
    if (part.name == "channel" && part.file_name.empty()) return part.body;
  for (size_t at = 0; at < query.size();) {
    const size_t end = std::min(query.find('&', at), query.size());
    std::string pair = query.substr(at, end - at);
    at = end + 1;
    if (!pair.starts_with("channel=")) continue;
    std::replace(pair.begin(), pair.end(), '+', ' ');
    return http::percent_decode(pair.substr(8)).value_or("");
  }
  return "";
}

http::Response compute_update(const http::Request& request) {
  const auto form = http::parse_multipart(request.headers.get("Content-Type"), request.body);
  const auto original = config_in(form, "original");
  if (!original) return reply(400, original.error().message + "\n");
  const auto updated = config_in(form, "updated");
  if (!updated) return reply(400, updated.error().message + "\n");
  auto update = channel::update_between(*original, *updated);
  if (!update) return reply(400, "Error computing update: " + update.error().message + "\n");
  update->set_channel_id(channel_in(*form, request.query));
  return reply(200, wire::marshal(*update));
}

http::Response route(const http::Request& request) {
  std::string path = request.path;
  const bool slash = path.size() > 1 && path.ends_with('/');
  if (slash) path.pop_back();
  static const std::string encoding = "/protolator/encode/", decoding = "/protolator/decode/";
  const auto last_part_of = [&](const std::string& prefix) {
    return path.starts_with(prefix) && path.size() > prefix.size() && path.find('/', prefix.size()) == std::string::npos
               ? path.substr(prefix.size())
               : "";
  };
  const std::string encoded = last_part_of(encoding), decoded = last_part_of(decoding);
  const bool computes = path == "/configtxlator/compute/update-from-configs";
  if (encoded.empty() && decoded.empty() && !computes) {
    http::Response missing = reply(404, "404 page not found\n");
    missing.headers.set("X-Content-Type-Options", "nosniff");
    return missing;
  }
  if (request.method != "POST") return reply(405, "");
  if (slash) {
    http::Response moved = reply(301, "");
    moved.headers.set("Location", path + (request.query.empty() ? "" : "?" + request.query));
    return moved;
  }
  if (computes) return compute_update(request);
  return encoded.empty() ? decode(request, decoded) : encode(request, encoded);
}

bool contains(const std::vector<std::string>& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

// "content-type" -> "Content-Type".
std::string canonical(std::string_view name) {
  std::string out;
  bool start = true;
  for (const char c : name) {
    if (c == ' ' || c == '\t') continue;
    const auto byte = static_cast<unsigned char>(c);
    out += static_cast<char>(start ? std::toupper(byte) : std::tolower(byte));
    start = c == '-';
  }
  return out;
}

// What a browser asks before it lets a page post: an error's status, or the headers that may be sent.
Result<std::string> preflight(const http::Request& request) {
  const auto refuse = [](int status) { return fail(Code::kPermissionDenied, std::to_string(status)); };
  const std::string_view method = request.headers.get("Access-Control-Request-Method");
  if (method.empty()) return refuse(400);
  if (method != "POST") return refuse(405);
  static const std::vector<std::string> always{"Accept", "Accept-Language", "Content-Language", "Origin"};
  std::string allowed;
  const std::string asked(request.headers.get("Access-Control-Request-Headers"));
  for (size_t at = 0; at <= asked.size();) {
    const size_t end = std::min(asked.find(',', at), asked.size());
    const std::string name = canonical(std::string_view(asked).substr(at, end - at));
    at = end + 1;
    if (name.empty() || contains(always, name)) continue;
    if (name != "Content-Type") return refuse(403);
    allowed += (allowed.empty() ? "" : ",") + name;
  }
  return allowed;
}

}  // namespace

http::Response answer(const http::Request& request, const std::vector<std::string>& cors_origins) {
  if (cors_origins.empty()) return route(request);
  const std::string origin(request.headers.get("Origin"));
  const bool any = contains(cors_origins, "*");
  const bool options = request.method == "OPTIONS";
  if (origin.empty() || (!any && !contains(cors_origins, origin))) return options ? reply(200, "") : route(request);
  http::Response response;
  if (options) {
    auto headers = preflight(request);
    if (!headers) return reply(std::stoi(headers.error().message), "");
    response = reply(200, "");
    if (!headers->empty()) response.headers.set("Access-Control-Allow-Headers", *headers);
  } else {
    response = route(request);
  }
  if (cors_origins.size() > 1) response.headers.set("Vary", "Origin");
  response.headers.set("Access-Control-Allow-Origin", any ? "*" : origin);
  return response;
}

Status serve_rest(const RestSettings& settings) {
  http::ServerSettings server_settings;
  server_settings.listen_address = settings.listen_address;
  server_settings.name = "configtxlator";
  server_settings.logger = "configtxlator";
  server_settings.body_bytes_max = kBodyBytesMax;
  http::Server server(std::move(server_settings));
  server.add("/", [origins = settings.cors_origins](const http::Request& request) { return answer(request, origins); });
  SELVAGE_CHECK(server.start());
  std::string cors;
  for (const std::string& origin : settings.cors_origins) cors += (cors.empty() ? "" : " ") + origin;
  LOG_INFO(logger(), "Serving HTTP requests on {}{}", server.address(), cors.empty() ? "" : " with CORS [" + cors + "]");
  while (true) ::pause();  // a signal ends the process
}

}  // namespace selvage::tools::configtxlator
