#include "tools/protolator/opaque_fields.h"

#include <google/protobuf/empty.pb.h>

#include <map>
#include <set>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "common/policies.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "msp/identities.pb.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_principal.pb.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "orderer/smartbft/configuration.pb.h"
#include "peer/chaincode.pb.h"
#include "peer/chaincode_event.pb.h"
#include "peer/configuration.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/marshal.h"

namespace selvage::tools::protolator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Make = MessagePtr (*)();

template <class M>
MessagePtr make() {
  return std::make_unique<M>();
}

// Bytes that always hold the same message.
const std::map<std::string, Make>& fixed_types() {
  static const std::map<std::string, Make> types{
      {"common.Envelope.payload", make<::common::Payload>},
      {"common.Header.channel_header", make<::common::ChannelHeader>},
      {"common.Header.signature_header", make<::common::SignatureHeader>},
      {"common.SignatureHeader.creator", make<::msp::SerializedIdentity>},
      {"common.BlockData.data", make<::common::Envelope>},
      {"common.ConfigUpdateEnvelope.config_update", make<::common::ConfigUpdate>},
      {"common.ConfigSignature.signature_header", make<::common::SignatureHeader>},
      {"protos.ChaincodeProposalPayload.input", make<::protos::ChaincodeInvocationSpec>},
      {"protos.ChaincodeAction.results", make<::rwset::TxReadWriteSet>},
      {"protos.ChaincodeAction.events", make<::protos::ChaincodeEvent>},
      {"protos.ProposalResponsePayload.extension", make<::protos::ChaincodeAction>},
      {"protos.TransactionAction.header", make<::common::SignatureHeader>},
      {"protos.TransactionAction.payload", make<::protos::ChaincodeActionPayload>},
      {"protos.ChaincodeActionPayload.chaincode_proposal_payload", make<::protos::ChaincodeProposalPayload>},
      {"protos.ChaincodeEndorsedAction.proposal_response_payload", make<::protos::ProposalResponsePayload>},
      {"rwset.NsReadWriteSet.rwset", make<::kvrwset::KVRWSet>},
      // Fabric quirk: protoext/ledger/rwsetext/rwset.go misnames CollectionHashedReadWriteSet.hashed_rwset, whose bytes
      // stay closed.
  };
  return types;
}

struct GroupFacts {
  const char* go_prefix;
  const char* unknown_value;
  const char* no_groups = "";
};

const GroupFacts& facts_of(GroupKind kind) {
  static const std::map<GroupKind, GroupFacts> facts{
      {GroupKind::kChannel, {"commonext.DynamicChannel", "unknown Channel ConfigValue name: "}},
      {GroupKind::kApplication, {"peerext.DynamicApplication", "Unknown Application ConfigValue name: "}},
      {GroupKind::kApplicationOrg,
       {"peerext.DynamicApplicationOrg", "Unknown Application Org ConfigValue name: ",
        "The application orgs do not support sub-groups"}},
      {GroupKind::kOrderer, {"ordererext.DynamicOrderer", "unknown Orderer ConfigValue name: "}},
      {GroupKind::kOrdererOrg,
       {"ordererext.DynamicOrdererOrg", "unknown Orderer Org ConfigValue name: ",
        "the orderer orgs do not support sub-groups"}},
      {GroupKind::kConsortiums, {"commonext.DynamicConsortiums", ""}},
      {GroupKind::kConsortium, {"commonext.DynamicConsortium", "unknown Consortium ConfigValue name: "}},
      {GroupKind::kConsortiumOrg,
       {"commonext.DynamicConsortiumOrg", "unknown Consortium Org ConfigValue name: ",
        "ConsortiumOrg groups do not support sub groups"}},
      {GroupKind::kNone, {"", ""}},
  };
  return facts.at(kind);
}

// Values of the configuration tree, by group and key.
const std::map<std::pair<GroupKind, std::string>, Make>& value_types() {
  using enum GroupKind;
  static const std::map<std::pair<GroupKind, std::string>, Make> types{
      {{kChannel, "HashingAlgorithm"}, make<::common::HashingAlgorithm>},
      {{kChannel, "BlockDataHashingStructure"}, make<::common::BlockDataHashingStructure>},
      {{kChannel, "OrdererAddresses"}, make<::common::OrdererAddresses>},
      {{kChannel, "Consortium"}, make<::common::Consortium>},
      {{kChannel, "Capabilities"}, make<::common::Capabilities>},
      {{kOrderer, "ConsensusType"}, make<::orderer::ConsensusType>},
      {{kOrderer, "BatchSize"}, make<::orderer::BatchSize>},
      {{kOrderer, "BatchTimeout"}, make<::orderer::BatchTimeout>},
      {{kOrderer, "KafkaBrokers"}, make<::orderer::KafkaBrokers>},
      {{kOrderer, "ChannelRestrictions"}, make<::orderer::ChannelRestrictions>},
      {{kOrderer, "Capabilities"}, make<::common::Capabilities>},
      {{kOrderer, "Orderers"}, make<::common::Orderers>},
      {{kOrdererOrg, "MSP"}, make<::msp::MSPConfig>},
      {{kOrdererOrg, "Endpoints"}, make<::common::OrdererAddresses>},
      {{kApplication, "Capabilities"}, make<::common::Capabilities>},
      {{kApplication, "ACLs"}, make<::protos::ACLs>},
      {{kApplicationOrg, "MSP"}, make<::msp::MSPConfig>},
      {{kApplicationOrg, "AnchorPeers"}, make<::protos::AnchorPeers>},
      {{kConsortium, "ChannelCreationPolicy"}, make<::common::Policy>},
      {{kConsortiumOrg, "MSP"}, make<::msp::MSPConfig>},
  };
  return types;
}

