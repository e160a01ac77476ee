#include "tools/cryptogen/crypto_config.h"

#include <map>
#include <optional>

#include "config/reader.h"
#include "config/tree.h"
#include "tools/cryptogen/go_template.h"

namespace selvage::tools::cryptogen {
namespace {

using YamlNode = config::Node;

// Reads fields of yaml maps and keeps the first error. Keys are as in Fabric's Go structs.
class Fields {
 public:
  std::string text(const YamlNode& map, const char* key) {
    const YamlNode* node = map.find(key);
    if (node == nullptr || node->kind == YamlNode::Kind::kNull) return "";
    if (node->kind != YamlNode::Kind::kScalar) return refuse(*node, "is not a text"), "";
    return node->text;
  }
  int number(const YamlNode& map, const char* key) {
    const std::string value = text(map, key);
    if (value.empty()) return 0;
    int number = 0;
    for (char c : value) {
      if (c < '0' || c > '9' || number > 100000) return refuse(*map.find(key), "is not a number from 0 to 1000000"), 0;
      number = number * 10 + (c - '0');
    }
    return number;
  }
  bool flag(const YamlNode& map, const char* key) {
    const std::string value = text(map, key);
    if (value.empty()) return false;
    const auto parsed = config::parse_bool(value);
    if (!parsed) refuse(*map.find(key), "is neither true nor false");
    return parsed.value_or(false);
  }
  std::vector<std::string> texts(const YamlNode& map, const char* key) {
    std::vector<std::string> values;
    for (const YamlNode& item : items(map, key)) values.push_back(item.text);
    return values;
  }
  std::vector<YamlNode> items(const YamlNode& map, const char* key) {
    const YamlNode* node = map.find(key);
    if (node == nullptr || node->kind == YamlNode::Kind::kNull) return {};
    if (node->kind != YamlNode::Kind::kList) return refuse(*node, "is not a list"), std::vector<YamlNode>{};
    return node->items;
  }
  Status status() const {
    if (error_) return fail(*error_);
    return {};
  }

 private:
  void refuse(const YamlNode& node, const std::string& what) {
    if (!error_)
      error_ =
          Error{Code::kInvalidArgument, "Error Unmarshalling YAML: " + node.origin.to_string() + " " + what, "", ""};
  }
  std::optional<Error> error_;
};

Node read_node(Fields& fields, const YamlNode& map) {
  Node node;
  node.hostname = fields.text(map, "Hostname");
  node.common_name = fields.text(map, "CommonName");
  node.country = fields.text(map, "Country");
  node.province = fields.text(map, "Province");
  node.locality = fields.text(map, "Locality");
  node.organizational_unit = fields.text(map, "OrganizationalUnit");
  node.street_address = fields.text(map, "StreetAddress");
  node.postal_code = fields.text(map, "PostalCode");
  node.sans = fields.texts(map, "SANS");
  node.key_algorithm = fields.text(map, "PublicKeyAlgorithm");
  return node;
}

Organization read_organization(Fields& fields, const YamlNode& map) {
  Organization organization;
  organization.name = fields.text(map, "Name");
  organization.domain = fields.text(map, "Domain");
  organization.enable_node_ous = fields.flag(map, "EnableNodeOUs");
  if (const YamlNode* ca = map.find("CA")) organization.ca = read_node(fields, *ca);
  if (const YamlNode* node = map.find("Template")) {
    organization.node_template.count = fields.number(*node, "Count");
    organization.node_template.start = fields.number(*node, "Start");
    organization.node_template.hostname = fields.text(*node, "Hostname");
    organization.node_template.sans = fields.texts(*node, "SANS");
    organization.node_template.key_algorithm = fields.text(*node, "PublicKeyAlgorithm");
  }
  for (const YamlNode& node : fields.items(map, "Specs")) organization.nodes.push_back(read_node(fields, node));
  if (const YamlNode* users = map.find("Users")) {
    organization.users = fields.number(*users, "Count");
    organization.user_key_algorithm = fields.text(*users, "PublicKeyAlgorithm");
  }
  return organization;
}

// Names of one node: its common name first, because SANs may use it.
Status expand_node(const std::string& domain, Node& node) {
  std::map<std::string, std::string> words{{"Hostname", node.hostname}, {"Domain", domain}, {"CommonName", ""}};
  SELVAGE_TRY(node.common_name,
              expand_template(node.common_name.empty() ? "{{.Hostname}}.{{.Domain}}" : node.common_name, words));
  words["CommonName"] = node.common_name;
  if (node.key_algorithm.empty()) node.key_algorithm = "ecdsa";
  std::vector<std::string> sans{node.common_name, node.hostname};
  for (const std::string& san : node.sans) {
    SELVAGE_TRY(std::string expanded, expand_template(san, words));
    sans.push_back(std::move(expanded));
  }
  node.sans = std::move(sans);
  return {};
}

}  // namespace

Result<CryptoConfig> parse_crypto_config(const std::string& yaml, const std::string& file) {
  auto tree = config::Tree::parse(yaml, file, "", {});
  if (!tree) return fail(tree.error().within("Error Unmarshalling YAML"));
  Fields fields;
  CryptoConfig config;
  for (const YamlNode& map : fields.items(tree->root(), "OrdererOrgs"))
    config.orderers.push_back(read_organization(fields, map));
  for (const YamlNode& map : fields.items(tree->root(), "PeerOrgs"))
    config.peers.push_back(read_organization(fields, map));
  SELVAGE_CHECK(fields.status());
  return config;
}

Status expand(Organization& organization, const std::string& prefix) {
  const Template& node_template = organization.node_template;
  for (int i = 0; i < node_template.count; ++i) {
    Node node;
    SELVAGE_TRY(
        node.hostname,
        expand_template(
            node_template.hostname.empty() ? "{{.Prefix}}{{.Index}}" : node_template.hostname,
            {{"Prefix", prefix}, {"Index", std::to_string(i + node_template.start)}, {"Domain", organization.domain}}));
    node.sans = node_template.sans;
    node.key_algorithm = node_template.key_algorithm;
    organization.nodes.push_back(std::move(node));
  }
  for (Node& node : organization.nodes) SELVAGE_CHECK(expand_node(organization.domain, node));
  if (organization.ca.hostname.empty()) organization.ca.hostname = "ca";
  if (organization.user_key_algorithm.empty()) organization.user_key_algorithm = "ecdsa";
  return expand_node(organization.domain, organization.ca);
}

}  // namespace selvage::tools::cryptogen
