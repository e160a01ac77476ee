#include "ledger/block_reading.h"

#include "common/common.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "wire/block.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage::ledger {
namespace {
constexpr char kValid = 0;
}

TransactionReading read_transaction_header(BytesView envelope) {
  TransactionReading reading;
  const auto outer = wire::read_envelope(envelope);
  if (!outer) return reading;
  const auto payload = wire::read_payload(outer->payload);
  if (!payload || !payload->has_header) return reading;
  const auto header = wire::read_channel_header(payload->header.channel_header);
  if (!header) return reading;
  reading.header_type = header->type;
  reading.tx_id = header->tx_id;
  reading.channel = header->channel_id;
  reading.seconds = header->timestamp_seconds;
  reading.nanos = header->timestamp_nanos;
  reading.data = payload->data;
  return reading;
}

Result<ActionReading> read_action(BytesView payload_data) {
  SELVAGE_TRY(const auto actions, wire::read_transaction(payload_data));
  if (actions.empty()) return fail(Code::kInvalidArgument, "at least one TransactionAction required");
  SELVAGE_TRY(const auto action, wire::read_chaincode_action_payload(actions.front().payload));
  if (!action.has_action || action.response_payload.empty()) {
    return fail(Code::kInvalidArgument, "no payload in ChaincodeActionPayload");
  }
  SELVAGE_TRY(const auto response, wire::read_proposal_response_payload(action.response_payload));
  if (response.extension.empty()) return fail(Code::kInvalidArgument, "response payload is missing extension");
  SELVAGE_TRY(const auto chaincode, wire::read_chaincode_action(response.extension));
  return ActionReading{chaincode.results, chaincode.chaincode_id.name, chaincode.chaincode_id.version};
}

TxRwSet make_config_rw_set(BytesView config_envelope) {
  auto kv = std::make_shared<::kvrwset::KVRWSet>();
  auto* write = kv->add_writes();
  write->set_key(std::string(kChannelConfigKey));
  write->set_value(Bytes(config_envelope));
  TxRwSet rw_set;
  rw_set.namespaces.push_back(NamespaceRwSet{"", std::move(kv), {}});
  return rw_set;
}

BytesView codes_of(const ::common::Block& block) {
  const auto& metadata = block.metadata().metadata();
  return metadata.size() > ::common::TRANSACTIONS_FILTER ? BytesView(metadata.Get(::common::TRANSACTIONS_FILTER))
                                                         : BytesView();
}

Bytes commit_hash_of(const ::common::Block& block) {
  if (block.metadata().metadata_size() <= ::common::COMMIT_HASH) return {};
  const auto metadata = wire::metadata_of(block, ::common::COMMIT_HASH);
  return metadata ? metadata->value() : Bytes();
}

Result<BlockCommit> make_replay(std::shared_ptr<const ::common::Block> block, const StateView& view,
                                std::vector<PrivateWrite> private_writes) {
  BlockCommit commit;
  commit.codes = Bytes(codes_of(*block));
  commit.commit_hash = commit_hash_of(*block);
  const int count = block->data().data_size();
  if (commit.codes.size() != static_cast<size_t>(count)) {
    return fail(Code::kDataLoss, "block [" + std::to_string(block->header().number()) +
                                     "] in the block file has no code for each transaction");
  }
  for (int i = 0; i < count; ++i) {
    const auto reading = read_transaction_header(block->data().data(i));
    commit.tx_ids.emplace_back(reading.tx_id);
    if (commit.codes[static_cast<size_t>(i)] != kValid) continue;
    const Version version{block->header().number(), static_cast<uint64_t>(i)};
    if (reading.header_type == ::common::CONFIG) {
      SELVAGE_CHECK(apply_tx_rw_set(make_config_rw_set(reading.data), version, view, commit.updates));
    } else if (reading.header_type == ::common::ENDORSER_TRANSACTION) {
      SELVAGE_TRY(const auto action, read_action(reading.data));
      SELVAGE_TRY(const auto rw_set, parse_tx_rw_set(action.results));
      SELVAGE_CHECK(apply_tx_rw_set(rw_set, version, view, commit.updates));
    }
  }
  for (const auto& write : private_writes) {
    if (write.transaction >= commit.codes.size() || commit.codes[write.transaction] != kValid) continue;
    SELVAGE_CHECK(apply_private_rw_set(write.ns, write.collection, write.rw_set,
                                       Version{block->header().number(), write.transaction}, commit.updates));
  }
  SELVAGE_CHECK(finish_private_updates(view, commit.updates));
  commit.block = std::move(block);
  commit.private_writes = std::move(private_writes);
  return commit;
}

}  // namespace selvage::ledger
