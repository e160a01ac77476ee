// Codes against those of Fabric's own peer, block by block. See testdata/README.md.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "channel/config_update.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "ledger/blocks/block_file.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "lifecycle/package.h"
#include "peer/transaction.pb.h"
#include "validate/validator.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::validate {
namespace {

using ::protos::TxValidationCode;

std::string name(uint8_t code) { return ::protos::TxValidationCode_Name(static_cast<TxValidationCode>(code)); }

std::vector<::common::Block> fabric_blocks() {
  std::ifstream in(SELVAGE_SOURCE_DIR "/src/validate/testdata/fabric_blocks.tar.gz", std::ios::binary);
  const Bytes archive((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto files = lifecycle::read_tar_gz(archive);
  std::vector<::common::Block> blocks;
  if (!files || files->empty()) return blocks;
  BytesView rest = files->front().content;
  while (auto length = ledger::parse_record_length(rest)) {
    rest.remove_prefix(length->length_bytes);
    auto record = ledger::parse_record(rest.substr(0, length->body_bytes));
    if (!record) break;
    ledger::to_block(*record, blocks.emplace_back());
    rest.remove_prefix(length->body_bytes);
  }
  return blocks;
}

template <class Entries>
Bytes metadata_of(const Entries& entries) {
  ledger::Metadata metadata;
  for (const auto& entry : entries) metadata[entry.name()] = entry.value();
  return ledger::encode_metadata(metadata);
}

// What validation reads of a transaction's writes; versions do not matter to it.
class State : public ledger::MemoryState {
 public:
  void apply(const ledger::TxRwSet& set) {
    for (const ledger::NamespaceRwSet& ns : set.namespaces) {
      for (const auto& write : ns.kv->writes()) this->write(ns.name, write.key(), write.value(), write.is_delete());
      for (const auto& write : ns.kv->metadata_writes()) tag(ns.name, write.key(), metadata_of(write.entries()));
      for (const ledger::CollectionRwSet& collection : ns.collections) {
        const std::string hashes = ledger::hash_namespace(ns.name, collection.collection);
        for (const auto& write : collection.hashed->hashed_writes()) {
          this->write(hashes, write.key_hash(), write.value_hash(), write.is_delete());
        }
        for (const auto& write : collection.hashed->metadata_writes()) {
          tag(hashes, write.key_hash(), metadata_of(write.entries()));
        }
      }
    }
  }

 private:
  void write(const std::string& ns, const std::string& key, const Bytes& value, bool is_delete) {
    auto before = *get(ns, key);
    if (is_delete) {
      put(ns, key, std::nullopt);
    } else {
      put(ns, key, ledger::StateValue{value, before ? before->metadata : Bytes(), {}});
    }
  }
  void tag(const std::string& ns, const std::string& key, const Bytes& metadata) {
    if (auto before = *get(ns, key)) put(ns, key, ledger::StateValue{before->value, metadata, {}});
  }
};

TEST(Golden, CodesAreFabrics) {
  const std::vector<::common::Block> blocks = fabric_blocks();
  ASSERT_GT(blocks.size(), 10u);
  auto bundle = channel::Bundle::from_block(blocks[0]);
  ASSERT_TRUE(bundle) << bundle.error().message;
  Validator validator((*bundle)->channel_id(), sequential());
  State state;
  std::set<std::string> known;
  std::map<std::string, int> seen;
  int configurations = 0;
  for (size_t number = 1; number < blocks.size(); number++) {
    const Bytes filter = blocks[number].metadata().metadata(::common::TRANSACTIONS_FILTER);
    auto result = validator.validate(std::make_shared<const ::common::Block>(blocks[number]), *bundle, state,
                                     [&](const std::string& id) -> Result<bool> { return known.count(id) > 0; });
    ASSERT_TRUE(result) << "block " << number << ": " << result.error().message;
    ASSERT_EQ(result->transactions.size(), filter.size());
    for (size_t i = 0; i < filter.size(); i++) {
      const TransactionResult& ours = result->transactions[i];
      const auto theirs = static_cast<uint8_t>(filter[i]);
      seen[name(theirs)]++;
      // MVCC comes after validation.
      const bool conflict = theirs == ::protos::MVCC_READ_CONFLICT || theirs == ::protos::PHANTOM_READ_CONFLICT;
      EXPECT_EQ(name(ours.code), name(conflict ? static_cast<uint8_t>(::protos::VALID) : theirs))
          << "block " << number << " transaction " << i << ": " << ours.reason;
      if (theirs == ::protos::VALID && ours.rw_set) state.apply(*ours.rw_set);
    }
    for (const TransactionResult& transaction : result->transactions) known.insert(transaction.tx_id);
    if (result->next_bundle) {
      // The update was made by configtxlator; ours is the same.
      ::common::Envelope envelope;
      ASSERT_TRUE(envelope.ParseFromString(blocks[number].data().data(0)));
      ::common::ConfigEnvelope config;
      ASSERT_TRUE(wire::open_envelope_of(envelope, ::common::CONFIG, config));
      auto theirs = channel::config_update_of(config.last_update());
      ASSERT_TRUE(theirs) << theirs.error().message;
      ::common::ConfigUpdate update;
      ASSERT_TRUE(update.ParseFromString(theirs->config_update()));
      auto ours = channel::compute_config_update((*bundle)->config(), result->next_bundle->config());
      ASSERT_TRUE(ours) << ours.error().message;
      EXPECT_EQ(wire::marshal(ours->read_set()), wire::marshal(update.read_set()));
      EXPECT_EQ(wire::marshal(ours->write_set()), wire::marshal(update.write_set()));
      *bundle = result->next_bundle;
      configurations++;
    }
  }
  EXPECT_EQ(configurations, 1);
  for (const char* code : {"VALID", "BAD_COMMON_HEADER", "INVALID_ENDORSER_TRANSACTION", "BAD_PROPOSAL_TXID", "DUPLICATE_TXID",
                           "ENDORSEMENT_POLICY_FAILURE", "MVCC_READ_CONFLICT", "ILLEGAL_WRITESET",
                           "INVALID_CHAINCODE", "BAD_RESPONSE_PAYLOAD", "BAD_RWSET", "INVALID_OTHER_REASON"}) {
    EXPECT_GT(seen[code], 0) << code << " does not occur: the data proves less than it says";
  }
}

}  // namespace
}  // namespace selvage::validate
