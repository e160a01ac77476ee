#include "ledger/ledger.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <set>

#include "base/disk.h"
#include "base/log.h"
#include "common/common.pb.h"
#include "ledger/block_reading.h"
#include "ledger/offline.h"
#include "ledger/private/late.h"
#include "ledger/private/purge.h"
#include "ledger/rocks_database.h"
#include "ledger/state/state_store.h"
#include "wire/block.h"

namespace selvage::ledger {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("kvledger");
  return logger;
}

// How far state, history and index are. In the same batch as they.
struct Savepoint {
  uint64_t height = 0;
  uint64_t last_config = 0;
};

Bytes savepoint_key(const std::string& channel) { return "s" + channel; }

Bytes hash_key(const std::string& channel, BytesView hash) {
  Bytes out = "h" + channel;
  out.push_back('\0');
  return out.append(hash);
}

Bytes transaction_key(const std::string& channel, BytesView tx_id) {
  Bytes out = "t" + channel;
  out.push_back('\0');
  return out.append(tx_id);
}

// Block, transaction, code.
Bytes encode_place(const TxPlace& place) {
  Bytes out;
  append_big_endian(place.block, out);
  append_big_endian(place.transaction, out);
  out.push_back(static_cast<char>(place.code));
  return out;
}

std::optional<TxPlace> parse_place(BytesView bytes) {
  if (bytes.size() != 17) return std::nullopt;
  return TxPlace{read_big_endian(bytes), static_cast<uint32_t>(read_big_endian(bytes.substr(8))),
                 static_cast<uint8_t>(bytes[16])};
}

class RocksLedger final : public Ledger {
 public:
  RocksLedger(Database& database, std::string channel, const LedgerSet::Settings& settings)
      : database_(database), channel_(std::move(channel)), settings_(settings), transient_(database, channel_),
        private_(database, channel_) {}

  Status open(Disk& disk, const std::string& directory, metrics::Provider& metrics) {
    BlockStore::Settings settings;
    settings.directory = directory;
    settings.channel = channel_;
    settings.file_bytes_max = settings_.block_file_bytes_max;
    settings.metrics = &metrics;
    SELVAGE_TRY(blocks_, BlockStore::open(disk, settings));
    SELVAGE_TRY(const auto stored, database_.get(Family::kMeta, savepoint_key(channel_)));
    if (stored && stored->size() == 16) {
      savepoint_ = {read_big_endian(*stored), read_big_endian(BytesView(*stored).substr(8))};
    }
    if (savepoint_.height > blocks_->height()) {
      return fail(Code::kDataLoss,
                  fmt::format("the state of channel {} is at height {}, its block files end at {}", channel_,
                              savepoint_.height, blocks_->height()),
                  directory, "restore the block files, or remove the channel's data and join it again");
    }
    renew_view();
    const uint64_t first = savepoint_.height;
    while (savepoint_.height < blocks_->height()) SELVAGE_CHECK(replay(savepoint_.height));
    if (savepoint_.height > first) {
      LOG_INFO(logger(), "[{}] Recommitted blocks [{}] to [{}] to state, history and index from the block files",
               channel_, first, savepoint_.height - 1);
    }
    if (blocks_->height() > 0) {
      SELVAGE_TRY(const auto last, blocks_->block(blocks_->height() - 1));
      commit_hash_ = commit_hash_of(*last);
    }
    return {};
  }

  [[nodiscard]] const std::string& channel() const override { return channel_; }
  [[nodiscard]] uint64_t height() const override { return blocks_->height(); }
  [[nodiscard]] const BlockStore& blocks() const override { return *blocks_; }
  [[nodiscard]] TransientStore& transient() override { return transient_; }
  [[nodiscard]] const PrivateStore& private_data() const override { return private_; }
  [[nodiscard]] Result<std::optional<Bytes>> collections_below(uint64_t block, const std::string& chaincode) const override {
    return find_collections_below(database_, channel_, block, chaincode);
  }

