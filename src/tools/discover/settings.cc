#include "tools/discover/settings.h"

#include <fmt/format.h>

#include <filesystem>

#include "config/tree.h"
#include "tools/terminal.h"

namespace selvage::tools::discover {
namespace {

Status check(const Settings& settings) {
  const std::pair<const char*, const std::string*> needed[] = {
      {"MSPID", &settings.mspid}, {"IdentityPath", &settings.certificate}, {"KeyPath", &settings.key}};
  for (const auto& [name, value] : needed)
    if (value->empty()) return fail(Code::kInvalidArgument, std::string(name) + " is mandatory and cannot be empty");
  return {};
}

// A yaml scalar; quoted where a bare one would mean something else.
std::string scalar(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_of(":#'\"{}[],&*!|>%@`\n ") == std::string::npos && text[0] != '-';
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

Settings settings_of(const std::map<std::string, std::string>& flags) {
  const auto text = [&](const char* name) {
    const auto found = flags.find(name);
    return found == flags.end() ? std::string() : found->second;
  };
  const auto path = [&](const char* name) {
    const std::string given = text(name);
    if (given.empty()) return given;
    std::error_code failed;
    const auto absolute = std::filesystem::absolute(given, failed).lexically_normal();
    return failed ? given : absolute.string();
  };
  return {path("tlsCert"), path("tlsKey"), path("peerTLSCA"), text("MSP"), path("userCert"), path("userKey")};
}

Result<Settings> load_settings(const std::string& file) {
  SELVAGE_TRY(const auto content, read_file(file));
  auto tree = config::Tree::parse(content, file, "", {});
  if (!tree) {
    return fail(tree.error().code, fmt::format("error unmarshalling YAML file {}: {}", file, tree.error().message));
  }
  const auto text = [&](const char* key) {
    const auto* node = tree->find(key);
    return node == nullptr ? std::string() : node->text;
  };
  Settings settings{text("tlsconfig.certpath"), text("tlsconfig.keypath"), text("tlsconfig.peercacertpath"),
                    text("signerconfig.mspid"), text("signerconfig.identitypath"), text("signerconfig.keypath")};
  SELVAGE_CHECK(check(settings));
  return settings;
}

Status store_settings(const Settings& settings, const std::string& file) {
  if (auto good = check(settings); !good) return fail(good.error().within("config isn't valid"));
  const std::string yaml = fmt::format(
      "version: 0\ntlsconfig:\n    certpath: {}\n    keypath: {}\n    peercacertpath: {}\n    timeout: 0s\n"
      "signerconfig:\n    mspid: {}\n    identitypath: {}\n    keypath: {}\n",
      scalar(settings.tls_certificate), scalar(settings.tls_key), scalar(settings.peer_tls_ca), scalar(settings.mspid),
      scalar(settings.certificate), scalar(settings.key));
  if (auto written = write_file(file, yaml, 0600); !written)
    return fail(written.error().within("failed writing file " + file));
  return {};
}

}  // namespace selvage::tools::discover
