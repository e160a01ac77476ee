#include "sim/orderer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "order/consensus_metadata.h"
#include "order/raft/codec.h"
#include "wire/block.h"

namespace selvage::sim {

using order::raft::NodeId;

Orderer::Orderer(Slot slot, uint64_t seed, Knobs knobs, Random& random, Laws& laws, Outside& outside)
    : slot_(slot), knobs_(knobs), random_(random), laws_(laws), outside_(outside), disk_(seed * 100 + slot) {}

Orderer::~Orderer() = default;

void Orderer::open_ledger() {
  auto store = ledger::BlockStore::open(disk_, {.directory = "/ledger", .channel = "simulated"});
  if (!store) return laws_.broken(fmt::format("orderer {} cannot open its ledger: {}", slot_, to_string(store.error())));
  store_ = std::move(*store);
}

void Orderer::give(const ::common::Block& genesis) {
  open_ledger();
  if (store_->append(genesis)) laws_.block(slot_, genesis);
  store_.reset();
}

std::shared_ptr<const ::common::Block> Orderer::block(uint64_t number) const {
  auto found = store_->block(number);
  return found ? *found : nullptr;
}

order::raft::Term Orderer::reigns() const {
  if (!chain_ || chain_->core().soft_state().role != order::raft::Role::kLeader) return 0;
  return chain_->core().hard_state().term;
}

std::string Orderer::describe() const {
  return fmt::format("orderer {} ({}): node {}, height {}{}", slot_, up() ? "up" : "down", id_, height(),
                     chain_ ? ", " + chain_->core().log().describe() : "");
}

// ---- lives

void Orderer::start(bool known) {
  ++life_;
  known_ = known;
  faulty_ = false;
  id_ = order::raft::kNone;
  open_ledger();
  if (!store_) return;
  laws_.restarted(slot_, store_->height());
  open_chain();
}

// As a consenter, when the newest configuration in the ledger says that it is one.
void Orderer::open_chain() {
  if (store_->height() == 0) return;
  const auto newest = block(store_->height() - 1);
  const auto last_config = newest->header().number() == 0 ? Result<uint64_t>(0) : wire::last_config_index(*newest);
  const uint64_t config = last_config.value_or(UINT64_MAX);
  const auto config_block = block(config);
  if (!config_block) {
    return laws_.broken(fmt::format("orderer {}: block [{}] names config block [{}], which is not there", slot_,
                                    newest->header().number(), config));
  }
  bundle_ = Consortium::shared().bundle_of(*config_block);
  const auto slots = Consortium::consenters_of(*bundle_);
  const auto place = std::find(slots.begin(), slots.end(), slot_);
  if (place == slots.end() || !known_) return;
  const auto metadata = order::config_metadata_of(*bundle_);
  const auto ids = order::block_metadata_of(*newest, *metadata);
  if (!ids) return laws_.broken(fmt::format("orderer {}: {}", slot_, to_string(ids.error())));
  outside_.consenters(*ids, slots);
  id_ = ids->consenter_ids(static_cast<int>(place - slots.begin()));

  order::raft::WalSettings settings;
  settings.directory = fmt::format("/wal-{}", id_);
  settings.snapshot_directory = fmt::format("/snap-{}", id_);
  settings.segment_bytes_max = knobs_.segment_bytes_max;
  // An empty log is what a newcomer starts with; a log that is gone is another matter.
  const bool joining = !started_.contains(id_) || order::raft::Wal::owner(disk_, settings.directory).value_or(std::nullopt);
  auto wal = order::raft::Wal::open(disk_, settings, id_);
  if (!wal) return laws_.broken(fmt::format("orderer {} cannot open its log: {}", slot_, to_string(wal.error())));
  wal_ = std::move(*wal);
  order::Chain::Settings chain_settings;
  chain_settings.id = id_;
  chain_settings.tick_interval = std::chrono::hours(1);  // disks here are never slow
  chain_settings.catch_up_entries = knobs_.catch_up_entries;
  chain_settings.joining = joining;
  auto chain = order::Chain::make(chain_settings, bundle_, *newest, *wal_, *this, Consortium::shared().processor(),
                                  Consortium::shared().block_signer(), random_, Consortium::shared().metrics());
  if (!chain) return laws_.broken(fmt::format("orderer {} cannot start: {}", slot_, to_string(chain.error())));
  chain_ = std::move(*chain);
  started_.insert(id_);
  seen_ = {};
  outside_.trace(fmt::format("orderer {} starts as node {} at height {}", slot_, id_, height()));
  chain_->start(outside_.now());
  settle();
}

void Orderer::crash(test::FaultyDisk::Tear tear) {
  ++life_;
  chain_.reset();
  wal_.reset();
  store_.reset();
  metadata_.clear();
  pull_until_.reset();
  disk_.crash(tear);
}

void Orderer::fail_disk(uint64_t operations, test::FaultyDisk::Fault fault) {
  if (!std::exchange(faulty_, true)) disk_.fail_after(operations, fault);
}

// Everything that the last call made necessary, and a look at the result.
void Orderer::settle() {
  if (!chain_) return;
  chain_->run();
  if (laws_.look(chain_->core(), seen_) && core() != nullptr) outside_.committed(slot_);
  if (const auto& failure = chain_->failure()) {
    if (!faulty_ || !disk_.fault_happened()) {
      laws_.broken(fmt::format("orderer {} halted: {}", slot_, to_string(*failure)));
    }
    outside_.halted(slot_);
  } else if (chain_->removed()) {
    follow();
  } else if (chain_->accepting()) {
    laws_.serves(chain_->core(), view_.ids);
  }
}

// No consenter any more: the ledger grows by what others have.
void Orderer::follow() {
  outside_.trace(fmt::format("orderer {} (node {}) is no consenter any more", slot_, id_));
  chain_.reset();
  wal_.reset();
  pull_until_.reset();
  id_ = order::raft::kNone;
  outside_.wants_blocks(slot_);
}

// ---- what comes in

void Orderer::tick() {
  if (!chain_) return;
  chain_->tick(outside_.now());
  chain_->on_time(outside_.now());
  settle();
}

void Orderer::deliver(NodeId from, Parcel parcel) {
  if (!chain_) return;
  if (parcel.submission) {
    if (chain_->accepting()) chain_->submit(std::move(*parcel.submission), outside_.now());
  } else {
    if (!parcel.metadata.empty()) chain_->take_metadata(from, parcel.metadata);
    auto message = order::raft::decode_message(parcel.message);
    if (!message) return laws_.broken("a message cannot be read: " + message.error().message);
    if (message->type == order::raft::Type::kSnapshot) ++snapshots_installed_;
    (void)chain_->step(std::move(*message), outside_.now());
  }
  settle();
}

void Orderer::report(NodeId to, bool snapshot, bool sent) {
  if (!chain_) return;
  if (!sent) chain_->report_unreachable(to);
  if (snapshot) chain_->report_snapshot(to, sent);
  settle();
}

bool Orderer::submit(const Bytes& envelope, bool config) {
  if (!accepting()) return false;
  chain_->submit({.envelope = envelope, .message_bytes = envelope.size(), .config = config,
                  .validated_at = bundle_->sequence()}, outside_.now());
  settle();
  return true;
}

bool Orderer::pull(const Orderer& source, size_t count) {
  const bool follows = chain_ == nullptr;
  const uint64_t until = follows ? source.height() : std::min(source.height(), pull_until_.value_or(0) + 1);
  for (; count > 0 && height() < until && up(); --count) {
    const auto block = source.block(height());
    if (!chain_) {
      take_block(*block);
      if (store_->broken()) return false;
    } else {
      if (auto taken = chain_->take_pulled(std::make_shared<::common::Block>(*block)); !taken) {
        if (!faulty_) laws_.broken(fmt::format("orderer {} cannot take block: {}", slot_, to_string(taken.error())));
      }
      settle();
      if (!chain_) break;
    }
  }
  // Who follows and knows what others know looks whether it is a consenter.
  if (!chain_ && up() && source.consents() && height() >= source.height()) open_chain();
  if (!chain_) return up();
  return pull_until_ && height() <= *pull_until_;
}

void Orderer::take_block(const ::common::Block& block) {
  if (auto written = append(std::make_shared<const ::common::Block>(block)); !written) outside_.halted(slot_);
}

void Orderer::notice_eviction(const Orderer& source) {
  if (!chain_ || source.height() <= height()) return;
  const auto slots = Consortium::consenters_of(*source.bundle());
  if (std::find(slots.begin(), slots.end(), slot_) == slots.end()) follow();
}

// ---- Chain::Host

Status Orderer::append(std::shared_ptr<const ::common::Block> block) {
  SELVAGE_CHECK(store_->append(block));
  laws_.block(slot_, *block);
  return {};
}

void Orderer::send(std::vector<order::raft::Message> messages) {
  for (const auto& message : messages) {
    Parcel parcel{.message = order::raft::encode(message), .type = message.type};
    if (auto metadata = metadata_.extract(message.to)) parcel.metadata = std::move(metadata.mapped());
    outside_.send(slot_, message.to, std::move(parcel));
  }
}

void Orderer::consensus_changed(order::MsgProcessor::ConsensusView view) { view_ = std::move(view); }

void Orderer::members_changed(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config) {
  others_.assign(ids.consenter_ids().begin(), ids.consenter_ids().end());
  std::erase(others_, id_);
  std::vector<Slot> slots;
  for (const auto& consenter : config.consenters()) slots.push_back(std::stoul(consenter.host().substr(7)));
  outside_.consenters(ids, slots);
}

void Orderer::send_metadata(Bytes metadata) {
  for (NodeId other : others_) metadata_[other] = metadata;
}

void Orderer::pull_blocks_until(uint64_t number) {
  pull_until_ = number;
  outside_.wants_blocks(slot_);
}

void Orderer::forward(order::Submission submission) {
  if (!chain_) return;
  outside_.send(slot_, chain_->soft_state().leader, Parcel{.submission = std::move(submission)});
}

void Orderer::transfer_leadership(NodeId to) {
  if (!chain_) return;
  order::raft::Message message;  // as a node would ask for the leadership
  message.type = order::raft::Type::kTransferLeader;
  message.from = to;
  message.to = id_;
  (void)chain_->step(std::move(message), outside_.now());
  settle();
}

}  // namespace selvage::sim
