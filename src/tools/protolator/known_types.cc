#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <map>
#include <set>

#include "common/collection.pb.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "common/ledger.pb.h"
#include "common/policies.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "msp/identities.pb.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_principal.pb.h"
#include "orderer/ab.pb.h"
#include "orderer/cluster.pb.h"
#include "orderer/clusterserver.pb.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "orderer/etcdraft/metadata.pb.h"
#include "orderer/smartbft/configuration.pb.h"
#include "peer/chaincode.pb.h"
#include "peer/chaincode_event.pb.h"
#include "peer/chaincode_shim.pb.h"
#include "peer/collection.pb.h"
#include "peer/configuration.pb.h"
#include "peer/events.pb.h"
#include "peer/policy.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/query.pb.h"
#include "peer/resources.pb.h"
#include "peer/signed_cc_dep_spec.pb.h"
#include "peer/snapshot.pb.h"
#include "peer/transaction.pb.h"
#include "tools/protolator/protolator.h"

namespace selvage::tools::protolator {
namespace {

using google::protobuf::Descriptor;

// Every type of the files that configtxlator links. One message of a file names all of them.
class KnownTypes {
 public:
  KnownTypes() {
    for (const Descriptor* one :
         {::google::protobuf::Empty::descriptor(), ::google::protobuf::Timestamp::descriptor(),
          ::protos::CollectionConfig::descriptor(), ::common::Block::descriptor(), ::common::Config::descriptor(),
          ::common::Consortium::descriptor(), ::common::BlockchainInfo::descriptor(), ::common::Policy::descriptor(),
          ::kvrwset::KVRWSet::descriptor(), ::rwset::TxReadWriteSet::descriptor(),
          ::msp::SerializedIdentity::descriptor(), ::msp::MSPConfig::descriptor(),
          ::common::MSPPrincipal::descriptor(), ::orderer::SeekInfo::descriptor(), ::orderer::StepRequest::descriptor(),
          ::orderer::ClusterNodeServiceStepRequest::descriptor(), ::orderer::ConsensusType::descriptor(),
          ::etcdraft::ConfigMetadata::descriptor(), ::etcdraft::BlockMetadata::descriptor(),
          ::orderer::smartbft::Options::descriptor(), ::protos::ChaincodeID::descriptor(),
          ::protos::ChaincodeEvent::descriptor(), ::protos::ChaincodeMessage::descriptor(),
          ::protos::CollectionConfigPackage::descriptor(), ::protos::AnchorPeers::descriptor(),
          ::protos::FilteredBlock::descriptor(), ::protos::ApplicationPolicy::descriptor(),
          ::protos::Proposal::descriptor(), ::protos::ProposalResponse::descriptor(),
          ::protos::ChaincodeQueryResponse::descriptor(), ::protos::ChaincodeIdentifier::descriptor(),
          ::protos::SignedChaincodeDeploymentSpec::descriptor(), ::protos::SnapshotRequest::descriptor(),
          ::protos::Transaction::descriptor()}) {
      for (int i = 0; i < one->file()->message_type_count(); ++i) add(*one->file()->message_type(i));
      for (int i = 0; i < one->file()->enum_type_count(); ++i) enums_.insert(one->file()->enum_type(i)->full_name());
    }
  }
  [[nodiscard]] const Descriptor* find(const std::string& name) const {
    const auto found = types_.find(name);
    return found == types_.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool is_enum(const std::string& name) const { return enums_.contains(name); }

 private:
  void add(const Descriptor& type) {
    if (type.options().map_entry()) return;
    types_[type.full_name()] = &type;
    for (int i = 0; i < type.nested_type_count(); ++i) add(*type.nested_type(i));
    for (int i = 0; i < type.enum_type_count(); ++i) enums_.insert(type.enum_type(i)->full_name());
  }
  std::map<std::string, const Descriptor*> types_;
  std::set<std::string> enums_;
};

}  // namespace

Result<std::unique_ptr<google::protobuf::Message>> make_message(const std::string& name) {
  static const KnownTypes known;
  if (const Descriptor* type = known.find(name)) {
    const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
    return std::unique_ptr<google::protobuf::Message>(prototype->New());
  }
  if (known.is_enum(name)) return fail(Code::kNotFound, "proto: found wrong type: got enum, want message");
  return fail(Code::kNotFound, "proto: not found");
}

}  // namespace selvage::tools::protolator
