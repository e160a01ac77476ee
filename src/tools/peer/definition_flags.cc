#include "tools/peer/definition_flags.h"

#include <nlohmann/json.hpp>

#include "common/policies.pb.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/lifecycle.pb.h"
#include "peer/policy.pb.h"
#include "policy/signature_policy.h"
#include "tools/go_text.h"
#include "tools/protolator/json_tree.h"
#include "tools/terminal.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// Fields of one collection, with the first mistake kept.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  std::string text(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return "";
    if (!value->is_string()) return wrong(key, *value, "string"), "";
    return value->get<std::string>();
  }
  int64_t number(const char* key, int64_t fallback, const char* type) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number_integer()) return wrong(key, *value, type), fallback;
    return value->get<int64_t>();
  }
  bool flag(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) return wrong(key, *value, "bool"), false;
    return value->get<bool>();
  }
  const Json* object(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && !value->is_object()) return wrong(key, *value, "chaincode.endorsementPolicy"), nullptr;
    return value;
  }
  Status status() const { return error_.empty() ? Status() : Status(refuse(error_)); }

 private:
  const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  // In the words of Go's encoding/json.
  void wrong(const char* key, const Json& value, const char* type) {
    if (!error_.empty()) return;
    error_ = "could not parse the collection configuration: json: cannot unmarshal " + std::string(go_json_kind(value)) +
             (value.is_number() && type[0] != 's' && type[0] != 'b' ? " " + value.dump() : "") +
             " into Go struct field collectionConfigJson." + key + " of type " + type;
  }
  const Json& object_;
  std::string error_;
};

Result<::protos::StaticCollectionConfig> parse_collection(const Json& object) {
  if (!object.is_object())
    return refuse(std::string("could not parse the collection configuration: json: cannot unmarshal ") +
                  go_json_kind(object) + " into Go value of type chaincode.collectionConfigJson");
  Fields fields(object);
  ::protos::StaticCollectionConfig collection;
  collection.set_name(fields.text("name"));
  const std::string policy_text = fields.text("policy");
  collection.set_required_peer_count(static_cast<int32_t>(fields.number("requiredPeerCount", 0, "int32")));
  collection.set_maximum_peer_count(static_cast<int32_t>(fields.number("maxPeerCount", 1, "int32")));
  collection.set_block_to_live(static_cast<uint64_t>(fields.number("blockToLive", 0, "uint64")));
  collection.set_member_only_read(fields.flag("memberOnlyRead"));
  collection.set_member_only_write(fields.flag("memberOnlyWrite"));
  const Json* endorsement = fields.object("endorsementPolicy");
  SELVAGE_CHECK(fields.status());
  auto members = policy::parse_signature_policy(policy_text);
  if (!members) return fail(members.error().within("invalid policy " + policy_text));
  *collection.mutable_member_orgs_policy()->mutable_signature_policy() = std::move(*members);
  if (endorsement != nullptr) {
    Fields policies(*endorsement);
    const std::string signature = policies.text("signaturePolicy");
    const std::string reference = policies.text("channelConfigPolicy");
    SELVAGE_CHECK(policies.status());
    auto bytes = policy_of_flags(signature, reference);
    if (!bytes) return fail(bytes.error().within("invalid endorsement policy [&chaincode.endorsementPolicy{ChannelConfigPolicy:" +
                                             protolator::quoted(reference) + ", SignaturePolicy:" +
                                             protolator::quoted(signature) + "}]"));
    if (!bytes->empty()) SELVAGE_CHECK(wire::parse_into(*bytes, *collection.mutable_endorsement_policy()));
  }
  return collection;
}

}  // namespace

Result<Bytes> policy_of_flags(const std::string& signature_policy, const std::string& channel_config_policy) {
  if (signature_policy.empty() && channel_config_policy.empty()) return Bytes();
  if (!signature_policy.empty() && !channel_config_policy.empty())
    return refuse("cannot specify both \"--signature-policy\" and \"--channel-config-policy\"");
  ::protos::ApplicationPolicy policy;
  if (!channel_config_policy.empty()) {
    policy.set_channel_config_policy_reference(channel_config_policy);
  } else {
    auto parsed = policy::parse_signature_policy(signature_policy);
    if (!parsed)
      return fail(Code::kInvalidArgument, "invalid signature policy: " + signature_policy, parsed.error().message);
    *policy.mutable_signature_policy() = std::move(*parsed);
  }
  return wire::marshal(policy);
}

Result<::protos::CollectionConfigPackage> parse_collections(const std::string& json) {
  const Json list = Json::parse(json, nullptr, false);
  const std::string wrong = "could not parse the collection configuration: ";
  if (list.is_discarded()) return refuse(wrong + protolator::grammar_error(json));
  if (!list.is_array())
    return refuse(wrong + "json: cannot unmarshal " + go_json_kind(list) +
                  " into Go value of type []chaincode.collectionConfigJson");
  ::protos::CollectionConfigPackage package;
  for (const Json& object : list) {
    SELVAGE_TRY(*package.add_config()->mutable_static_collection_config(), parse_collection(object));
  }
  return package;
}

Status check_definition_flags(const cobra::Call& call) {
  for (const auto& [flag, rerun] : {std::pair{"channelID", "-C"}, {"name", "-n"}, {"version", "-v"}})
    if (call.text(flag).empty())
      return refuse(std::string("The required parameter '") + flag + "' is empty. Rerun the command with " + rerun +
                    " flag");
  if (call.number("sequence") == 0)
    return refuse("The required parameter 'sequence' is empty. Rerun the command with --sequence flag");
  return {};
}

template <class Arguments>
Status fill_definition(const cobra::Call& call, Arguments& arguments) {
  arguments.set_name(call.text("name"));
  arguments.set_version(call.text("version"));
  arguments.set_sequence(call.number("sequence"));
  arguments.set_endorsement_plugin(call.text("endorsement-plugin"));
  arguments.set_validation_plugin(call.text("validation-plugin"));
  arguments.set_init_required(call.flag("init-required"));
  SELVAGE_TRY(Bytes policy, policy_of_flags(call.text("signature-policy"), call.text("channel-config-policy")));
  arguments.set_validation_parameter(std::move(policy));
  const std::string file = call.text("collections-config");
  if (file.empty()) return {};
  const std::string invalid = "invalid collection configuration in file " + file;
  auto json = read_file(file);
  if (!json) return fail(json.error().within(invalid + ": could not read file '" + file + "'"));
  auto collections = parse_collections(*json);
  if (!collections) return fail(collections.error().within(invalid));
  *arguments.mutable_collections() = std::move(*collections);
  return {};
}

template Status fill_definition(const cobra::Call&, ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs&);
template Status fill_definition(const cobra::Call&, ::lifecycle::CheckCommitReadinessArgs&);
template Status fill_definition(const cobra::Call&, ::lifecycle::CommitChaincodeDefinitionArgs&);

}  // namespace selvage::tools::peer
