#include "tools/configtxgen/configtxgen.h"

#include <ostream>

#include "base/log.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "tools/configtxgen/creation_transaction.h"
#include "tools/configtxgen/encoder.h"
#include "tools/configtxgen/profile.h"
#include "tools/go_flags.h"
#include "tools/protolator/protolator.h"
#include "wire/genesis.h"
#include "wire/marshal.h"

namespace selvage::tools::configtxgen {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("common.tools.configtxgen");
  return logger;
}

std::vector<go_flags::Flag> flags() {
  return {
      {"outputBlock", "The path to write the genesis block to (if set)"},
      {"channelID", "The channel ID to use in the configtx"},
      {"profile", "The profile from configtx.yaml to use for generation."},
      {"configPath", "The path containing the configuration to use (if set)"},
      {"inspectBlock", "Prints the configuration contained in the block at the specified path"},
      {"inspectChannelCreateTx",
       "[DEPRECATED] Prints the configuration contained in the transaction at the specified path"},
      {"outputCreateChannelTx", "[DEPRECATED] The path to write a channel creation configtx to (if set)"},
      {"channelCreateTxBaseProfile",
       "[DEPRECATED] Specifies a profile to consider as the orderer system channel current state to allow modification "
       "of non-application parameters during channel create tx generation. Only valid in conjunction with "
       "'outputCreateChannelTx'."},
      {"asOrg",
       "Performs the config generation as a particular organization (by name), only including values in the write set "
       "that org (likely) has privilege to set"},
      {"printOrg",
       "Prints the definition of an organization as JSON. (useful for adding an org to a channel manually)"},
      {"version", "Show version information", true},
  };
}

Status check_local(const std::vector<Organization>& organizations) {
  for (const Organization& organization : organizations)
    if (organization.skip_as_foreign)
      return fail(Code::kInvalidArgument,
                  "could not create bootstrapper: all org definitions must be local during "
                  "bootstrapping: organization '" +
                      organization.name + "' is marked to be skipped as foreign");
  return {};
}

Status write_with_folders(const std::string& path, const Bytes& content) {
  if (const size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    SELVAGE_CHECK(make_folder(path.substr(0, slash), 0750));
  return write_file(path, content, 0640);
}

Status output_block(const Profile& profile, const std::string& channel_id, const std::string& path) {
  if (profile.orderer) SELVAGE_CHECK(check_local(profile.orderer->organizations));
  if (profile.application) SELVAGE_CHECK(check_local(profile.application->organizations));
  if (profile.consortiums) {
    for (const auto& [name, organizations] : *profile.consortiums) SELVAGE_CHECK(check_local(organizations));
  }
  auto group = make_channel_group(profile);
  if (!group) return fail(group.error().within("could not create bootstrapper: could not create channel group"));
  LOG_INFO(logger(), "Generating genesis block");
  if (!profile.orderer)
    return fail(Code::kInvalidArgument, "refusing to generate block which is missing orderer section");
  if (profile.consortiums) {
    LOG_ERROR(logger(),
              "Warning: 'Consortiums' should be nil since system channel is no longer supported in Fabric v3.x");
  } else if (!profile.application) {
    return fail(Code::kInvalidArgument,
                "refusing to generate application channel block which is missing application section");
  } else {
    LOG_INFO(logger(), "Creating application channel genesis block");
  }
  const auto block = wire::make_genesis_block(channel_id, *group, os::system_clock().now(), os::system_random());
  LOG_INFO(logger(), "Writing genesis block");
  const Status written = write_with_folders(path, wire::marshal(block));
  if (!written) return fail(written.error().within("error writing genesis block"));
  return {};
}

Status output_creation(const Profile& profile, const std::string& channel_id, const std::string& path) {
  LOG_INFO(logger(), "Generating new channel configtx");
  SELVAGE_TRY(const auto envelope, make_creation_transaction(channel_id, profile, os::system_clock().now()));
  LOG_INFO(logger(), "Writing new channel tx");
  const Status written = write_with_folders(path, wire::marshal(envelope));
  if (!written) return fail(written.error().within("error writing channel create tx"));
  return {};
}

Status inspect_creation(const std::string& path, Terminal terminal) {
  LOG_INFO(logger(), "Inspecting transaction");
  auto content = read_file(path);
  if (!content) return fail(content.error().within("could not read channel create tx"));
  LOG_INFO(logger(), "Parsing transaction");
  auto envelope = wire::parse<::common::Envelope>(*content);
  if (!envelope) return fail(envelope.error().within("Error unmarshalling envelope"));
  auto json = protolator::to_json(*envelope);
  if (!json) return fail(json.error().within("malformed transaction contents"));
  terminal.out << *json;
  return {};
}

Status inspect_block(const std::string& path, Terminal terminal) {
  LOG_INFO(logger(), "Inspecting block");
  auto content = read_file(path);
  if (!content) return fail(Code::kNotFound, "could not read block " + path, content.error().message);
  LOG_INFO(logger(), "Parsing genesis block");
  auto block = wire::parse<::common::Block>(*content);
  if (!block) return fail(block.error().within("error unmarshalling to block"));
  auto json = protolator::to_json(*block);
  if (!json) return fail(json.error().within("malformed block contents"));
  terminal.out << *json;
  return {};
}

Status print_org(const config::Tree& tree, const std::string& name, Terminal terminal) {
  SELVAGE_TRY(const auto organizations, load_organizations(tree));
  for (const Organization& organization : organizations) {
    if (organization.name != name) continue;
    const bool orders = !organization.orderer_endpoints.empty();
    SELVAGE_TRY(const Capabilities capabilities, load_channel_capabilities(tree));
    auto group = orders ? make_orderer_org(organization, capabilities) : make_application_org(organization);
    if (!group) return fail(group.error().within("bad org definition for org " + name));
    SELVAGE_TRY(const std::string json, protolator::to_json(*group, orders ? protolator::GroupKind::kOrdererOrg
                                                                           : protolator::GroupKind::kApplicationOrg));
    terminal.out << json;
    return {};
  }
  return fail(Code::kNotFound, "organization " + name + " not found");
}

[[nodiscard]] int fatal(const std::string& text) {
  SELVAGE_LOG(logger(), log::Level::kFatal, "{}", text);
  return 1;
}

// What a missing file or profile is answered with, besides the reason.
[[nodiscard]] int not_loaded(const Error& error, const std::string& what) {
  if (error.code == Code::kNotFound) {
    LOG_ERROR(logger(), "{}. Please make sure that FABRIC_CFG_PATH or -configPath is set to a path which contains {}",
              to_string(error), what);
    return 1;
  }
  return fatal(to_string(error));
}

}  // namespace

