#include "tools/peer/connection_profile.h"

#include "config/reader.h"
#include "config/tree.h"
#include "tools/terminal.h"

namespace selvage::tools::peer {
namespace {

using config::Node;

std::string text_of(const Node* node, const char* key) {
  const Node* field = node == nullptr ? nullptr : node->find(key);
  return field == nullptr ? "" : field->text;
}

// Go reads a url as it stands; gRPC wants an address.
std::string address_of(std::string url) {
  for (const char* scheme : {"grpcs://", "grpc://", "https://", "http://"})
    if (url.starts_with(scheme)) return url.substr(std::string(scheme).size());
  return url;
}

}  // namespace

Result<std::vector<ProfilePeer>> peers_of_profile(const std::string& file, const std::string& channel,
                                                  const std::string& target) {
  auto content = read_file(file);
  if (!content) return fail(content.error().within("error reading connection profile"));
  auto tree = config::Tree::parse(*content, file, "", {});
  if (!tree) return fail(tree.error().within("error unmarshalling YAML"));

  std::vector<std::string> names;
  if (channel.empty()) {
    if (target.empty())
      return fail(Code::kInvalidArgument,
                  "--targetPeer must be specified for channel-less operation using connection profile");
    names.push_back(target);
  } else {
    const Node* channels = tree->root().find("channels");
    const Node* wanted = channels == nullptr ? nullptr : channels->find(channel);
    const Node* peers = wanted == nullptr ? nullptr : wanted->find("peers");
    if (peers != nullptr)
      for (const auto& [name, settings] : peers->fields)
        if (config::parse_bool(text_of(&settings, "endorsingPeer")).value_or(false)) names.push_back(name);
  }
  const Node* all = tree->root().find("peers");
  std::vector<ProfilePeer> found;
  for (const std::string& name : names) {
    const Node* peer = all == nullptr ? nullptr : all->find(name);
    if (peer == nullptr) return fail(Code::kNotFound, "peer '" + name + "' doesn't have associated peer config");
    found.push_back({address_of(text_of(peer, "url")), text_of(peer->find("tlsCACerts"), "path")});
  }
  return found;
}

}  // namespace selvage::tools::peer