tl::unexpected<Error> unknown(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Result<MessagePtr> payload_type(const ::common::Payload& payload) {
  if (!payload.has_header()) return unknown("cannot determine payload type when header is missing");
  ::common::ChannelHeader header;
  if (!wire::parse_into(payload.header().channel_header(), header))
    return unknown(std::string("corrupt channel header: ") + wire::kBadWireFormat);
  switch (header.type()) {
    case ::common::CONFIG:
      return make<::common::ConfigEnvelope>();
    case ::common::ORDERER_TRANSACTION:
      return make<::common::Envelope>();
    case ::common::CONFIG_UPDATE:
      return make<::common::ConfigUpdateEnvelope>();
    case ::common::MESSAGE:
      return make<::common::ConfigValue>();
    case ::common::ENDORSER_TRANSACTION:
      return make<::protos::Transaction>();
    default:
      return unknown("decoding type " + std::to_string(header.type()) + " is unimplemented");
  }
}

// As Go prints it.
std::string name_or_number(::common::MSPPrincipal::Classification value) {
  const std::string& name = ::common::MSPPrincipal::Classification_Name(value);
  return name.empty() ? std::to_string(value) : name;
}

// Bytes whose type another field of the message tells.
const std::set<std::string>& told_fields() {
  static const std::set<std::string> fields{"common.Payload.data",  "common.ChannelHeader.extension",
                                            "common.Policy.value",  "msp.MSPConfig.config",
                                            "common.MSPPrincipal.principal", "orderer.ConsensusType.metadata"};
  return fields;
}

Result<MessagePtr> told_type(const Message& message, const std::string& field) {
  if (field == "common.Payload.data") return payload_type(dynamic_cast<const ::common::Payload&>(message));
  if (field == "common.ChannelHeader.extension") {
    if (dynamic_cast<const ::common::ChannelHeader&>(message).type() != ::common::ENDORSER_TRANSACTION)
      return unknown("channel header extension only valid for endorser transactions");
    return make<::protos::ChaincodeHeaderExtension>();
  }
  if (field == "common.Policy.value") {
    const int type = dynamic_cast<const ::common::Policy&>(message).type();
    if (type == ::common::Policy::SIGNATURE) return make<::common::SignaturePolicyEnvelope>();
    if (type == ::common::Policy::IMPLICIT_META) return make<::common::ImplicitMetaPolicy>();
    return unknown("unable to decode policy type: " + std::to_string(type));
  }
  if (field == "msp.MSPConfig.config") {
    const int type = dynamic_cast<const ::msp::MSPConfig&>(message).type();
    if (type == 0) return make<::msp::FabricMSPConfig>();
    if (type == 1) return make<::msp::IdemixMSPConfig>();
    return unknown("unable to decode MSP type: " + std::to_string(type));
  }
  if (field == "common.MSPPrincipal.principal") {
    switch (const auto& principal = dynamic_cast<const ::common::MSPPrincipal&>(message);
            principal.principal_classification()) {
      case ::common::MSPPrincipal::ROLE:
        return make<::common::MSPRole>();
      case ::common::MSPPrincipal::ORGANIZATION_UNIT:
        return make<::common::OrganizationUnit>();
      case ::common::MSPPrincipal::IDENTITY:
        return make<::msp::SerializedIdentity>();
      default:
        return unknown("unable to decode MSP type: " + name_or_number(principal.principal_classification()));
    }
  }
  if (field == "orderer.ConsensusType.metadata") {
    const std::string& type = dynamic_cast<const ::orderer::ConsensusType&>(message).type();
    if (type == "etcdraft") return make<::etcdraft::ConfigMetadata>();
    if (type == "BFT") return make<::orderer::smartbft::Options>();
    return make<::google::protobuf::Empty>();
  }
  return MessagePtr();
}

bool is_group(const Message& message) { return message.GetDescriptor() == ::common::ConfigGroup::descriptor(); }

bool is_nested(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->full_name() != "google.protobuf.Timestamp";
}

// Fabric's packages in Go are named for the folder of the .proto file; messages that protolator knows are wrapped in
// types of packages of its own.
std::string go_package(const google::protobuf::Descriptor& type) {
  static const std::set<std::string> wrapped{
      "common.BlockData",       "common.Config",
      "common.ConfigSignature", "common.ConfigUpdate",
      "common.ConfigUpdateEnvelope", "common.Envelope",
      "common.Header",          "common.ChannelHeader",
      "common.SignatureHeader", "common.Payload",
      "common.Policy",          "msp.MSPConfig",
      "common.MSPPrincipal",    "orderer.ConsensusType",
      "protos.ChaincodeAction", "protos.ChaincodeActionPayload",
      "protos.ChaincodeEndorsedAction", "protos.ChaincodeProposalPayload",
      "protos.ProposalResponsePayload", "protos.TransactionAction",
      "rwset.TxReadWriteSet"};
  std::string folder = type.file()->name();
  if (folder.rfind("google/protobuf/", 0) == 0) return folder.substr(16, folder.find('.') - 16) + "pb";
  folder = folder.substr(0, folder.rfind('/'));
  folder = folder.substr(folder.rfind('/') + 1);
  return wrapped.contains(type.full_name()) ? folder + "ext" : folder;
}

}  // namespace

