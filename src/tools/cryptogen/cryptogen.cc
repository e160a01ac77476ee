#include "tools/cryptogen/cryptogen.h"

#include <ostream>

#include "os/system_clock.h"
#include "tools/cryptogen/crypto_config.h"
#include "tools/cryptogen/organization_writer.h"
#include "tools/kingpin.h"

namespace selvage::tools::cryptogen {
namespace {

kingpin::App app() {
  const auto config = kingpin::Flag{"config", "The configuration template to use", 0, "", false, false, true};
  return {"cryptogen",
          "Utility for generating Hyperledger Fabric key material",
          {},
          {},
          {{"generate",
            "Generate key material",
            {{"output", "The output directory in which to place artifacts", 0, "crypto-config", false, false, false},
             config}},
           {"showtemplate", "Show the default configuration template", {}},
           {"version", "Show version information", {}},
           {"extend",
            "Extend existing network",
            {{"input", "The input directory in which existing network place", 0, "crypto-config", false, false, false},
             config}}}};
}

// Fabric ends with 255 when the configuration is wrong and with 1 when something cannot be made.
Result<void> write_all(CryptoConfig config, const std::string& folder, bool extending, Terminal terminal, int& code) {
  const auto now = std::chrono::floor<std::chrono::seconds>(os::system_clock().now());
  for (const Kind kind : {Kind::kPeer, Kind::kOrderer}) {
    const std::string word = kind == Kind::kPeer ? "peer" : "orderer";
    for (Organization& organization : kind == Kind::kPeer ? config.peers : config.orderers) {
      code = 255;
      if (auto done = expand(organization, word); !done)
        return fail(done.error().within("Error processing " + word + " configuration"));
      code = 1;
      if (kind == Kind::kPeer && !extending) terminal.out << organization.domain << "\n";
      SELVAGE_CHECK(extending ? extend_organization(folder, organization, kind, now)
                              : generate_organization(folder, organization, kind, now));
    }
  }
  return {};
}

}  // namespace

int run(const Arguments& arguments, Terminal terminal) {
  auto parsed = kingpin::parse(app(), arguments);
  if (!parsed) {
    terminal.err << "cryptogen: error: " << parsed.error().message << ", try --help\n";
    return 1;
  }
  if (!parsed->usage.empty()) {
    terminal.err << parsed->usage;
    return 0;
  }
  if (parsed->command == "showtemplate") {
    terminal.out << kDefaultConfig;
    return 0;
  }
  if (parsed->command == "version") {
    terminal.out << version_banner("cryptogen");
    return 0;
  }

  std::string yaml = kDefaultConfig;
  std::string file;
  if (parsed->values.contains("config")) {
    file = parsed->values["config"];
    auto content = read_file(file);
    if (!content) {
      terminal.out << "Error reading config: Error reading configuration: " << content.error().message << "\n";
      return 255;
    }
    yaml = std::move(*content);
  }
  auto config = parse_crypto_config(yaml, file);
  if (!config) {
    terminal.out << "Error reading config: " << to_string(config.error()) << "\n";
    return 255;
  }
  const bool extending = parsed->command == "extend";
  int code = 1;
  auto done = write_all(std::move(*config), parsed->values[extending ? "input" : "output"], extending, terminal, code);
  if (!done) {
    terminal.out << to_string(done.error()) << "\n";
    return code;
  }
  return 0;
}

}  // namespace selvage::tools::cryptogen
