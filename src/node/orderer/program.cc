#include "node/orderer/program.h"

#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "base/log.h"
#include "config/orderer_settings.h"
#include "config/tree.h"
#include "node/orderer/orderer.h"
#include "os/file_limit.h"
#include "os/log_sink.h"
#include "os/signals.h"
#include "wire/protobuf_log.h"

namespace selvage::node {
namespace {

constexpr const char* kVersion =
    "orderer:\n Version: 0.1.0\n Commit SHA: development build\n OS/Arch: linux/amd64\n";
constexpr const char* kHelp = R"(usage: orderer [<flags>] <command> [<args> ...]

Hyperledger Fabric orderer node

Flags:
  --help  Show context-sensitive help (also try --help-long and --help-man).

Commands:
  help [<command>...]
    Show help.

  start*
    Start the orderer node

  version
    Show version information


)";

std::string usage_of(const std::string& command, const char* help) {
  return fmt::format("usage: orderer {}\n\n{}\n\nFlags:\n  --help  Show context-sensitive help (also try --help-long and "
                     "--help-man).\n\n",
                     command, help);
}

// The command to run; nullopt when `status` says how it ended already.
std::optional<std::string> parse(const std::vector<std::string>& arguments, int* status) {
  std::string command;
  bool help = false;
  const auto refuse = [&](const std::string& why) {
    std::cerr << "orderer: error: " << why << ", try --help\n";
    *status = 1;
    return std::nullopt;
  };
  for (const std::string& word : arguments) {
    if (word == "--help" || word == "--help-long" || word == "--help-man") {
      help = true;
    } else if (word.starts_with("--")) {
      return refuse(fmt::format("unknown long flag '{}'", word));
    } else if (word.starts_with("-")) {
      return refuse(fmt::format("unknown short flag '{}'", word));
    } else if (command.empty() && (word == "start" || word == "version" || word == "help")) {
      command = word;
    } else if (command == "help" && (word == "start" || word == "version")) {
      command = word;
      help = true;
    } else {
      return refuse("unexpected " + word);
    }
  }
  if (!help && command != "help") return command.empty() ? "start" : command;
  *status = 0;
  if (command == "start") {
    std::cerr << usage_of(command, "Start the orderer node");
  } else if (command == "version") {
    std::cerr << usage_of(command, "Show version information");
  } else {
    std::cerr << kHelp;
  }
  return std::nullopt;
}

// "General.ListenPort = 7050", a line a value, as the file and the environment say it.
void flatten(const config::Node& node, const std::string& key, std::string* out) {
  switch (node.kind) {
    case config::Node::Kind::kMap:
      for (const auto& [name, value] : node.fields) flatten(value, key.empty() ? name : key + "." + name, out);
      break;
    case config::Node::Kind::kList: {
      std::string items;
      for (const config::Node& item : node.items) items += (items.empty() ? "" : " ") + item.text;
      *out += fmt::format("\n\t{} = [{}]", key, items);
      break;
    }
    case config::Node::Kind::kNull:
      *out += fmt::format("\n\t{} = \"\"", key);
      break;
    case config::Node::Kind::kScalar: {
      const bool plain = !node.quoted && (node.text == "true" || node.text == "false" ||
                                          node.text.find_first_not_of("0123456789.-") == std::string::npos);
      *out += plain && !node.text.empty() ? fmt::format("\n\t{} = {}", key, node.text)
                                          : fmt::format("\n\t{} = \"{}\"", key, node.text);
      break;
    }
  }
}

struct Loaded {
  config::Tree tree;
  config::OrdererSettings settings;
};

Result<Loaded> load() {
  const auto environment = config::process_environment();
  SELVAGE_TRY(const std::string file, config::find_file("orderer", environment));
  SELVAGE_TRY(config::Tree tree, config::Tree::load(file, "ORDERER", environment));
  SELVAGE_TRY(config::OrdererSettings settings, config::read_orderer_settings(tree));
  return Loaded{std::move(tree), std::move(settings)};
}

}  // namespace

int run_orderer(const std::vector<std::string>& arguments) {
  int status = 0;
  const auto command = parse(arguments, &status);
  if (!command) return status;
  if (*command == "version") {
    std::cout << kVersion << std::endl;
    return 0;
  }
  wire::route_protobuf_log();
  os::raise_file_limit();
  log::Logger logger("orderer.common.server");
  os::Signals signals(logger);
  if (auto logging = os::start_logging(); !logging) {
    std::cerr << to_string(logging.error()) << "\n";
    return 1;
  }
  auto loaded = load();
  if (!loaded) {
    LOG_ERROR(logger, "failed to parse config: {}", to_string(loaded.error()));
    return 1;
  }
  std::string echo;
  flatten(loaded->tree.root(), "", &echo);
  LOG_INFO(logger, "Orderer config values:{}\n", echo);
  auto orderer = Orderer::start(loaded->settings);
  if (!orderer) {
    LOG_ERROR(logger, "{}", to_string(orderer.error()));
    return 1;
  }
  signals.wait([&] { (*orderer)->reload(); });
  (*orderer)->stop();
  return 0;
}

}  // namespace selvage::node