  [[nodiscard]] BlockchainInfo info() const override {
    BlockchainInfo info;
    info.height = blocks_->height();
    if (info.height == 0) return info;
    const auto last = blocks_->block(info.height - 1);
    if (!last) return info;
    info.current_hash = wire::header_hash((*last)->header());
    info.previous_hash = (*last)->header().previous_hash();
    return info;
  }

  [[nodiscard]] Bytes commit_hash() const override {
    std::lock_guard lock(mutex_);
    return commit_hash_;
  }

  [[nodiscard]] Result<std::shared_ptr<const ::common::Block>> block_by_hash(BytesView hash) const override {
    SELVAGE_TRY(const auto number, database_.get(Family::kIndex, hash_key(channel_, hash)));
    if (!number) return fail(Code::kNotFound, "no such block hash [" + to_hex(hash) + "] in index");
    return blocks_->block(read_big_endian(*number));
  }

  [[nodiscard]] Result<std::optional<TxPlace>> find_transaction(const std::string& tx_id) const override {
    SELVAGE_TRY(const auto bytes, database_.get(Family::kIndex, transaction_key(channel_, tx_id)));
    if (!bytes) return std::optional<TxPlace>();
    const auto place = parse_place(*bytes);
    if (!place) return fail(Code::kDataLoss, "the index of transactions is damaged");
    return place;
  }

  [[nodiscard]] Result<StoredTransaction> transaction(const std::string& tx_id) const override {
    SELVAGE_TRY(const auto place, find_transaction(tx_id));
    if (!place) return fail(Code::kNotFound, "no such transaction ID [" + tx_id + "] in index");
    SELVAGE_TRY(const auto block, blocks_->block(place->block));
    if (place->transaction >= static_cast<uint32_t>(block->data().data_size())) {
      return fail(Code::kDataLoss, "the index names a transaction that its block does not have");
    }
    return StoredTransaction{block->data().data(static_cast<int>(place->transaction)), *place};
  }

  [[nodiscard]] std::shared_ptr<const StateView> view() const override {
    std::lock_guard lock(mutex_);
    return view_;
  }

  [[nodiscard]] std::unique_ptr<HistoryIterator> history(const std::string& ns, const std::string& key) const override {
    return make_history_iterator(database_, *blocks_, channel_, ns, key);
  }

  [[nodiscard]] Result<std::shared_ptr<const ::common::Block>> last_config_block() const override {
    uint64_t number = 0;
    {
      std::lock_guard lock(mutex_);
      number = savepoint_.last_config;
    }
    return blocks_->block(number);
  }

  Status add_late(uint64_t block, const PrivateWrite& write) override {
    std::lock_guard turn(writing_);
    if (broken_) return fail(Code::kFailedPrecondition, "ledger of channel " + channel_ + " has failed");
    SELVAGE_TRY(const auto stored, blocks_->block(block));
    const auto promise = find_promise(*stored, write.transaction, write.ns, write.collection);
    if (!promise) return fail(Code::kInvalidArgument, "the block promises no such private write set");
    PrivateWrite kept = write;
    SELVAGE_TRY(kept.rw_set, unpurged_part(database_, channel_, write.ns, *promise, {block, write.transaction}, write.rw_set));
    WriteBatch batch;
    SELVAGE_CHECK(add_late_private_data(channel_, block, kept, settings_.blocks_to_live, *view(), batch));
    SELVAGE_CHECK(database_.write(batch, true));
    renew_view();
    return {};
  }

