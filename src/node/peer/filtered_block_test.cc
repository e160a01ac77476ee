#include "node/peer/filtered_block.h"

#include <gtest/gtest.h>

#include "common/common.pb.h"
#include "peer/chaincode_event.pb.h"
#include "peer/events.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::node {
namespace {

Bytes make_envelope(int type, const std::string& tx_id, Bytes data) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id("ch");
  header.set_tx_id(tx_id);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.set_data(std::move(data));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  return wire::marshal(envelope);
}

Bytes make_transaction(const std::string& tx_id, const std::string& event_of) {
  ::protos::ChaincodeEvent event;
  event.set_chaincode_id(event_of);
  event.set_tx_id(tx_id);
  event.set_event_name("name");
  event.set_payload("secret");
  ::protos::ChaincodeAction action;
  action.set_events(wire::marshal(event));
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  return make_envelope(::common::ENDORSER_TRANSACTION, tx_id, wire::marshal(transaction));
}

// A block with a transaction that has an event, one without, and a configuration.
::common::Block make_block() {
  ::common::Block block = wire::make_block(7, "");
  block.mutable_data()->add_data(make_transaction("with", "cc"));
  block.mutable_data()->add_data(make_transaction("without", ""));
  block.mutable_data()->add_data(make_envelope(::common::CONFIG, "", "configuration"));
  block.mutable_metadata()->set_metadata(::common::TRANSACTIONS_FILTER, Bytes("\0\x0b\0", 3));
  return block;
}

TEST(FilteredBlock, TellsIdsTypesCodesAndNamesOfEvents) {
  const auto filtered = make_filtered_block(make_block());
  ASSERT_TRUE(filtered);
  EXPECT_EQ(filtered->channel_id(), "ch");
  EXPECT_EQ(filtered->number(), 7u);
  ASSERT_EQ(filtered->filtered_transactions_size(), 3);
  const auto& with = filtered->filtered_transactions(0);
  EXPECT_EQ(with.txid(), "with");
  EXPECT_EQ(with.type(), ::common::ENDORSER_TRANSACTION);
  EXPECT_EQ(with.tx_validation_code(), ::protos::VALID);
  ASSERT_EQ(with.transaction_actions().chaincode_actions_size(), 1);
  const auto& event = with.transaction_actions().chaincode_actions(0).chaincode_event();
  EXPECT_EQ(event.event_name(), "name");
  EXPECT_EQ(event.payload(), "") << "the content of an event is for those who may read whole blocks";
  const auto& without = filtered->filtered_transactions(1);
  EXPECT_EQ(without.tx_validation_code(), ::protos::MVCC_READ_CONFLICT);
  EXPECT_TRUE(without.has_transaction_actions());
  EXPECT_EQ(without.transaction_actions().chaincode_actions_size(), 0);
  EXPECT_EQ(filtered->filtered_transactions(2).type(), ::common::CONFIG);
  EXPECT_FALSE(filtered->filtered_transactions(2).has_transaction_actions());
}

TEST(FilteredBlock, LeavesOutWhatIsNoEnvelopeAndRefusesABrokenTransaction) {
  ::common::Block block = make_block();
  block.mutable_data()->add_data("\xff");
  EXPECT_EQ(make_filtered_block(block)->filtered_transactions_size(), 3);
  block.mutable_data()->set_data(1, make_envelope(::common::ENDORSER_TRANSACTION, "broken", "\xff"));
  EXPECT_FALSE(make_filtered_block(block));
}

}  // namespace
}  // namespace selvage::node
