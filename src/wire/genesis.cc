#include "wire/genesis.h"

#include "common/configtx.pb.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::wire {

::common::Block make_genesis_block(std::string_view channel_id, const ::common::ConfigGroup& channel_group,
                                   SystemTime now, Random& random) {
  const ::common::SignatureHeader signature_header = make_signature_header("", random);
  ::common::ChannelHeader channel_header = make_channel_header(::common::CONFIG, 1, channel_id, now);
  channel_header.set_tx_id(transaction_id(signature_header.nonce(), ""));
  ::common::ConfigEnvelope config;
  *config.mutable_config()->mutable_channel_group() = channel_group;
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(marshal(channel_header));
  payload.mutable_header()->set_signature_header(marshal(signature_header));
  payload.set_data(marshal(config));
  ::common::Envelope envelope;
  envelope.set_payload(marshal(payload));

  ::common::Block block = make_block(0, "");
  block.mutable_data()->add_data(marshal(envelope));
  block.mutable_header()->set_data_hash(data_hash(block.data()));
  ::common::LastConfig last_config;
  ::common::OrdererBlockMetadata orderer_metadata;
  orderer_metadata.mutable_last_config();
  ::common::Metadata signatures;
  signatures.set_value(marshal(orderer_metadata));
  block.mutable_metadata()->set_metadata(::common::SIGNATURES, marshal(signatures));
  ::common::Metadata last;
  last.set_value(marshal(last_config));
  block.mutable_metadata()->set_metadata(::common::LAST_CONFIG, marshal(last));
  return block;
}

}  // namespace selvage::wire
