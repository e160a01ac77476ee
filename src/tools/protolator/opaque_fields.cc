#include "tools/protolator/opaque_fields.h"

#include <google/protobuf/empty.pb.h>

#include <map>

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
      // Fabric quirk: the bytes of CollectionHashedReadWriteSet.hashed_rwset stay closed, as its table misnames the
      // field.
  };
  return types;
}

const char* name_of(GroupKind kind) {
  switch (kind) {
    case GroupKind::kChannel:
      return "Channel";
    case GroupKind::kApplication:
      return "Application";
    case GroupKind::kApplicationOrg:
      return "Application Org";
    case GroupKind::kOrderer:
      return "Orderer";
    case GroupKind::kOrdererOrg:
      return "Orderer Org";
    case GroupKind::kConsortium:
      return "Consortium";
    case GroupKind::kConsortiumOrg:
      return "Consortium Org";
    default:
      return "";
  }
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

// Bytes whose type another field of the message tells.
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
        return unknown("unable to decode MSP type: " + std::to_string(principal.principal_classification()));
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

}  // namespace

Result<MessagePtr> type_inside(const Message& message, const google::protobuf::FieldDescriptor& field,
                               const Place& place) {
  const std::string& name = field.full_name();
  if (const auto fixed = fixed_types().find(name); fixed != fixed_types().end()) return fixed->second();
  if (name == "common.ConfigValue.value" && place.group != GroupKind::kNone) {
    const auto value = value_types().find({place.group, place.key});
    if (value == value_types().end())
      return unknown(std::string("unknown ") + name_of(place.group) + " ConfigValue name: " + place.key);
    return value->second();
  }
  return told_type(message, name);
}

Result<Place> place_below(const Message& message, const google::protobuf::FieldDescriptor& field,
                          const std::string& key, const Place& place) {
  using enum GroupKind;
  const std::string& name = field.full_name();
  if (name == "common.Config.channel_group" || name == "common.ConfigUpdate.read_set" ||
      name == "common.ConfigUpdate.write_set")
    return Place{kChannel, ""};
  if (message.GetDescriptor() != ::common::ConfigGroup::descriptor() || place.group == kNone) return Place{};
  if (field.name() == "values") {
    if (place.group == kConsortiums) return unknown("Consortiums currently support no config values");
    return Place{place.group, key};
  }
  if (field.name() != "groups") return Place{};
  switch (place.group) {
    case kChannel:
      if (key == "Application") return Place{kApplication, ""};
      if (key == "Orderer") return Place{kOrderer, ""};
      if (key == "Consortiums") return Place{kConsortiums, ""};
      return unknown("unknown channel group sub-group '" + key + "'");
    case kApplication:
      return Place{kApplicationOrg, ""};
    case kOrderer:
      return Place{kOrdererOrg, ""};
    case kConsortiums:
      return Place{kConsortium, ""};
    case kConsortium:
      return Place{kConsortiumOrg, ""};
    default:
      return unknown(std::string("the ") + name_of(place.group) + "s do not support sub-groups");
  }
}

}  // namespace selvage::tools::protolator