int run(const std::string& program, const Arguments& arguments, Terminal terminal) {
  auto parsed = go_flags::parse(flags(), arguments);
  if (!parsed || parsed->help) {
    if (!parsed) terminal.err << parsed.error().message << "\n";
    terminal.err << go_flags::usage(program, flags());
    return parsed ? 0 : 2;
  }
  const std::string block = parsed->text("outputBlock");
  const std::string creation = parsed->text("outputCreateChannelTx");
  if (parsed->text("channelID").empty() && !(block.empty() && creation.empty()))
    return fatal("Missing channelID, please specify it with '-channelID'");
  if (parsed->text("version") == "true") {
    terminal.out << version_banner("configtxgen");
    return 0;
  }
  LOG_INFO(logger(), "Loading configuration");
  const std::string wanted = parsed->text("profile");
  const std::string org = parsed->text("printOrg");
  if (!parsed->text("channelCreateTxBaseProfile").empty())
    return fatal("-channelCreateTxBaseProfile names a system channel, and Fabric v3 has none: leave it out");
  if (!parsed->text("asOrg").empty()) {
    // Fabric quirk: cmd/configtxgen/main.go takes -asOrg and does nothing with it since -outputAnchorPeersUpdate is
    // gone.
    LOG_WARN(logger(), "-asOrg has no effect on what can still be generated");
  }
  if (!block.empty() || !creation.empty()) {
    if (wanted.empty())
      return fatal("The '-profile' is required when '-outputBlock', '-outputChannelCreateTx' is specified");
    auto tree = load_tree(parsed->text("configPath"));
    if (!tree) return not_loaded(tree.error(), "configtx.yaml");
    auto profile = load_profile(*tree, wanted);
    if (!profile) return not_loaded(profile.error(), "configtx.yaml with the specified profile");
    if (!block.empty())
      if (auto done = output_block(*profile, parsed->text("channelID"), block); !done)
        return fatal("Error on outputBlock: " + to_string(done.error()));
    if (!creation.empty())
      if (auto done = output_creation(*profile, parsed->text("channelID"), creation); !done)
        return fatal("Error on outputChannelCreateTx: " + to_string(done.error()));
  }
  if (const std::string path = parsed->text("inspectBlock"); !path.empty())
    if (auto done = inspect_block(path, terminal); !done)
      return fatal("Error on inspectBlock: " + to_string(done.error()));
  if (const std::string path = parsed->text("inspectChannelCreateTx"); !path.empty())
    if (auto done = inspect_creation(path, terminal); !done)
      return fatal("Error on inspectChannelCreateTx: " + to_string(done.error()));
  if (!org.empty()) {
    auto tree = load_tree(parsed->text("configPath"));
    if (!tree) return not_loaded(tree.error(), "configtx.yaml");
    if (auto done = print_org(*tree, org, terminal); !done)
      return fatal("Error on printOrg: " + to_string(done.error()));
  }
  return 0;
}

}  // namespace selvage::tools::configtxgen
