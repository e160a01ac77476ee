#include "deliver/pull/block_verifier.h"

#include <vector>

#include "common/common.pb.h"
#include "identity/identity.h"
#include "policy/policy_manager.h"
#include "wire/block.h"

namespace selvage::deliver {
namespace {

// The consenter that a BFT signature names by number; empty when there is none.
Bytes consenter_identity(const channel::Bundle& bundle, uint32_t id) {
  if (bundle.orderer() == nullptr) return {};
  for (const channel::Consenter& consenter : bundle.orderer()->consenters) {
    if (consenter.id == id) return identity::serialize_identity(consenter.mspid, consenter.identity);
  }
  return {};
}

}  // namespace

Status check_block_signatures(const ::common::Block& block, const channel::Bundle& bundle) {
  if (block.metadata().metadata_size() <= ::common::SIGNATURES) {
    return fail(Code::kInvalidArgument, "no signatures in block metadata");
  }
  ::common::Metadata metadata;
  if (!metadata.ParseFromString(block.metadata().metadata(::common::SIGNATURES))) {
    return fail(Code::kInvalidArgument, "error unmarshalling signatures from metadata");
  }
  const std::string number = std::to_string(block.header().number());
  std::vector<policy::OwnedSignedData> signed_data;
  for (auto& signature : *metadata.mutable_signatures()) {
    policy::OwnedSignedData one;
    const bool by_number = bundle.capabilities().consensus_type_bft() && signature.signature_header().empty() &&
                           !signature.identifier_header().empty();
    if (by_number) {
      ::common::IdentifierHeader header;
      if (!header.ParseFromString(signature.identifier_header())) {
        return fail(Code::kInvalidArgument, "failed unmarshalling identifier header for block " + number);
      }
      one.identity = consenter_identity(bundle, header.identifier());
      if (one.identity.empty()) continue;  // not a consenter: counts for nothing
      one.data = wire::orderer_signed_bytes(metadata.value(), signature.identifier_header(), block.header());
    } else {
      ::common::SignatureHeader header;
      if (!header.ParseFromString(signature.signature_header())) {
        return fail(Code::kInvalidArgument, "failed unmarshalling signature header for block " + number);
      }
      one.data = wire::orderer_signed_bytes(metadata.value(), signature.signature_header(), block.header());
      one.identity = std::move(*header.mutable_creator());
    }
    one.signature = std::move(*signature.mutable_signature());
    signed_data.push_back(std::move(one));
  }
  std::vector<policy::SignedData> views;
  views.reserve(signed_data.size());
  for (const auto& one : signed_data) views.push_back(one.view());
  return bundle.policies().evaluate(policy::kBlockValidation, views);
}

BlockVerifier::BlockVerifier(channel::BundlePtr bundle, uint64_t next_number, Bytes last_hash)
    : bundle_(std::move(bundle)), next_number_(next_number), last_hash_(std::move(last_hash)) {}

Status BlockVerifier::check_links(const ::common::Block& block) const {
  const std::string& channel = bundle_->channel_id();
  if (!block.has_header()) {
    return fail(Code::kInvalidArgument, "invalid block, header must be different from nil, channel=" + channel);
  }
  const ::common::BlockHeader& header = block.header();
  if (next_number_ == 0 || header.number() != next_number_) {
    return fail(Code::kInvalidArgument, "expected block number is [" + std::to_string(next_number_) +
                                            "] but actual block number inside block is [" +
                                            std::to_string(header.number()) + "]");
  }
  const std::string number = std::to_string(header.number());
  if (header.previous_hash() != last_hash_) {
    return fail(Code::kInvalidArgument, "Header.PreviousHash of block [" + number +
                                            "] is different from Hash(block.Header) of previous block, on channel [" +
                                            channel + "], received: " + to_hex(header.previous_hash()) +
                                            ", expected: " + to_hex(last_hash_));
  }
  if (block.metadata().metadata_size() == 0) {
    return fail(Code::kInvalidArgument, "block with id [" + number + "] on channel [" + channel +
                                            "] does not have metadata or contains too few entries");
  }
  return {};
}

Status BlockVerifier::check_data(const ::common::Block& block) const {
  const std::string& channel = bundle_->channel_id();
  const ::common::BlockHeader& header = block.header();
  const std::string number = std::to_string(header.number());
  if (Status formed = wire::check_well_formed(block.data()); !formed) {
    return fail(formed.error().within("failed to verify transactions are well formed for block with id [" + number +
                                      "] on channel [" + channel + "]"));
  }
  if (const Bytes hash = wire::data_hash(block.data()); hash != header.data_hash()) {
    return fail(Code::kInvalidArgument, "Header.DataHash is different from Hash(block.Data) for block with id [" +
                                            number + "] on channel [" + channel + "]; Header: " +
                                            to_hex(header.data_hash()) + ", Data: " + to_hex(hash));
  }
  return {};
}

Status BlockVerifier::accept(const ::common::Block& block) {
  SELVAGE_CHECK(check_links(block));
  SELVAGE_CHECK(check_data(block));
  SELVAGE_CHECK(check_block_signatures(block, *bundle_));
  if (wire::is_config_block(block)) {
    auto next = channel::Bundle::from_block(block);
    if (!next) return fail(next.error().within("error creating verifier function"));
    if ((*next)->channel_id() != bundle_->channel_id()) {
      return fail(Code::kInvalidArgument, "config block channel ID [" + (*next)->channel_id() +
                                              "] does not match expected: [" + bundle_->channel_id() + "]");
    }
    bundle_ = std::move(*next);
  }
  move_on(block);
  return {};
}

Status BlockVerifier::accept_attestation(const ::common::Block& block) {
  SELVAGE_CHECK(check_links(block));
  SELVAGE_CHECK(check_block_signatures(block, *bundle_));
  move_on(block);
  return {};
}

void BlockVerifier::move_on(const ::common::Block& block) {
  last_hash_ = wire::header_hash(block.header());
  ++next_number_;
}

}  // namespace selvage::deliver