Opening opening_of(const Message& message, const FieldDescriptor& field, const Place& place) {
  // Fabric quirk: protolator/json.go does not look into oneofs.
  if (field.containing_oneof() != nullptr) return Opening::kPlain;
  const std::string& name = field.full_name();
  if (name == "common.Config.channel_group" || name == "common.ConfigUpdate.read_set" ||
      name == "common.ConfigUpdate.write_set")
    return Opening::kTree;
  if (is_group(message) && place.group != GroupKind::kNone && (field.name() == "groups" || field.name() == "values"))
    return Opening::kTreeMap;
  if (name == "rwset.TxReadWriteSet.ns_rwset" || (name == "rwset.NsReadWriteSet.collection_hashed_rwset" && place.in_rwset))
    return Opening::kTreeList;
  if (name == "rwset.NsReadWriteSet.rwset") return place.in_rwset ? Opening::kBytes : Opening::kPlain;
  if (name == "common.ConfigUpdate.isolated_data") return Opening::kBytesMap;
  if (name == "common.ConfigValue.value")
    return place.group == GroupKind::kNone         ? Opening::kPlain
           : place.group == GroupKind::kConsortium ? Opening::kToldBytes
                                                   : Opening::kBytes;
  if (fixed_types().contains(name)) return field.is_repeated() ? Opening::kBytesList : Opening::kBytes;
  if (told_fields().contains(name)) return Opening::kToldBytes;
  if (field.is_map()) {
    const bool opens = field.message_type()->map_key()->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
                       is_nested(*field.message_type()->map_value());
    return opens ? Opening::kNestedMap : Opening::kPlain;
  }
  if (!is_nested(field)) return Opening::kPlain;
  return field.is_repeated() ? Opening::kNestedList : Opening::kNested;
}

Result<MessagePtr> type_inside(const Message& message, const FieldDescriptor& field, const std::string& key,
                               const Place& place) {
  const std::string& name = field.full_name();
  if (const auto fixed = fixed_types().find(name); fixed != fixed_types().end()) return fixed->second();
  if (name == "common.ConfigUpdate.isolated_data") return unknown("Unknown map key: " + key);
  if (name != "common.ConfigValue.value") return told_type(message, name);
  const auto value = value_types().find({place.group, place.key});
  if (value != value_types().end()) return value->second();
  return unknown(facts_of(place.group).unknown_value + place.key);
}

Result<Place> place_below(const Message& message, const FieldDescriptor& field, const std::string& key,
                          const Place& place) {
  using enum GroupKind;
  const Opening opening = opening_of(message, field, place);
  if (opening == Opening::kTree) return Place{kChannel, "", false};
  if (opening == Opening::kTreeList) return Place{kNone, "", true};
  if (opening != Opening::kTreeMap) return Place{};
  if (field.name() == "values") {
    if (place.group == kConsortiums) return unknown("Consortiums currently support no config values");
    return Place{place.group, key, false};
  }
  switch (place.group) {
    case kChannel:
      if (key == "Application") return Place{kApplication, "", false};
      if (key == "Orderer") return Place{kOrderer, "", false};
      if (key == "Consortiums") return Place{kConsortiums, "", false};
      return unknown("unknown channel group sub-group '" + key + "'");
    case kApplication:
      return Place{kApplicationOrg, "", false};
    case kOrderer:
      return Place{kOrdererOrg, "", false};
    case kConsortiums:
      return Place{kConsortium, "", false};
    case kConsortium:
      return Place{kConsortiumOrg, "", false};
    default:
      return unknown(facts_of(place.group).no_groups);
  }
}

std::string go_name_of(const Message& message, const Place& place) {
  const auto& type = *message.GetDescriptor();
  if (is_group(message) && place.group != GroupKind::kNone)
    return "*" + std::string(facts_of(place.group).go_prefix) + "Group";
  if (type.full_name() == "common.ConfigValue" && place.group != GroupKind::kNone)
    return "*" + std::string(facts_of(place.group).go_prefix) + "ConfigValue";
  if (place.in_rwset) return "*rwsetext.Dynamic" + type.name();
  std::string name = type.name();
  for (const auto* outer = type.containing_type(); outer != nullptr; outer = outer->containing_type())
    name = outer->name() + "_" + name;
  return "*" + go_package(type) + "." + name;
}

}  // namespace selvage::tools::protolator