  [[nodiscard]] Result<Times> commit(const BlockCommit& commit) override {
    std::lock_guard turn(writing_);
    if (broken_ || blocks_->broken()) {
      return fail(Code::kFailedPrecondition, "ledger of channel " + channel_ + " has failed");
    }
    const auto started = std::chrono::steady_clock::now();
    const uint64_t number = commit.block->header().number();
    if (number != savepoint_.height) {
      return fail(Code::kInvalidArgument,
                  fmt::format("expected block number={}, received block number={}", savepoint_.height, number));
    }
    if (auto done = private_.store(number, commit.private_writes, commit.missing); !done) return stop(number, std::move(done).error());
    if (auto done = blocks_->append_hidden(commit.block); !done) {
      if (done.error().code == Code::kInvalidArgument) return fail(std::move(done).error());
      return stop(number, std::move(done).error());
    }
    const auto stored = std::chrono::steady_clock::now();
    if (auto done = write_state(commit); !done) return stop(number, std::move(done).error());
    publish(commit);
    const auto finished = std::chrono::steady_clock::now();
    return Times{std::chrono::duration<double>(stored - started).count(),
                 std::chrono::duration<double>(finished - stored).count()};
  }

 private:
  Status replay(uint64_t number) {
    SELVAGE_TRY(auto block, blocks_->block(number));
    SELVAGE_TRY(auto private_writes, private_.find(number));
    SELVAGE_TRY(const auto commit, make_replay(std::move(block), *view_, std::move(private_writes)));
    SELVAGE_CHECK(write_state(commit));
    renew_view();
    return {};
  }

  [[nodiscard]] tl::unexpected<Error> stop(uint64_t number, Error error) {
    broken_ = true;
    LOG_ERROR(logger(), "[{}] Block [{}] could not be committed, the channel takes no more blocks: {}", channel_, number,
              to_string(error));
    return fail(std::move(error));
  }

  // One batch, not synced: what a power failure takes from it is replayed.
  Status write_state(const BlockCommit& commit) {
    const uint64_t number = commit.block->header().number();
    WriteBatch batch;
    add_state_updates(channel_, commit.updates, batch);
    SELVAGE_CHECK(add_purges(database_, channel_, commit.updates, batch));
    SELVAGE_CHECK(add_expiry(database_, channel_, number, commit.updates, settings_.blocks_to_live, *view_, batch));
    const auto not_applied = [&](const auto& entry) {
      if (entry.transaction < commit.codes.size() && commit.codes[entry.transaction] == 0) return;
      add_expiring_set(channel_, number, entry.ns, entry.collection, settings_.blocks_to_live, *view_, batch);
    };
    for (const auto& entry : commit.private_writes) not_applied(entry);
    for (const auto& entry : commit.missing) not_applied(entry);
    SELVAGE_CHECK(take_definitions(number, commit.updates, batch));
    if (settings_.history) add_history(channel_, number, commit.updates, batch);
    Bytes number_bytes;
    append_big_endian(number, number_bytes);
    batch.put(Family::kIndex, hash_key(channel_, wire::header_hash(commit.block->header())), number_bytes);
    SELVAGE_CHECK(add_transactions(commit, batch));
    Savepoint next{number + 1, commit.updates.find_public("", kChannelConfigKey) ? number : savepoint_.last_config};
    Bytes savepoint;
    append_big_endian(next.height, savepoint);
    append_big_endian(next.last_config, savepoint);
    batch.put(Family::kMeta, savepoint_key(channel_), savepoint);
    SELVAGE_CHECK(database_.write(batch, false));
    std::lock_guard lock(mutex_);
    savepoint_ = next;
    return {};
  }

  // Before `batch` is written, so that a crash in between does it again with the block.
  Status take_definitions(uint64_t number, const UpdateBatch& updates, WriteBatch& batch) {
    if (!settings_.definition_changes) return {};
    SELVAGE_TRY(const auto changes, settings_.definition_changes(updates, *view_));
    for (const auto& change : changes) {
      add_collection_history(channel_, number, change, batch);
      for (const auto& collection : change.newly_ours) {
        SELVAGE_CHECK(private_.become_eligible(number, change.chaincode, collection));
      }
    }
    return {};
  }

