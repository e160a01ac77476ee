#include "node/peer/filtered_block.h"

#include "common/common.pb.h"
#include "ledger/block_reading.h"
#include "peer/chaincode_event.pb.h"
#include "peer/events.pb.h"
#include "peer/transaction.pb.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage::node {
namespace {

constexpr int kNotValidated = ::protos::NOT_VALIDATED;

Status add_actions(BytesView transaction, ::protos::FilteredTransactionActions& to) {
  SELVAGE_TRY(const auto actions, wire::read_transaction(transaction));
  for (const auto& action : actions) {
    SELVAGE_TRY(const auto payload, wire::read_chaincode_action_payload(action.payload));
    if (!payload.has_action) continue;
    SELVAGE_TRY(const auto response, wire::read_proposal_response_payload(payload.response_payload));
    SELVAGE_TRY(const auto chaincode, wire::read_chaincode_action(response.extension));
    SELVAGE_TRY(auto event, wire::parse<::protos::ChaincodeEvent>(chaincode.events));
    if (event.chaincode_id().empty()) continue;
    event.clear_payload();
    *to.add_chaincode_actions()->mutable_chaincode_event() = std::move(event);
  }
  return {};
}

}  // namespace

Result<::protos::FilteredBlock> make_filtered_block(const ::common::Block& block) {
  ::protos::FilteredBlock filtered;
  filtered.set_number(block.header().number());
  const BytesView codes = ledger::codes_of(block);
  for (int i = 0; i < block.data().data_size(); ++i) {
    const auto envelope = wire::read_envelope(block.data().data(i));
    if (!envelope) continue;
    SELVAGE_TRY(const auto payload, wire::read_payload(envelope->payload));
    if (!payload.has_header) continue;
    SELVAGE_TRY(const auto header, wire::read_channel_header(payload.header.channel_header));
    filtered.set_channel_id(std::string(header.channel_id));
    ::protos::FilteredTransaction made;
    made.set_txid(std::string(header.tx_id));
    made.set_type(static_cast<::common::HeaderType>(header.type));
    const size_t at = static_cast<size_t>(i);
    made.set_tx_validation_code(static_cast<::protos::TxValidationCode>(
        at < codes.size() ? static_cast<uint8_t>(codes[at]) : kNotValidated));
    if (header.type == ::common::ENDORSER_TRANSACTION) {
      SELVAGE_CHECK(add_actions(payload.data, *made.mutable_transaction_actions()));
    }
    *filtered.add_filtered_transactions() = std::move(made);
  }
  return filtered;
}

}  // namespace selvage::node
