#include <algorithm>
#include <ostream>

#include "tools/discover/discover.h"
#include "tools/discover/rendering.h"
#include "tools/discover/requests_client.h"
#include "tools/discover/settings.h"
#include "tools/kingpin.h"

namespace selvage::tools::discover {
namespace {

kingpin::Flag text(const char* name, const char* help) { return {name, help, 0, "", false, false, false}; }
kingpin::Flag file(const char* name, const char* help) {
  auto flag = text(name, help);
  flag.existing_file = true;
  return flag;
}
kingpin::Flag many(const char* name, const char* help) {
  auto flag = text(name, help);
  flag.many = true;
  return flag;
}

kingpin::App app() {
  const auto server = text("server", "Sets the endpoint of the server to connect");
  const auto channel = text("channel", "Sets the channel the query is intended to");
  kingpin::App app;
  app.name = "discover";
  app.help = "Command line client for fabric discovery service";
  app.flags = {
      text("configFile", "Specifies the config file to load the configuration from"),
      file("peerTLSCA", "Sets the TLS CA certificate file path that verifies the TLS peer's certificate"),
      file("tlsCert", "(Optional) Sets the client TLS certificate file path that is used when the peer enforces client "
                      "authentication"),
      file("tlsKey", "(Optional) Sets the client TLS key file path that is used when the peer enforces client "
                     "authentication"),
      file("userKey", "Sets the user's key file path that is used to sign messages sent to the peer"),
      file("userCert", "Sets the user's certificate file path that is used to authenticate the messages sent to the peer"),
      text("MSP", "Sets the MSP ID of the user, which represents the CA(s) that issued its user certificate"),
  };
  app.commands = {
      {"peers", "Discover peers", {server, channel}},
      {"config", "Discover channel config", {server, channel}},
      {"endorsers",
       "Discover chaincode endorsers",
       {many("chaincode", "Specifies the chaincode name(s)"),
        many("collection", "Specifies the collection name(s) as a mapping from chaincode to a comma separated list of "
                           "collections"),
        many("noPrivateReads", "Specifies chaincodes that are not expected to be have private data read"), server, channel}},
      {"saveConfig", "Save the config passed by flags into the file specified by --configFile", {}},
  };
  return app;
}

std::string value_of(const kingpin::Parsed& parsed, const char* name) {
  const auto found = parsed.values.find(name);
  return found == parsed.values.end() ? "" : found->second;
}
std::vector<std::string> list_of(const kingpin::Parsed& parsed, const char* name) {
  const auto found = parsed.lists.find(name);
  return found == parsed.lists.end() ? std::vector<std::string>() : found->second;
}

tl::unexpected<Error> invalid(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// "CC:C1,C2" or "CC=C1,C2", as kingpin's StringMap has it.
Result<std::map<std::string, std::vector<std::string>>> collections_of(const kingpin::Parsed& parsed,
                                                                       const std::vector<std::string>& chaincodes) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& given : list_of(parsed, "collection")) {
    const size_t split = given.find_first_of(":=");
    if (split == std::string::npos) return invalid("expected KEY=VALUE got '" + given + "'");
    const std::string chaincode = given.substr(0, split);
    if (std::find(chaincodes.begin(), chaincodes.end(), chaincode) == chaincodes.end())
      return invalid("a collection specified chaincode " + chaincode + " but it wasn't specified with a chaincode flag");
    std::vector<std::string> names{""};
    for (const char c : given.substr(split + 1)) {
      if (c == ',') {
        names.emplace_back();
      } else {
        names.back() += c;
      }
    }
    out[chaincode] = std::move(names);
  }
  return out;
}

Result<::discovery::Request> make_request(const kingpin::Parsed& parsed) {
  ::discovery::Request request;
  auto& query = *request.add_queries();
  const std::string channel = value_of(parsed, "channel");
  if (parsed.command == "endorsers" && channel.empty()) return invalid("no channel specified");
  if (value_of(parsed, "server").empty()) return invalid("no server specified");
  if (parsed.command == "config" && channel.empty()) return invalid("no channel specified");
  query.set_channel(channel);
  if (parsed.command == "config") {
    query.mutable_config_query();
  } else if (parsed.command == "peers") {
    if (channel.empty()) {
      query.mutable_local_peers();
    } else {
      query.mutable_peer_query();
    }
  } else {
    const auto chaincodes = list_of(parsed, "chaincode");
    const auto no_reads = list_of(parsed, "noPrivateReads");
    for (const auto& name : no_reads) {
      if (std::find(chaincodes.begin(), chaincodes.end(), name) == chaincodes.end())
        return invalid("chaincode " + name + " is specified as not containing private data reads but should be explicitly "
                       "defined via a chaincode flag");
    }
    SELVAGE_TRY(const auto collections, collections_of(parsed, chaincodes));
    if (chaincodes.empty())
      return invalid("failed creating request: invocation chain should not be empty");
    auto& interest = *query.mutable_cc_query()->add_interests();
    for (const auto& name : chaincodes) {
      auto& call = *interest.add_chaincodes();
      call.set_name(name);
      if (const auto found = collections.find(name); found != collections.end())
        for (const auto& collection : found->second) call.add_collection_names(collection);
      call.set_no_private_reads(std::find(no_reads.begin(), no_reads.end(), name) != no_reads.end());
    }
  }
  return request;
}

Result<std::string> ask(const kingpin::Parsed& parsed, const Settings& settings) {
  SELVAGE_TRY(const auto request, make_request(parsed));
  const std::string server = value_of(parsed, "server");
  auto response = send(settings, server, request);
  if (!response) {
    // What a file has against it is said as it is; a connection's fault names the server.
    const bool connected = response.error().message.starts_with("open ");
    if (connected || parsed.command == "endorsers") return fail(response.error());
    return fail(response.error().within("failed connecting to " + server));
  }
  if (response->results().empty()) return fail(Code::kUnknown, "empty results");
  const auto& result = response->results(0);
  if (result.has_error())
    return fail(Code::kUnknown, (parsed.command == "endorsers" ? "server returned: " : "") + result.error().content());
  if (parsed.command == "config") return show_config(result.config_result());
  if (parsed.command == "peers") return show_peers(result.members(), !request.queries(0).channel().empty());
  return show_endorsers(result.cc_query_res());
}

}  // namespace

int run(const Arguments& arguments, Terminal terminal) {
  auto parsed = kingpin::parse(app(), arguments);
  if (!parsed) {
    terminal.err << "discover: error: " << parsed.error().message << ", try --help\n";
    return 1;
  }
  if (!parsed->usage.empty()) {
    terminal.err << parsed->usage;
    return 0;
  }
  const std::string file = value_of(*parsed, "configFile");
  if (parsed->command == "saveConfig") {
    if (file.empty()) {
      terminal.err << "--configFile must be used to specify the configuration file\n";
      return 0;
    }
    if (auto stored = store_settings(settings_of(parsed->values), file); !stored) {
      terminal.err << "Failed persisting configuration: " << to_string(stored.error()) << "\n";
      return 1;
    }
    return 0;
  }
  Settings settings = settings_of(parsed->values);
  if (!file.empty()) {
    auto loaded = load_settings(file);
    if (!loaded) {
      terminal.err << "Failed loading config " << to_string(loaded.error()) << "\n";
      return 1;
    }
    settings = std::move(*loaded);
  }
  auto text = ask(*parsed, settings);
  if (!text) {
    terminal.err << to_string(text.error()) << "\n";
    return 1;
  }
  terminal.out << *text;
  return 0;
}

}  // namespace selvage::tools::discover
