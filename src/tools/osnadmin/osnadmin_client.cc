#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "config/reader.h"
#include "tls/context.h"
#include "tls/files_service.h"
#include "tools/kingpin.h"
#include "tools/osnadmin/osnadmin.h"
#include "tools/osnadmin/participation_client.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::tools::osnadmin {
namespace {

kingpin::Flag needed(const char* name, const char* help, char letter) {
  return {name, help, letter, "", true, false, false};
}
kingpin::Flag optional(const char* name, const char* help, char letter = 0) {
  return {name, help, letter, "", false, false, false};
}

kingpin::App app() {
  const auto channel = needed("channelID", "Channel ID", 'c');
  auto shift = optional("tlsHandshakeTimeShift",
                        "The amount of time to shift backwards for certificate expiration checks during TLS handshakes "
                        "with the orderer endpoint",
                        't');
  shift.fallback = "0";
  shift.shown_bare = true;
  kingpin::App app;
  app.name = "osnadmin";
  app.help = "Orderer Service Node (OSN) administration";
  app.flags = {
      needed("orderer-address", "Admin endpoint of the OSN", 'o'),
      optional("ca-file", "Path to file containing PEM-encoded TLS CA certificate(s) for the OSN"),
      optional("client-cert",
               "Path to file containing PEM-encoded X509 public key to use for mutual TLS communication "
               "with the OSN"),
      optional("client-key",
               "Path to file containing PEM-encoded private key to use for mutual TLS communication with "
               "the OSN"),
      {"no-status", "Remove the HTTP status message from the command output", 0, "", false, true, false},
  };
  app.groups = {{"channel", "Channel actions"}};
  app.commands = {
      {"channel join",
       "Join an Ordering Service Node (OSN) to a channel. If the channel does not yet exist, it will be created.",
       {channel,
        needed("config-block", "Path to the file containing an up-to-date config block for the channel", 'b')}},
      {"channel list",
       "List channel information for an Ordering Service Node (OSN). If the channelID flag is set, more detailed "
       "information will be provided for that channel.",
       {optional("channelID", "Channel ID", 'c')}},
      {"channel remove", "Remove a channel from an Ordering Service Node (OSN).", {channel}},
      {"channel update",
       "Update an Ordering Service Node (OSN) to a channel.",
       {channel,
        needed("config-update-envelope",
               "Path to the file containing an up-to-date config update envelope for the channel", 'e'),
        shift}},
      {"channel fetch",
       "Fetch a specified block, writing it to a file.",
       {channel, needed("blockID", "Block ID - <newest|oldest|config|(number)>", 'b'),
        // Fabric quirk: cmd/osnadmin/main.go's own spelling.
        needed("outputfile", "Puth to a file.", 'f'), shift}},
  };
  return app;
}

using Values = std::map<std::string, std::string>;

std::string value_of(const Values& values, const char* name) {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

// Null without --ca-file: plain HTTP, as in Fabric.
Result<std::shared_ptr<tls::ClientContext>> tls_context(const Values& values) {
  const std::string ca_file = value_of(values, "ca-file");
  if (ca_file.empty()) return std::shared_ptr<tls::ClientContext>();
  auto roots = tls::load_roots(ca_file, Origin{"--ca-file", "", 0});
  if (!roots) return fail(roots.error().within("reading orderer CA certificate"));
  tls::CredentialFiles files{value_of(values, "client-cert"), Origin{"--client-cert", "", 0},
                             value_of(values, "client-key"), Origin{"--client-key", "", 0}};
  auto credentials = tls::load_credentials(files);
  if (!credentials) return fail(credentials.error().within("loading client cert/key pair"));
  tls::ClientPolicy policy;
  policy.alpn = {"http/1.1"};
  policy.roots_setting = Origin{"--ca-file", "", 0};
  policy.certificate_setting = Origin{"--client-cert", "", 0};
  policy.is_cli = true;
  if (const std::string shift = value_of(values, "tlsHandshakeTimeShift"); !shift.empty()) {
    const auto duration = config::parse_duration(shift);
    if (!duration) return fail(Code::kInvalidArgument, "invalid duration \"" + shift + "\"");
    policy.time_shift = std::chrono::floor<std::chrono::seconds>(*duration);
  }
  return std::make_shared<tls::ClientContext>(std::make_shared<tls::CredentialStore>(*credentials),
                                              std::make_shared<tls::TrustStore>(std::move(*roots)), std::move(policy));
}

// Whoever joins or updates a channel names it, so that a wrong file is noticed before it is sent.
Status check_channel(const std::string& wanted, const Result<std::string>& found, const char* where) {
  if (!found) return fail(found.error());
  if (*found == wanted) return {};
  return fail(Code::kInvalidArgument,
              "specified --channelID " + wanted + " does not match channel ID " + *found + " in config " + where);
}

Result<Bytes> read_block(const Values& values) {
  auto content = read_file(value_of(values, "config-block"));
  if (!content) return fail(content.error().within("reading config block"));
  ::common::Block block;
  if (!wire::parse_into(*content, block))
    return fail(Code::kInvalidArgument, std::string("unmarshalling block: ") + wire::kBadWireFormat);
  SELVAGE_CHECK(check_channel(value_of(values, "channelID"), wire::channel_id_of(block), "block"));
  return content;
}

Result<Bytes> read_update(const Values& values) {
  auto content = read_file(value_of(values, "config-update-envelope"));
  // Fabric quirk: cmd/osnadmin/main.go's own spelling.
  if (!content) return fail(content.error().within("reading config updte envelope"));
  ::common::Envelope envelope;
  if (!wire::parse_into(*content, envelope))
    return fail(Code::kInvalidArgument, std::string("unmarshalling envelope: ") + wire::kBadWireFormat);
  auto header = wire::channel_header_of(envelope);
  if (!header) return fail(header.error());
  SELVAGE_CHECK(check_channel(value_of(values, "channelID"), header->channel_id(), "update envelope"));
  return content;
}

bool is_block_id(const std::string& id) {
  if (id == "newest" || id == "oldest" || id == "config") return true;
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The answer as osnadmin prints it: status line, then the JSON indented with tabs, keys in the server's order.
Result<std::string> shown(const http::Response& response, bool with_status, const std::string& output_file) {
  std::string text = with_status ? "Status: " + std::to_string(response.status) + "\n" : "";
  if (response.body.empty()) return text;
  if (response.status == 200 && !output_file.empty()) {
    SELVAGE_CHECK(write_file(output_file, response.body));
    return text;
  }
  const auto json = nlohmann::ordered_json::parse(response.body, nullptr, false);
  if (json.is_discarded())
    return fail(Code::kInternal,
                "the answer is not JSON: " + escape(response.body.substr(0, response.body.find_last_not_of("\r\n") + 1)), "",
                "TLS-46: is this address the orderer's admin listener, and does it speak TLS? Then give --ca-file, --client-cert and "
                "--client-key");
  const bool line_end = response.body.back() == '\n';
  return text + json.dump(1, '\t', false, nlohmann::ordered_json::error_handler_t::replace) + (line_end ? "\n" : "");
}

}  // namespace

int run(const Arguments& arguments, Terminal terminal) {
  auto refuse = [&](const Error& error) {
    terminal.err << "osnadmin: error: parsing arguments: " << to_string(error) << ". Try --help\n";
    return 1;
  };
  auto parsed = kingpin::parse(app(), arguments);
  if (!parsed) return refuse(parsed.error());
  if (!parsed->usage.empty()) {
    terminal.err << parsed->usage;
    return 0;
  }
  const Values& values = parsed->values;
  auto tls = tls_context(values);
  if (!tls) return refuse(tls.error());
  const ParticipationClient client(value_of(values, "orderer-address"), *tls);
  const std::string channel = value_of(values, "channelID");

  Result<http::Response> response;
  if (parsed->command == "channel join") {
    auto block = read_block(values);
    if (!block) return refuse(block.error());
    response = client.join(*block);
  } else if (parsed->command == "channel update") {
    auto update = read_update(values);
    if (!update) return refuse(update.error());
    response = client.update(*update);
  } else if (parsed->command == "channel list") {
    response = channel.empty() ? client.list() : client.list(channel);
  } else if (parsed->command == "channel remove") {
    response = client.remove(channel);
  } else {
    const std::string block = value_of(values, "blockID");
    if (!is_block_id(block))
      return refuse({Code::kInvalidArgument, "'" + block + "' not equal <newest|oldest|config|(number)>", "", ""});
    response = client.fetch_block(channel, block);
  }

  Result<std::string> text = response ? shown(*response, !values.contains("no-status"), value_of(values, "outputfile"))
                                      : Result<std::string>(fail(response.error()));
  if (!text) {
    terminal.out << "Error: " << to_string(text.error()) << "\n\n";
    return 1;
  }
  terminal.out << *text << "\n";
  return 0;
}

}  // namespace selvage::tools::osnadmin