  // An id belongs to the first transaction that came with it. A valid one is the first: validation looked; of others,
  // whose ids nobody checked, that is found out here.
  Status add_transactions(const BlockCommit& commit, WriteBatch& batch) const {
    constexpr char kValid = 0;
    std::set<std::string_view> in_block;
    for (size_t i = 0; i < commit.tx_ids.size(); ++i) {
      const std::string& tx_id = commit.tx_ids[i];
      if (tx_id.empty() || !in_block.insert(tx_id).second) continue;
      const Bytes key = transaction_key(channel_, tx_id);
      if (commit.codes[i] != kValid) {
        SELVAGE_TRY(const auto earlier, database_.get(Family::kIndex, key));
        if (earlier) continue;
      }
      batch.put(Family::kIndex, key, encode_place({commit.block->header().number(), static_cast<uint32_t>(i),
                                                   static_cast<uint8_t>(commit.codes[i])}));
    }
    return {};
  }

  void renew_view() {
    std::shared_ptr<const StateView> view = make_rocks_state_view(database_, channel_, savepoint_.height);
    std::lock_guard lock(mutex_);
    view_.swap(view);
  }

  // State first, then the block: who was told of a block finds its writes.
  void publish(const BlockCommit& commit) {
    renew_view();
    {
      std::lock_guard lock(mutex_);
      commit_hash_ = commit.commit_hash;
    }
    blocks_->show();
  }

  Database& database_;
  const std::string channel_;
  const LedgerSet::Settings& settings_;  // the set's
  std::unique_ptr<BlockStore> blocks_;
  TransientStore transient_;
  PrivateStore private_;
  std::atomic<bool> broken_ = false;
  std::mutex writing_;        // one block, or private data of an old one, at a time
  mutable std::mutex mutex_;  // of the four below
  Savepoint savepoint_;       // changed by the committing thread only
  Bytes commit_hash_;
  std::shared_ptr<const StateView> view_;
};

class RocksLedgerSet final : public LedgerSet {
 public:
  RocksLedgerSet(Disk& disk, Settings settings, metrics::Provider& metrics)
      : disk_(disk), settings_(std::move(settings)), metrics_(metrics) {}

  Status open() {
    SELVAGE_CHECK(disk_.make_directories(chains()));
    for (const char* folder : {"", "/chains"}) SELVAGE_CHECK(disk_.sync_directory(settings_.root + folder));
    auto lock = disk_.lock(settings_.root + "/fileLock");
    if (!lock) {
      Error error = std::move(lock).error();
      if (error.code == Code::kFailedPrecondition) {
        error.message = "the ledger directory " + settings_.root + " is in use by another process";
        error.hint = "stop the other peer, or set peer.fileSystemPath (CORE_PEER_FILESYSTEMPATH) to a directory of its own";
      }
      return fail(std::move(error));
    }
    lock_ = std::move(*lock);
    SELVAGE_TRY(database_, Database::open({settings_.root + "/rocks", settings_.block_cache_bytes,
                                           settings_.write_buffer_bytes}));
    SELVAGE_TRY(const auto names, disk_.list(chains()));
    for (const auto& name : names) {
      if (is_paused(name)) {
        LOG_INFO(logger(), "Ledger [{}] is paused; peer node resume -c {} brings it back", name, name);
        continue;
      }
      SELVAGE_TRY(auto ledger, open_channel(name));
      if (ledger->height() == 0) {
        LOG_WARN(logger(), "The creation of ledger [{}] was not finished; join the channel again", name);
        continue;
      }
      ledgers_[name] = std::move(ledger);
    }
    return {};
  }

