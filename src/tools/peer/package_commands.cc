#include <ostream>

#include "lifecycle/package.h"
#include "tools/peer/commands.h"
#include "tools/peer/source_folder.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Status package(Call& call) {
  call.silence_usage();
  if (call.arguments().size() != 1) return refuse("invalid number of args. expected only the output file");
  if (call.text("path").empty()) return refuse("chaincode path must be specified");
  if (call.text("lang").empty()) return refuse("chaincode language must be specified");
  if (call.text("label").empty()) return refuse("package label must be specified");
  SELVAGE_CHECK(lifecycle::check_label(call.text("label")));
  std::string language = call.text("lang");
  for (char& c : language) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  SELVAGE_TRY(const auto source, pack_source(language, call.text("path")));
  SELVAGE_TRY(const Bytes bytes,
              lifecycle::make_package({call.text("lang"), source.path, call.text("label")}, source.code_tar_gz));
  const std::string& output = call.arguments()[0];
  if (auto written = write_file(output, bytes, 0600); !written)
    return fail(written.error().within("error writing chaincode package to " + output));
  return {};
}

Status calculatepackageid(Call& call) {
  call.silence_usage();
  if (call.arguments().size() != 1) return refuse("invalid number of args. expected only the packaged chaincode file");
  const std::string& path = call.arguments()[0];
  auto bytes = read_file(path);
  if (!bytes) return fail(bytes.error().within("failed to read chaincode package at '" + path + "'"));
  auto parsed = lifecycle::parse_package(*bytes);
  if (!parsed) return fail(parsed.error().within("could not parse as a chaincode install package"));
  const std::string id = lifecycle::package_id(parsed->metadata.label, *bytes);
  const std::string format = call.text("output");
  if (format == "json" || format == "JSON") {
    call.out() << "{\n\t\"package_id\": \"" << id << "\"\n}\n";
  } else {
    call.out() << id << "\n";
  }
  return {};
}

}  // namespace

std::vector<cobra::Command> package_commands() {
  // Fabric takes these three here too, and does not use them.
  const std::vector<cobra::Flag> unused{
      {"peerAddresses", 0, Kind::kTexts, "The addresses of the peers to connect to", ""},
      {"tlsRootCertFiles", 0, Kind::kTexts,
       "If TLS is enabled, the paths to the TLS root cert files of the peers to connect to. The order and number of "
       "certs "
       "specified should match the --peerAddresses flag",
       ""},
      {"connectionProfile", 0, Kind::kText,
       "The fully qualified path to the connection profile that provides the necessary connection information for the "
       "network. Note: currently only supported for providing peer connection information",
       ""},
  };
  std::vector<cobra::Command> commands{
      {"package [outputfile]",
       "Package a chaincode",
       "Package a chaincode and write the package to a file.",
       {{"label", 0, Kind::kText, "The package label contains a human-readable description of the package", ""},
        {"lang", 'l', Kind::kText, "Language the chaincode is written in", "golang"},
        {"path", 'p', Kind::kText, "Path to the chaincode", ""}},
       {},
       {},
       package,
       nullptr},
      {"calculatepackageid [packageFile]",
       "Calculate the package ID for a chaincode.",
       "Calculate the package ID for a packaged chaincode.",
       {{"output", 'O', Kind::kText,
         "The output format for query results. Default is human-readable plain-text. json is currently the only "
         "supported "
         "format.",
         ""}},
       {},
       {},
       calculatepackageid,
       nullptr},
  };
  for (cobra::Command& command : commands) command.flags.insert(command.flags.end(), unused.begin(), unused.end());
  return commands;
}

}  // namespace selvage::tools::peer
