// What the ledger reads out of a transaction in a block. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/ledger.h"
#include "ledger/state/rw_set.h"

namespace selvage::ledger {

// Borrows from the envelope.
struct TransactionReading {
  int header_type = -1;  // common.HeaderType; -1: the header could not be read
  BytesView tx_id;
  BytesView channel;
  int64_t seconds = 0;  // timestamp
  int32_t nanos = 0;
  BytesView data;        // payload.data
};
[[nodiscard]] TransactionReading read_transaction_header(BytesView envelope);

// Of the first action of an endorser transaction. kInvalidArgument when there is none or something does not parse.
struct ActionReading {
  BytesView results;  // TxReadWriteSet
  BytesView chaincode_name;
  BytesView chaincode_version;
};
[[nodiscard]] Result<ActionReading> read_action(BytesView payload_data);

// What a CONFIG transaction writes: its ConfigEnvelope under Fabric's key in the namespace "".
// Fabric quirk: core/peer/configtx_processor.go
inline constexpr std::string_view kChannelConfigKey = "CHANNEL_CONFIG_ENV_BYTES";
[[nodiscard]] TxRwSet make_config_rw_set(BytesView config_envelope);

// The transactions filter and the commit hash in a block's metadata; empty when there is none.
[[nodiscard]] BytesView codes_of(const ::common::Block& block);
[[nodiscard]] Bytes commit_hash_of(const ::common::Block& block);

// Everything to commit of a block that is already in the block file: its codes stand, nothing is checked again.
[[nodiscard]] Result<BlockCommit> make_replay(std::shared_ptr<const ::common::Block> block, const StateView& view,
                                              std::vector<PrivateWrite> private_writes);

}  // namespace selvage::ledger