  [[nodiscard]] Result<std::shared_ptr<Ledger>> create(const ::common::Block& genesis) override {
    SELVAGE_TRY(const std::string channel, wire::channel_id_of(genesis));
    std::lock_guard creating(creating_);
    if (find(channel)) {
      return fail(Code::kAlreadyExists, "ledger [" + channel + "] already exists with state [ACTIVE]");
    }
    if (is_paused(channel)) {
      return fail(Code::kAlreadyExists, "ledger [" + channel + "] already exists with state [INACTIVE]", "",
                  "stop the peer and give: peer node resume -c " + channel);
    }
    LOG_INFO(logger(), "Creating ledger [{}] with genesis block", channel);
    SELVAGE_TRY(auto ledger, open_channel(channel));
    SELVAGE_CHECK(disk_.sync_directory(chains()));
    auto block = std::make_shared<::common::Block>(genesis);
    auto* metadata = block->mutable_metadata();
    while (metadata->metadata_size() <= ::common::COMMIT_HASH) metadata->add_metadata();
    metadata->set_metadata(::common::TRANSACTIONS_FILTER, Bytes(static_cast<size_t>(block->data().data_size()), '\0'));
    const auto started = std::chrono::steady_clock::now();
    const auto view = ledger->view();
    SELVAGE_TRY(const auto commit, make_replay(std::move(block), *view, {}));
    const auto committed = ledger->commit(commit);
    if (!committed) {
      // Nothing of a channel that was never joined stays behind, or the next start would find it.
      if (committed.error().code == Code::kInvalidArgument) {
        ledger.reset();
        SELVAGE_CHECK(disk_.remove_all(chains() + "/" + channel));
      }
      return fail(committed.error());
    }
    const auto in_ms = [](double seconds) { return static_cast<int64_t>(seconds * 1000); };
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    LOG_INFO(logger(),
             "[{}] Committed block [0] with {} transaction(s) in {}ms (state_validation=0ms block_and_pvtdata_commit={}ms "
             "state_commit={}ms) commitHash=[]",
             channel, genesis.data().data_size(), in_ms(took), in_ms(committed->blocks_and_private_seconds),
             in_ms(committed->state_seconds));
    std::lock_guard lock(mutex_);
    ledgers_[channel] = ledger;
    LOG_INFO(logger(), "Created ledger [{}] with genesis block", channel);
    return std::shared_ptr<Ledger>(std::move(ledger));
  }

  [[nodiscard]] std::vector<std::shared_ptr<Ledger>> ledgers() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Ledger>> ledgers;
    for (const auto& [name, ledger] : ledgers_) ledgers.push_back(ledger);
    return ledgers;
  }

  [[nodiscard]] std::shared_ptr<Ledger> find(const std::string& channel) const override {
    std::lock_guard lock(mutex_);
    const auto found = ledgers_.find(channel);
    return found == ledgers_.end() ? nullptr : found->second;
  }

 private:
  [[nodiscard]] std::string chains() const { return settings_.root + "/chains/chains"; }

  [[nodiscard]] bool is_paused(const std::string& channel) const {
    return disk_.exists(chains() + "/" + channel + kPausedFile);
  }

  [[nodiscard]] Result<std::shared_ptr<RocksLedger>> open_channel(const std::string& channel) {
    auto ledger = std::make_shared<RocksLedger>(*database_, channel, settings_);
    SELVAGE_CHECK(ledger->open(disk_, chains() + "/" + channel, metrics_));
    return ledger;
  }

  Disk& disk_;
  const Settings settings_;
  metrics::Provider& metrics_;
  std::unique_ptr<DiskLock> lock_;
  std::unique_ptr<Database> database_;  // after the lock, before the ledgers
  std::mutex creating_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<RocksLedger>> ledgers_;
};

}  // namespace

std::unique_ptr<TxSimulator> Ledger::make_simulator(std::string tx_id, TxSimulator::CollectionCheck check) const {
  return std::make_unique<TxSimulator>(std::move(tx_id), view(), std::move(check));
}

Result<std::unique_ptr<LedgerSet>> LedgerSet::open(Disk& disk, Settings settings, metrics::Provider& metrics) {
  auto set = std::make_unique<RocksLedgerSet>(disk, std::move(settings), metrics);
  SELVAGE_CHECK(set->open());
  return std::unique_ptr<LedgerSet>(std::move(set));
}

}  // namespace selvage::ledger
