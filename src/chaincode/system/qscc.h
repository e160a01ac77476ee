// `qscc`: blocks and transactions of a channel: GetChainInfo, GetBlockByNumber, GetBlockByHash, GetBlockByTxID,
// GetTransactionByID. Fabric quirk: core/scc/qscc/query.go (texts).
#pragma once

#include <memory>

#include "chaincode/channels.h"
#include "chaincode/system/system_chaincode.h"

namespace selvage::chaincode {

// `channels` outlives the chaincode.
[[nodiscard]] std::unique_ptr<SystemChaincode> make_qscc(Channels& channels, AccessCheck access);

}  // namespace selvage::chaincode
