#include "kit/consenters.h"

#include <cstdlib>

#include "common/configuration.pb.h"
#include "common/policies.pb.h"
#include "msp/identities.pb.h"
#include "msp/msp_principal.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::test {
namespace {

constexpr uint32_t kCount = 3;

}  // namespace

const identity::SigningIdentity& Consenters::of(uint32_t id) {
  return channel_.orderer().orderer("orderer" + std::to_string(id >= 1 && id <= kCount ? id : 1));
}

Consenters::Consenters(Channel& channel) : channel_(channel) {
  ::common::Orderers orderers;
  ::common::SignaturePolicyEnvelope policy;
  auto* rule = policy.mutable_rule()->mutable_n_out_of();
  rule->set_n(static_cast<int32_t>(kCount) - 1);
  for (uint32_t id = 1; id <= kCount; ++id) {
    auto* consenter = orderers.add_consenter_mapping();
    consenter->set_id(id);
    consenter->set_host("127.0.0.1");
    consenter->set_port(7049 + id);
    consenter->set_msp_id(channel.orderer().mspid());
    ::msp::SerializedIdentity identity;
    if (!wire::parse_into(of(id).serialized(), identity)) std::abort();
    consenter->set_identity(identity.id_bytes());
    auto* principal = policy.add_identities();
    principal->set_principal_classification(::common::MSPPrincipal::IDENTITY);
    principal->set_principal(of(id).serialized());
    rule->add_rules()->set_signed_by(static_cast<int32_t>(id) - 1);
  }
  auto& group = (*channel.config().mutable_channel_group()->mutable_groups())["Orderer"];
  (*group.mutable_values())["Orderers"].set_value(wire::marshal(orderers));
  auto* validation = (*group.mutable_policies())["BlockValidation"].mutable_policy();
  validation->set_type(::common::Policy::SIGNATURE);
  validation->set_value(wire::marshal(policy));
}

void Consenters::sign(::common::Block& block, const std::vector<uint32_t>& ids) {
  ::common::Metadata metadata;
  metadata.set_value(wire::orderer_metadata_value(0, ""));
  for (const uint32_t id : ids) {
    ::common::IdentifierHeader header;
    header.set_identifier(id);
    header.set_nonce("nonce");
    auto* signature = metadata.add_signatures();
    signature->set_identifier_header(wire::marshal(header));
    auto made =
        of(id).sign(wire::orderer_signed_bytes(metadata.value(), signature->identifier_header(), block.header()));
    if (!made) std::abort();
    signature->set_signature(*made);
  }
  wire::init_metadata(block);
  block.mutable_metadata()->set_metadata(::common::SIGNATURES, wire::marshal(metadata));
}

}  // namespace selvage::test
