#include "wire/block.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "crypto/certificate.h"
#include "crypto/hash.h"
#include "orderer/etcdraft/metadata.pb.h"
#include "wire/envelope.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/proposal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage::wire {
namespace {

// Blocks of a channel that upstream's orderer ordered: test/golden/README.md.
::common::Block golden(int number) {
  std::ifstream file(std::string(SELVAGE_SOURCE_DIR) + "/test/golden/mychannel_" + std::to_string(number) + ".block",
                     std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  auto block = parse<::common::Block>(content.str());
  EXPECT_TRUE(block.has_value());
  return block ? *block : ::common::Block();
}

crypto::PublicKey key_of(BytesView serialized_identity) {
  auto certificate = crypto::Certificate::from_pem(read_identity(serialized_identity)->id_bytes);
  EXPECT_TRUE(certificate.has_value());
  return certificate->public_key();
}

TEST(Block, HashesAsUpstreamsOrdererDoes) {
  EXPECT_EQ(to_hex(header_hash(golden(0).header())), to_hex(golden(1).header().previous_hash()));
  for (int number : {0, 1})
    EXPECT_EQ(to_hex(data_hash(golden(number).data())), to_hex(golden(number).header().data_hash()));
}

TEST(Block, HeaderBytesAreDerWithAPositiveInteger) {
  ::common::BlockHeader header;
  EXPECT_EQ(to_hex(header_bytes(header)),
            "3007020100"
            "0400"
            "0400");
  header.set_number(127);
  EXPECT_EQ(to_hex(header_bytes(header)),
            "300702017f"
            "0400"
            "0400");
  header.set_number(128);
  EXPECT_EQ(to_hex(header_bytes(header)),
            "300802020080"
            "0400"
            "0400");
  header.set_number(UINT64_MAX);
  EXPECT_EQ(to_hex(header_bytes(header)),
            "300f020900ffffffffffffffff"
            "0400"
            "0400");
  header.set_previous_hash(Bytes(200, 'x'));
  EXPECT_EQ(to_hex(header_bytes(header)).substr(0, 34), "3081d8020900ffffffffffffffff0481c8");
}

TEST(Block, WhatTheOrdererSignedVerifiesWithItsCertificate) {
  const ::common::Block block = golden(1);
  auto metadata = metadata_of(block, ::common::SIGNATURES);
  ASSERT_TRUE(metadata.has_value());
  ASSERT_EQ(metadata->signatures_size(), 1);
  const auto& signature = metadata->signatures(0);
  const auto header = *read_signature_header(signature.signature_header());
  Bytes signed_bytes = orderer_signed_bytes(metadata->value(), signature.signature_header(), block.header());
  EXPECT_TRUE(key_of(header.creator).verify(signed_bytes, signature.signature()).has_value());
  signed_bytes.back() ^= 1;
  EXPECT_FALSE(key_of(header.creator).verify(signed_bytes, signature.signature()).has_value());
}

TEST(Block, OrdererMetadataIsMadeAnewByteForByte) {
  const ::common::Block block = golden(1);
  auto consenter = consenter_metadata(block);
  ASSERT_TRUE(consenter.has_value());
  EXPECT_EQ(orderer_metadata_value(*last_config_index(block), *consenter),
            metadata_of(block, ::common::SIGNATURES)->value());
  ASSERT_TRUE(parse<::etcdraft::BlockMetadata>(*consenter).has_value());
  EXPECT_EQ(parse<::etcdraft::BlockMetadata>(*consenter)->consenter_ids_size(), 1);
}

TEST(Block, MetadataSlotsAreFilledUpToFive) {
  ::common::Block block = make_block(7, "previous");
  EXPECT_EQ(block.metadata().metadata_size(), 5);
  block.mutable_metadata()->mutable_metadata()->DeleteSubrange(3, 2);
  block.mutable_metadata()->set_metadata(2, "kept");
  init_metadata(block);
  EXPECT_EQ(block.metadata().metadata_size(), 5);
  EXPECT_EQ(block.metadata().metadata(2), "kept");
}

TEST(Block, OnlyASingleConfigTransactionMakesAConfigBlock) {
  EXPECT_TRUE(is_config_block(golden(0)));
  EXPECT_FALSE(is_config_block(golden(1)));
  ::common::Block two = golden(0);
  two.mutable_data()->add_data(two.data().data(0));
  EXPECT_FALSE(is_config_block(two));
  EXPECT_EQ(*channel_id_of(golden(0)), "mychannel");
  EXPECT_EQ(channel_id_of(make_block(1, "")).error().message, "failed to retrieve channel id - block is empty");
}

TEST(WellFormed, UpstreamsBlocksAre) {
  EXPECT_TRUE(check_well_formed(golden(0).data()).has_value());  // no signature, but a config block
  EXPECT_TRUE(check_well_formed(golden(1).data()).has_value());
}

// A canonical envelope; each test below spoils one thing.
Bytes good_envelope() { return golden(1).data().data(0); }

std::string refusal(const Bytes& envelope) {
  auto done = check_canonical_envelope(envelope, 3);
  return done ? "" : done.error().message;
}

TEST(WellFormed, RefusesAnEnvelopeWithoutPayloadOrSignature) {
  ::common::Envelope envelope = *parse<::common::Envelope>(good_envelope());
  envelope.clear_signature();
  EXPECT_EQ(refusal(marshal(envelope)), "transaction 3 has no signature");
  envelope.clear_payload();
  EXPECT_EQ(refusal(marshal(envelope)), "transaction 3 has no payload");
  EXPECT_EQ(check_well_formed({}).error().message, "empty block");
}

TEST(WellFormed, RefusesBytesThatSayTheSameInAnotherWay) {
  const Bytes good = good_envelope();
  const EnvelopeView view = *read_envelope(good);
  Bytes swapped;  // signature before payload
  append_bytes_field(swapped, 2, view.signature);
  append_bytes_field(swapped, 1, view.payload);
  EXPECT_TRUE(refusal(swapped).starts_with("transaction 3 (")) << refusal(swapped);
  Bytes twice;  // the payload is given twice, the last one counts
  append_bytes_field(twice, 1, "earlier");
  EXPECT_EQ(refusal(twice + good), "transaction 3 has 9 trailing bytes");
  Bytes long_tag = good;  // a tag in two bytes where one does
  long_tag[0] = static_cast<char>(0x8a);
  long_tag.insert(1, 1, '\0');
  EXPECT_EQ(refusal(long_tag), "transaction 3 has 1 trailing bytes");
  EXPECT_EQ(refusal(good.substr(0, good.size() - 1)),
            "transaction 3 is invalid: proto: cannot parse invalid wire-format data");
}

TEST(WellFormed, UnknownFieldsStayAsTheyCameAtTheEnd) {
  Bytes unknown;
  append_varint_field(unknown, 9, 5);
  EXPECT_EQ(refusal(good_envelope() + unknown), "");
  EXPECT_NE(refusal(unknown + good_envelope()), "");
}

TEST(Transaction, IsTakenApartAndItsHashesAgree) {
  const Bytes bytes = good_envelope();
  const OpenEnvelope open = *open_envelope(bytes);
  EXPECT_EQ(open.channel_header.type, ::common::ENDORSER_TRANSACTION);
  EXPECT_EQ(open.channel_header.channel_id, "mychannel");
  EXPECT_EQ(open.channel_header.tx_id, transaction_id(open.signature_header.nonce, open.signature_header.creator));
  EXPECT_TRUE(key_of(open.signature_header.creator).verify(open.envelope.payload, open.envelope.signature).has_value());
  EXPECT_EQ(read_chaincode_header_extension(open.channel_header.extension)->name, "_lifecycle");

  const auto actions = *read_transaction(open.payload.data);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].header, open.payload.header.signature_header);
  const auto action = *read_chaincode_action_payload(actions[0].payload);
  const auto response = *read_proposal_response_payload(action.response_payload);
  EXPECT_EQ(to_hex(response.proposal_hash),
            to_hex(proposal_hash_in_transaction(open.payload.header.channel_header,
                                                open.payload.header.signature_header, action.proposal_payload)));
  ASSERT_EQ(action.endorsements.size(), 1u);
  const auto& endorsement = action.endorsements[0];
  EXPECT_TRUE(key_of(endorsement.endorser)
                  .verify(endorsed_bytes(action.response_payload, endorsement.endorser), endorsement.signature)
                  .has_value());
  const auto effects = *read_chaincode_action(response.extension);
  EXPECT_EQ(effects.response.status, 200);
  EXPECT_EQ(effects.chaincode_id.name, "_lifecycle");
}

TEST(Transaction, ResponsePayloadIsMadeAnewByteForByte) {
  const Bytes bytes = good_envelope();
  const OpenEnvelope open = *open_envelope(bytes);
  const auto actions = *read_transaction(open.payload.data);
  const auto action = *read_chaincode_action_payload(actions[0].payload);
  const auto response = *read_proposal_response_payload(action.response_payload);
  const auto effects = *read_chaincode_action(response.extension);
  const auto parsed = *parse<::protos::ChaincodeAction>(response.extension);
  EXPECT_EQ(response_payload(response.proposal_hash, parsed.response(), effects.results, effects.events,
                             parsed.chaincode_id()),
            action.response_payload);
}

}  // namespace
}  // namespace selvage::wire
