// A ledger of a state and a chain that targets make, for those who read one. Nothing is committed to it.
#pragma once

#include <cstdlib>

#include "common/common.pb.h"
#include "ledger/ledger.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::fuzz {

class ReadLedger : public ledger::Ledger {
 public:
  // `blocks` (may be null: then it is not asked for) outlives the ledger.
  explicit ReadLedger(std::shared_ptr<const ledger::StateView> view, const ledger::BlockStore* blocks = nullptr)
      : view_(std::move(view)), blocks_(blocks) {}

  const std::string& channel() const override { return channel_; }
  uint64_t height() const override { return blocks().height(); }
  ledger::BlockchainInfo info() const override { return {height(), blocks().last_hash(), ""}; }
  Bytes commit_hash() const override { return ""; }
  const ledger::BlockStore& blocks() const override {
    if (blocks_ == nullptr) std::abort();
    return *blocks_;
  }
  Result<std::shared_ptr<const ::common::Block>> block_by_hash(BytesView hash) const override {
    for (uint64_t number = 0; number < height(); ++number) {
      SELVAGE_TRY(auto block, blocks().block(number));
      if (wire::header_hash(block->header()) == hash) return block;
    }
    return fail(Code::kNotFound, "no such block hash [" + to_hex(hash) + "] in index");
  }
  Result<std::optional<ledger::TxPlace>> find_transaction(const std::string& tx_id) const override {
    return tx_id == "tx" ? std::optional(ledger::TxPlace{0, 0, 0}) : std::nullopt;
  }
  Result<StoredTransaction> transaction(const std::string& tx_id) const override {
    if (tx_id != "tx") return fail(Code::kNotFound, "no such transaction ID [" + tx_id + "] in index");
    SELVAGE_TRY(const auto block, blocks().block(0));
    return StoredTransaction{block->data().data(0), {0, 0, 0}};
  }
  std::shared_ptr<const ledger::StateView> view() const override { return view_; }
  std::unique_ptr<ledger::HistoryIterator> history(const std::string&, const std::string&) const override {
    return nullptr;
  }
  ledger::TransientStore& transient() override { std::abort(); }
  const ledger::PrivateStore& private_data() const override { std::abort(); }
  Result<std::optional<Bytes>> collections_below(uint64_t, const std::string&) const override {
    return std::optional<Bytes>();
  }
  Result<std::shared_ptr<const ::common::Block>> last_config_block() const override { return blocks().block(0); }
  Status add_late(uint64_t, const ledger::PrivateWrite&) override { std::abort(); }
  Result<Times> commit(const ledger::BlockCommit&) override { std::abort(); }

 private:
  const std::string channel_ = "ch";
  const std::shared_ptr<const ledger::StateView> view_;
  const ledger::BlockStore* const blocks_;
};

}  // namespace selvage::fuzz
