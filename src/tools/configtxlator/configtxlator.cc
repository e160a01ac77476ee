#include "tools/configtxlator/configtxlator.h"

#include <ostream>

#include "channel/update_between.h"
#include "tools/configtxlator/rest_service.h"
#include "tools/kingpin.h"
#include "tools/protolator/protolator.h"
#include "wire/marshal.h"

namespace selvage::tools::configtxlator {
namespace {

constexpr const char* kStdin = "/dev/stdin";
constexpr const char* kStdout = "/dev/stdout";

kingpin::Flag file(const char* name, const char* help, const char* fallback = "") {
  kingpin::Flag flag{name, help};
  flag.existing_file = true;
  flag.fallback = fallback;
  return flag;
}
// Shown like a file, and made when the command runs.
kingpin::Flag output(const char* help) {
  kingpin::Flag flag{"output", help};
  flag.fallback = kStdout;
  flag.shown_bare = true;
  return flag;
}
kingpin::Flag needed(const char* name, const char* help) {
  kingpin::Flag flag{name, help};
  flag.required = true;
  return flag;
}

kingpin::App app() {
  kingpin::App app;
  app.name = "configtxlator";
  app.help = "Utility for generating Hyperledger Fabric channel configurations";
  kingpin::Flag hostname{"hostname", "The hostname or IP on which the REST server will listen"};
  hostname.fallback = "0.0.0.0";
  kingpin::Flag port{"port", "The port on which the REST server will listen"};
  port.fallback = "7059";
  port.number = true;
  kingpin::Flag cors{"CORS", "Allowable CORS domains, e.g. '*' or 'www.example.com' (may be repeated)."};
  cors.many = true;
  app.commands = {
      {"start", "Start the configtxlator REST server", {hostname, port, cors}},
      {"proto_encode",
       "Converts a JSON document to protobuf.",
       {needed("type", "The type of protobuf structure to encode to.  For example, 'common.Config'."),
        file("input", "A file containing the JSON document.", kStdin), output("A file to write the output to.")}},
      {"proto_decode",
       "Converts a proto message to JSON.",
       {needed("type", "The type of protobuf structure to decode from.  For example, 'common.Config'."),
        file("input", "A file containing the proto message.", kStdin),
        output("A file to write the JSON document to.")}},
      {"compute_update",
       "Takes two marshaled common.Config messages and computes the config update which transitions between the two.",
       {file("original", "The original config message."), file("updated", "The updated config message."),
        needed("channel_id", "The name of the channel for this update."),
        output("A file to write the JSON document to.")}},
      {"version", "Show version information", {}},
  };
  return app;
}

class Run {
 public:
  Run(const kingpin::Parsed& parsed, Terminal terminal) : parsed_(parsed), terminal_(terminal) {}

  // The output file is emptied before anything is read, as Fabric's kingpin does.
  Status prepare() const {
    const std::string path = value("output");
    if (path.empty() || path == kStdout) return {};
    return write_file(path, "", 0600);
  }

  Status encode() const {
    auto message = protolator::make_message(value("type"));
    if (!message) return fail(message.error().within("error encode input"));
    SELVAGE_TRY(const Bytes json, input("error decoding input"));
    if (auto done = protolator::from_json(json, **message); !done)
      return fail(done.error().within("error decoding input"));
    return put(wire::marshal(**message));
  }

  Status decode() const {
    auto message = protolator::make_message(value("type"));
    if (!message) return fail(message.error().within("error encode input"));
    SELVAGE_TRY(const Bytes bytes, input("error reading input"));
    if (!wire::parse_into(bytes, **message))
      return fail(Code::kInvalidArgument, std::string("error unmarshalling: ") + wire::kBadWireFormat);
    auto json = protolator::to_json(**message);
    if (!json) return fail(json.error().within("error encoding output"));
    return put(*json);
  }

  Status compute_update() const {
    SELVAGE_TRY(const ::common::Config original, config("original"));
    SELVAGE_TRY(const ::common::Config updated, config("updated"));
    auto update = channel::update_between(original, updated);
    if (!update) return fail(update.error().within("error computing config update"));
    update->set_channel_id(value("channel_id"));
    return put(wire::marshal(*update));
  }

 private:
  std::string value(const char* name) const {
    const auto found = parsed_.values.find(name);
    return found == parsed_.values.end() ? "" : found->second;
  }

  Result<Bytes> input(const char* what) const {
    auto content = read_file(value("input"));
    if (!content) return fail(content.error().within(what));
    return content;
  }

  Result<::common::Config> config(const std::string& which) const {
    const std::string path = value(which.c_str());
    // Fabric quirk: cmd/configtxlator/main.go reads from no file without the flag; Go's words for that, and ours.
    if (path.empty())
      return fail(Code::kInvalidArgument, "error reading " + which + " config: invalid argument", "",
                  "name the file with --" + which);
    auto content = read_file(path);
    if (!content) return fail(content.error().within("error reading " + which + " config"));
    ::common::Config config;
    if (!wire::parse_into(*content, config))
      return fail(Code::kInvalidArgument,
                  "error unmarshalling " + which + " config: " + std::string(wire::kBadWireFormat));
    return config;
  }

  Status put(const Bytes& content) const {
    const std::string path = value("output");
    if (path != kStdout) return write_file(path, content, 0600);
    terminal_.out << content << std::flush;
    if (terminal_.out) return {};
    return fail(Code::kUnavailable, "error writing output: standard output is closed");
  }

  const kingpin::Parsed& parsed_;
  Terminal terminal_;
};

int start(const kingpin::Parsed& parsed, Terminal terminal) {
  RestSettings settings;
  settings.listen_address =
      parsed.values.at("hostname") + ":" + std::to_string(static_cast<int>(std::stod(parsed.values.at("port"))));
  if (const auto found = parsed.lists.find("CORS"); found != parsed.lists.end()) settings.cors_origins = found->second;
  const Status served = serve_rest(settings);
  terminal.err << "configtxlator: error: Could not bind to address '" << settings.listen_address
               << "': " << to_string(served.error()) << "\n";
  return 1;
}

}  // namespace

int run(const Arguments& arguments, Terminal terminal) {
  const auto refuse = [&](const std::string& text) {
    terminal.err << "configtxlator: error: " << text << "\n";
    return 1;
  };
  auto parsed = kingpin::parse(app(), arguments);
  if (!parsed) return refuse(to_string(parsed.error()) + ", try --help");
  if (!parsed->usage.empty()) {
    terminal.err << parsed->usage;
    return 0;
  }
  if (parsed->command == "version") {
    terminal.out << version_banner("configtxlator");
    return 0;
  }
  if (parsed->command == "start") return start(*parsed, terminal);
  const Run command(*parsed, terminal);
  if (auto ready = command.prepare(); !ready) return refuse(to_string(ready.error()) + ", try --help");
  if (parsed->command == "compute_update") {
    const Status done = command.compute_update();
    return done ? 0 : refuse("Error computing update: " + to_string(done.error()));
  }
  const Status done = parsed->command == "proto_encode" ? command.encode() : command.decode();
  // Fabric quirk: cmd/configtxlator/main.go says "decoding" for both.
  return done ? 0 : refuse("Error decoding: " + to_string(done.error()));
}

}  // namespace selvage::tools::configtxlator
