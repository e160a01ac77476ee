#include "order/participation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "channel/bundle.h"
#include "channel/config_update.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

constexpr std::string_view kChannels = "/participation/v1/channels";
constexpr const char* kBlockPart = "config-block";
constexpr const char* kUpdatePart = "config-update-envelope";

log::Logger& logger() {
  static log::Logger instance("orderer.common.channelparticipation");
  return instance;
}

auto refuse(std::string why) { return fail(Code::kInvalidArgument, std::move(why)); }

// Go's encoder ends each value with a new line.
ParticipationResponse json(int status, const nlohmann::ordered_json& value) {
  return {status, {{"Content-Type", "application/json"}},
          value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n"};
}

ParticipationResponse error(int status, const std::string& why) {
  nlohmann::ordered_json body;
  body["error"] = why;
  return json(status, body);
}

ParticipationResponse not_allowed(const std::string& why, const char* allow) {
  ParticipationResponse response = error(405, why);
  response.headers.emplace_back("Allow", allow);
  return response;
}

std::string url_of(const std::string& channel) { return std::string(kChannels) + "/" + channel; }

nlohmann::ordered_json to_json(const ChannelInfo& info) {
  nlohmann::ordered_json value;
  value["name"] = info.name;
  value["url"] = url_of(info.name);
  value["consensusRelation"] = info.consensus_relation;
  value["status"] = info.status;
  value["height"] = info.height;
  return value;
}

bool accepts_json(const std::string& accept) {
  if (accept.empty()) return true;
  for (const char* kind : {"application/json", "application/*", "*/*"}) {
    if (accept.find(kind) != std::string::npos) return true;
  }
  return false;
}

ParticipationResponse list(Registrar& registrar) {
  nlohmann::ordered_json value;
  value["systemChannel"] = nullptr;
  value["channels"] = nullptr;
  for (const std::string& name : registrar.list()) {
    nlohmann::ordered_json channel;
    channel["name"] = name;
    channel["url"] = url_of(name);
    value["channels"].push_back(std::move(channel));
  }
  ParticipationResponse response = json(200, value);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

ParticipationResponse info(const std::string& channel, Registrar& registrar) {
  const auto found = registrar.info(channel);
  if (!found) return error(404, found.error().message);
  ParticipationResponse response = json(200, to_json(*found));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// The one part that the form must consist of.
Result<Bytes> only_part(const ParticipationRequest& request, const char* key) {
  if (!request.form) return fail(request.form.error().within("cannot read form from request body"));
  const ParticipationPart* found = nullptr;
  for (const auto& part : *request.form) {
    if (part.is_file && part.name == key) found = &part;
  }
  if (found == nullptr) return refuse(fmt::format("form does not contains part key: {}", key));
  if (request.form->size() != 1) return refuse("form contains too many parts");
  return found->body;
}

ParticipationResponse created(const ChannelInfo& channel) {
  ParticipationResponse response = json(201, to_json(channel));
  response.headers.emplace_back("Location", url_of(channel.name));
  return response;
}

ParticipationResponse join(const ParticipationRequest& request, Registrar& registrar) {
  const auto bytes = only_part(request, kBlockPart);
  if (!bytes) return error(400, bytes.error().message);
  common::Block block;
  if (!wire::parse_into(*bytes, block)) {
    return error(400, fmt::format("cannot unmarshal file part {} into a block: {}", kBlockPart, wire::kBadWireFormat));
  }
  const auto channel = check_join_block(block);
  if (!channel) return error(400, "invalid join block: " + channel.error().message);
  const auto joined = registrar.join(*channel, block);
  if (joined) return created(*joined);
  LOG_DEBUG(logger(), "Failed to JoinChannel: {}", to_string(joined.error()));
  const std::string why = "cannot join: " + joined.error().message;
  switch (joined.error().code) {
    case Code::kAlreadyExists:
      return not_allowed(why, "GET, DELETE");
    case Code::kAborted:
      return error(409, why);
    case Code::kInternal:
      return error(500, why);
    default:
      return error(400, why);
  }
}

ParticipationResponse update(const ParticipationRequest& request, Registrar& registrar) {
  const auto bytes = only_part(request, kUpdatePart);
  if (!bytes) return error(400, bytes.error().message);
  common::Envelope envelope;
  if (!wire::parse_into(*bytes, envelope)) {
    return error(400, fmt::format("cannot unmarshal file part {} into an envelope: {}", kUpdatePart, wire::kBadWireFormat));
  }
  const auto channel = check_update_envelope(envelope);
  if (!channel) return error(400, "invalid config update envelope: " + channel.error().message);
  const auto updated = registrar.update(*channel, envelope);
  if (updated) return created(*updated);
  LOG_DEBUG(logger(), "Failed to UpdateChannel: {}", to_string(updated.error()));
  const std::string why = "cannot update: " + updated.error().message;
  switch (updated.error().code) {
    case Code::kNotFound:
      return error(405, why);
    case Code::kFailedPrecondition:
      return error(403, why);
    case Code::kAborted:
      return error(409, why);
    case Code::kInternal:
      return error(500, why);
    default:
      return error(400, why);
  }
}

ParticipationResponse remove(const std::string& channel, Registrar& registrar) {
  const auto removed = registrar.remove(channel);
  if (removed) return {204, {}, ""};
  const std::string why = "cannot remove: " + removed.error().message;
  switch (removed.error().code) {
    case Code::kNotFound:
      return error(404, why);
    case Code::kAborted:
      return error(409, why);
    default:
      return error(400, why);
  }
}

bool is_block_id(std::string_view id) {
  if (id == "newest" || id == "oldest" || id == "config") return true;
  if (!id.empty() && (id[0] == '-' || id[0] == '+')) id.remove_prefix(1);
  return !id.empty() && id.size() < 20 && id.find_first_not_of("0123456789") == std::string_view::npos;
}

ParticipationResponse fetch(const std::string& channel, const std::string& id, Registrar& registrar) {
  if (!is_block_id(id)) {
    return error(400, id.empty() ? "invalid block ID: block ID illegal, cannot be empty"
                                 : fmt::format("invalid block ID: '{}' not equal <newest|oldest|config|(number)>", id));
  }
  const auto block = registrar.fetch(channel, id);
  if (!block) return error(404, block.error().message);
  return {200,
          {{"Cache-Control", "no-store"}, {"Content-Type", "application/octet-stream"}},
          wire::marshal(**block)};
}

}  // namespace

ParticipationResponse answer(const ParticipationRequest& request, Registrar& registrar) {
  const std::string& method = request.method;
  const auto unknown_method = [&](const char* allow) { return not_allowed("invalid request method: " + method, allow); };
  if (request.path == kParticipationBase) {
    if (method != "GET") return {405, {}, ""};
    return {302, {{"Location", std::string(kChannels)}}, ""};
  }
  if (request.path == kChannels) {
    const bool form = method == "POST" || method == "PUT";
    if (!form && method != "GET") return unknown_method("GET, POST, PUT");
    if (form && !request.content_type.starts_with("multipart/form-data")) {
      return error(400, fmt::format("unsupported Content-Type: [{}]", request.content_type));
    }
    if (!accepts_json(request.accept)) return error(406, "response Content-Type is application/json only");
    if (method == "POST") return join(request, registrar);
    if (method == "PUT") return update(request, registrar);
    return list(registrar);
  }
  const std::string_view path(request.path);
  if (!path.starts_with(url_of(""))) return {404, {{"Content-Type", "text/plain; charset=utf-8"}}, "404 page not found\n"};
  std::string_view rest = path.substr(url_of("").size());
  const size_t slash = rest.find('/');
  const std::string channel(rest.substr(0, slash));
  std::optional<std::string> block;
  if (slash != std::string_view::npos) {
    rest.remove_prefix(slash);
    if (!rest.starts_with("/blocks/") || rest.substr(8).find('/') != std::string_view::npos || rest.size() == 8) {
      return {404, {{"Content-Type", "text/plain; charset=utf-8"}}, "404 page not found\n"};
    }
    block = std::string(rest.substr(8));
  }
  if (block && method != "GET") return unknown_method("GET");
  if (!block && method != "GET" && method != "DELETE") return unknown_method("GET, DELETE");
  if (!accepts_json(request.accept)) return error(406, "response Content-Type is application/json only");
  if (auto fine = channel::check_channel_id(channel); !fine) {
    return error(400, "invalid channel ID: " + fine.error().message);
  }
  if (block) return fetch(channel, *block, registrar);
  return method == "GET" ? info(channel, registrar) : remove(channel, registrar);
}

Result<std::string> check_join_block(const common::Block& block) {
  if (!wire::is_config_block(block)) return refuse("block is not a config block");
  if (block.metadata().metadata().empty()) return refuse("invalid block: does not have metadata");
  if (wire::data_hash(block.data()) != block.header().data_hash()) {
    return refuse("invalid block: Header.DataHash is different from Hash(block.Data)");
  }
  SELVAGE_TRY(const auto bundle, channel::Bundle::from_block(block));
  if (bundle->has_consortiums()) return refuse("invalid config: contains consortiums: system channel not supported");
  if (bundle->application() == nullptr) return refuse("invalid config: must contain application config");
  // The id becomes a file name.
  SELVAGE_CHECK(channel::check_channel_id(bundle->channel_id()));
  return bundle->channel_id();
}

Result<std::string> check_update_envelope(const common::Envelope& envelope) {
  common::Payload payload;
  if (!wire::parse_into(envelope.payload(), payload)) return refuse("bad payload");
  if (!payload.has_header() || payload.header().channel_header().empty()) return refuse("bad header");
  common::ChannelHeader header;
  if (!wire::parse_into(payload.header().channel_header(), header)) return refuse("could not unmarshall channel header");
  if (header.type() != common::CONFIG_UPDATE) return refuse("bad type");
  if (header.channel_id().empty()) return refuse("empty channel id");
  SELVAGE_TRY(const auto update_envelope, channel::config_update_of(envelope));
  SELVAGE_TRY(const auto update, wire::parse<common::ConfigUpdate>(update_envelope.config_update()));
  return update.channel_id();
}

}  // namespace selvage::order
