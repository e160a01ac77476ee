#include "chaincode/system/qscc.h"

#include <charconv>

#include "common/common.pb.h"
#include "common/ledger.pb.h"
#include "ledger/ledger.h"
#include "peer/transaction.pb.h"

namespace selvage::chaincode {
namespace {

using BlockPtr = std::shared_ptr<const common::Block>;

// Go's strconv.ParseUint as far as its errors go.
Result<uint64_t> parse_number(const Bytes& text) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range)
    return fail(Code::kInvalidArgument, "strconv.ParseUint: parsing \"" + escape(text, 100) + "\": value out of range");
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Code::kInvalidArgument, "strconv.ParseUint: parsing \"" + escape(text, 100) + "\": invalid syntax");
  return number;
}

protos::Response answer_block(Result<BlockPtr> block, const std::string& what) {
  if (!block) return failure(what + ", error " + block.error().message);
  return success((*block)->SerializeAsString());
}

class Qscc final : public SystemChaincode {
 public:
  Qscc(Channels& channels, AccessCheck access) : channels_(channels), access_(std::move(access)) {}
  std::string_view name() const override { return "qscc"; }

  protos::Response invoke(const Transaction& transaction, const Arguments& arguments) override {
    if (arguments.size() < 2) return failure("Incorrect number of arguments, " + std::to_string(arguments.size()));
    const std::string& function = arguments[0];
    const std::string& channel_id = arguments[1];
    if (transaction.proposal_chaincode != name())
      return failure(
          "Rejecting invoke of QSCC from another chaincode because of potential for deadlocks, original invocation for '" +
          transaction.proposal_chaincode + "'");
    if (function != "GetChainInfo" && arguments.size() < 3) return failure("missing 3rd argument for " + function);
    auto channel = channels_.find(channel_id);
    if (!channel) return failure("Invalid chain ID, " + channel_id);
    if (auto allowed = access_("qscc/" + function, channel_id, transaction.creator); !allowed)
      return failure("access denied for [" + function + "][" + channel_id + "]: [" + allowed.error().message + "]");
    ledger::Ledger& ledger = channel->ledger();

    if (function == "GetChainInfo") {
      auto info = ledger.info();
      common::BlockchainInfo out;
      out.set_height(info.height);
      out.set_currentblockhash(info.current_hash);
      out.set_previousblockhash(info.previous_hash);
      return success(out.SerializeAsString());
    }
    if (function == "GetBlockByNumber") {
      auto number = parse_number(arguments[2]);
      if (!number) return failure("Failed to parse block number with error " + number.error().message);
      // Fabric quirk: the largest number means the newest block (blkstorage RetrieveBlockByNumber).
      uint64_t wanted = *number == UINT64_MAX && ledger.height() > 0 ? ledger.height() - 1 : *number;
      return answer_block(ledger.blocks().block(wanted), "Failed to get block number " + std::to_string(*number));
    }
    if (function == "GetBlockByHash")
      return answer_block(ledger.block_by_hash(arguments[2]), "Failed to get block hash " + arguments[2]);
    if (function == "GetBlockByTxID") {
      const std::string what = "Failed to get block for txID " + arguments[2];
      auto place = ledger.find_transaction(arguments[2]);
      if (!place) return failure(what + ", error " + place.error().message);
      if (!*place) return failure(what + ", error no such transaction ID [" + arguments[2] + "] in index");
      return answer_block(ledger.blocks().block((*place)->block), what);
    }
    if (function == "GetTransactionByID") {
      auto stored = ledger.transaction(arguments[2]);
      if (!stored)
        return failure("Failed to get transaction with id " + arguments[2] + ", error " + stored.error().message);
      protos::ProcessedTransaction out;
      if (!out.mutable_transactionenvelope()->ParseFromString(stored->envelope))
        return failure("Failed to get transaction with id " + arguments[2] + ", error the stored envelope does not parse");
      out.set_validationcode(stored->place.code);
      return success(out.SerializeAsString());
    }
    return failure("Requested function " + function + " not found.");
  }

 private:
  Channels& channels_;
  AccessCheck access_;
};

}  // namespace

std::unique_ptr<SystemChaincode> make_qscc(Channels& channels, AccessCheck access) {
  return std::make_unique<Qscc>(channels, std::move(access));
}

}  // namespace selvage::chaincode
