#include "order/block_writer.h"

#include <utility>

#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {

BlockCreator::BlockCreator(const common::BlockHeader& last) : number_(last.number()), hash_(wire::header_hash(last)) {}

common::Block BlockCreator::next(Batch batch) {
  common::Block block = wire::make_block(number_ + 1, hash_);
  auto* data = block.mutable_data();
  for (Bytes& envelope : batch) data->add_data(std::move(envelope));
  block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
  number_ = block.header().number();
  hash_ = wire::header_hash(block.header());
  return block;
}

BlockWriter::BlockWriter(uint64_t last_config, uint64_t sequence, wire::Signer signer, Random& random)
    : last_config_(last_config), last_sequence_(sequence), signer_(std::move(signer)), random_(&random) {}

Result<BlockWriter> BlockWriter::after(const common::Block& last, uint64_t sequence, wire::Signer signer,
                                       Random& random) {
  uint64_t last_config = 0;
  if (last.header().number() != 0) {  // a genesis block need not say it
    auto index = wire::last_config_index(last);
    if (!index) return fail(Code::kDataLoss, "Error extracting last config block from block metadata: " + index.error().message);
    last_config = *index;
  }
  return BlockWriter(last_config, sequence, std::move(signer), random);
}

Status BlockWriter::finish(common::Block& block, BytesView consenter_metadata, uint64_t sequence) {
  if (sequence > last_sequence_) {
    last_sequence_ = sequence;
    last_config_ = block.header().number();
  }
  wire::init_metadata(block);
  common::LastConfig last_config;
  last_config.set_index(last_config_);
  common::Metadata legacy;
  legacy.set_value(wire::marshal(last_config));
  block.mutable_metadata()->set_metadata(common::LAST_CONFIG, wire::marshal(legacy));

  common::Metadata metadata;
  metadata.set_value(wire::orderer_metadata_value(last_config_, consenter_metadata));
  auto* signature = metadata.add_signatures();
  signature->set_signature_header(wire::marshal(wire::make_signature_header(signer_.serialized, *random_)));
  SELVAGE_TRY(Bytes signed_bytes, signer_.sign(wire::orderer_signed_bytes(metadata.value(), signature->signature_header(),
                                                                          block.header())));
  signature->set_signature(std::move(signed_bytes));
  block.mutable_metadata()->set_metadata(common::SIGNATURES, wire::marshal(metadata));
  return {};
}

}  // namespace selvage::order
