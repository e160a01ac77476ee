#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "order/consensus_metadata.h"
#include "order/raft/codec.h"

namespace selvage::sim {
namespace {

constexpr Milliseconds kTick = 100;
constexpr Milliseconds kTrouble = 30'000;
constexpr Milliseconds kCalm = 60'000;
constexpr uint64_t kSpareOrderers = 2;

}  // namespace

Faults Faults::draw(Dice& dice) {
  const auto pick = [&](std::initializer_list<uint64_t> values) { return *(values.begin() + dice.below(values.size())); };
  Faults faults;
  faults.orderers = pick({3, 3, 5});
  faults.loss_per_mille = pick({0, 10, 50, 200});
  faults.doubled_per_mille = pick({0, 0, 20, 100});
  faults.delay_max = pick({5, 20, 80});
  faults.slow_per_mille = pick({0, 5, 50});
  faults.message_every = pick({50, 100, 300});
  faults.crash_every = pick({0, 2'000, 4'000, 8'000});
  faults.strange_per_mille = pick({0, 0, 300});
  faults.partition_every = pick({0, 0, 4'000, 8'000});
  faults.change_every = pick({0, 0, 4'000, 8'000});
  faults.transfer_every = pick({0, 0, 3'000});
  faults.reign_max = pick({0, 0, 4, 12});
  faults.preferred_bytes = static_cast<uint32_t>(pick({2 << 20, 1}));  // 1: each entry of the log travels alone
  faults.election_ticks = static_cast<uint32_t>(pick({10, 10, 4}));
  faults.snapshot_interval_bytes = pick({3'000, 20'000, 1 << 20});
  faults.knobs.segment_bytes_max = pick({2'000, 20'000, 1 << 20});
  faults.knobs.catch_up_entries = pick({0, 1, 4, 20});
  return faults;
}

std::string Faults::describe() const {
  return fmt::format(
      "{} orderers, per mille: {} lost, {} doubled, {} slow; delay up to {} ms; every (ms): message {}, crash "
      "{} ({} per mille come back as strangers), partition {}, change {}, transfer {}; reigns of up to {} messages, "
      "elections after {} ticks; {} bytes at once, snapshots every {} bytes, segments of {}, {} entries kept",
      orderers, loss_per_mille, doubled_per_mille, slow_per_mille, delay_max, message_every, crash_every, strange_per_mille,
      partition_every, change_every, transfer_every, reign_max, election_ticks, preferred_bytes,
      snapshot_interval_bytes, knobs.segment_bytes_max, knobs.catch_up_entries);
}

void Tally::add(const Tally& other) {
  blocks += other.blocks;
  elections += other.elections;
  crashes += other.crashes;
  disk_faults += other.disk_faults;
  partitions += other.partitions;
  depositions += other.depositions;
  snapshots += other.snapshots;
  changes += other.changes;
  lost += other.lost;
  doubled += other.doubled;
  steps += other.steps;
}

World::World(uint64_t seed, Say say) : dice_(Consortium::shared().begin(seed)), say_(std::move(say)), faults_(Faults::draw(dice_)) {
  Consortium::Options options;
  options.snapshot_interval_bytes = faults_.snapshot_interval_bytes;
  options.preferred_bytes = faults_.preferred_bytes;
  options.election_ticks = faults_.election_ticks;
  for (Slot slot = 0; slot < faults_.orderers; ++slot) options.consenters.push_back(slot);
  const auto genesis = Consortium::shared().genesis(options);
  const size_t slots = faults_.orderers + (faults_.change_every != 0 ? kSpareOrderers : 0);
  for (Slot slot = 0; slot < slots; ++slot) {
    orderers_.push_back(std::make_unique<Orderer>(slot, seed, faults_.knobs, dice_, laws_,
                                                  static_cast<Orderer::Outside&>(*this)));
    orderers_.back()->give(genesis);
  }
  for (Slot slot = 0; slot < slots; ++slot) after(dice_.below(300), [this, slot] { start(slot); });
}

// ---- time

void World::after(Milliseconds delay, std::function<void()> happen) {
  events_.push({now_ + delay, order_++, std::move(happen)});
}

void World::now_and_then(Milliseconds every, std::function<void()> happen) {
  if (every == 0) return;
  after(1 + dice_.below(2 * every), [this, every, happen] {
    if (calm_) return;
    happen();
    now_and_then(every, happen);
  });
}

void World::play_until(Milliseconds end) {
  while (!laws_.violation() && !events_.empty() && events_.top().at <= end) {
    // priority_queue gives no way to move out of it.
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    ++tally_.steps;
    event.happen();
  }
  now_ = std::max(now_, end);
}

void World::trace(const std::string& line) {
  if (say_) say_(fmt::format("{:7} ms  {}", now_, line));
}

// ---- orderers

void World::start(Slot slot) {
  Orderer& orderer = *orderers_[slot];
  if (orderer.up()) return;
  const bool known = calm_ || !chance(faults_.strange_per_mille);
  orderer.start(known);
  if (!orderer.up()) return;
  const uint64_t life = orderer.life();
  if (!known) {
    trace(fmt::format("orderer {} has a key that the channel does not know", slot));
    after(dice_.below(6'000), [this, slot, life] {
      if (orderers_[slot]->life() == life) orderers_[slot]->recognise();
    });
  }
  after(dice_.below(kTick), [this, slot, life] { tick(slot, life); });
  if (!orderer.consents()) wants_blocks(slot);
}

void World::tick(Slot slot, uint64_t life) {
  Orderer& orderer = *orderers_[slot];
  if (orderer.life() != life) return;
  orderer.tick();
  // Nobody's clock is exact.
  after(kTick - 5 + dice_.below(10), [this, slot, life] { tick(slot, life); });
  // Who was cut off while it was removed finds out from others.
  if (const Slot source = any(); dice_.below(50) == 0 && orderers_[source]->up() && connected(source, slot)) {
    orderer.notice_eviction(*orderers_[source]);
  }
}

void World::crash(Slot slot) {
  Orderer& orderer = *orderers_[slot];
  if (!orderer.up()) return;
  const auto tear = static_cast<test::FaultyDisk::Tear>(dice_.below(4));
  trace(fmt::format("orderer {} crashes, tear {}", slot, static_cast<int>(tear)));
  ++tally_.crashes;
  orderer.crash(tear);
  after(calm_ ? 100 : 50 + dice_.below(5'000), [this, slot] { start(slot); });
}

// Not at once: the orderer is in the middle of something.
void World::halted(Slot slot) {
  ++tally_.disk_faults;
  trace(fmt::format("orderer {} halted: its disk failed", slot));
  after(dice_.below(1'000), [this, slot, life = orderers_[slot]->life()] {
    if (orderers_[slot]->life() == life) crash(slot);
  });
}

void World::consenters(const etcdraft::BlockMetadata& ids, const std::vector<Slot>& slots) {
  for (int i = 0; i < ids.consenter_ids_size(); ++i) {
    const auto [place, is_new] = slots_.emplace(ids.consenter_ids(i), slots[static_cast<size_t>(i)]);
    if (place->second != slots[static_cast<size_t>(i)]) laws_.broken(fmt::format("id {} was given twice", place->first));
  }
}

void World::committed(Slot slot) {
  std::vector<const order::raft::Core*> alive;
  for (const auto& orderer : orderers_) {
    if (orderer->core() != nullptr) alive.push_back(orderer->core());
  }
  laws_.cannot_be_lost(*orderers_[slot]->core(), alive);
}

void World::wants_blocks(Slot slot) {
  after(10 + dice_.below(200), [this, slot, life = orderers_[slot]->life()] { pull(slot, life); });
}

void World::pull(Slot slot, uint64_t life) {
  Orderer& orderer = *orderers_[slot];
  if (orderer.life() != life) return;
  const Slot source = any();
  bool more = true;
  if (source != slot && orderers_[source]->up() && connected(source, slot)) {
    more = orderer.pull(*orderers_[source], 1 + dice_.below(5));
  }
  if (more && orderer.life() == life) wants_blocks(slot);
}

Orderer* World::leader() {
  for (const auto& orderer : orderers_) {
    if (orderer->accepting()) return orderer.get();
  }
  return nullptr;
}

// ---- network

void World::send(Slot from, order::raft::NodeId to, Parcel parcel) {
  const auto target = slots_.find(to);
  const bool snapshot = parcel.type == order::raft::Type::kSnapshot;
  const uint64_t life = orderers_[from]->life();
  const order::raft::NodeId id = orderers_[from]->id();
  const auto report = [this, from, life, to, snapshot](Milliseconds delay, bool sent) {
    after(delay, [this, from, life, to, snapshot, sent] {
      if (orderers_[from]->life() == life) orderers_[from]->report(to, snapshot, sent);
    });
  };
  Milliseconds delay = 1 + dice_.below(faults_.delay_max);
  if (target == slots_.end()) return report(delay, false);
  const Slot slot = target->second;
  const bool lost = !reign_goes_on(from) || !connected(from, slot) || (!calm_ && chance(faults_.loss_per_mille));
  if (lost) ++tally_.lost;
  // Whoever sends a snapshot is always told how it went; other losses often go unnoticed.
  if (snapshot || (lost && chance(300))) report(delay, !lost);
  if (lost) return;
  if (!calm_ && chance(faults_.slow_per_mille)) delay += dice_.below(2'000);
  const int copies = !calm_ && chance(faults_.doubled_per_mille) ? 2 : 1;
  if (copies == 2) ++tally_.doubled;
  for (int copy = 0; copy < copies; ++copy) {
    after(delay + static_cast<Milliseconds>(copy) * dice_.below(500), [this, slot, id, parcel] {
      orderers_[slot]->deliver(id, parcel);  // also what is meant for an older id of this orderer
    });
  }
}

// What Raft's laws are about happens when a leader is lost in the middle of handing on its log, and one that was lost
// earlier comes back with what only it knows: as in figure 8 of Raft's paper.
bool World::reign_goes_on(Slot slot) {
  if (faults_.reign_max == 0 || calm_) return true;
  const order::raft::Term term = orderers_[slot]->reigns();
  if (term == 0) return true;
  Reign& reign = reigns_[slot];
  if (reign.term != term) reign = {term, dice_.below(faults_.reign_max)};
  if (deposed(slot) || reign.messages_left-- > 0) return true;
  depose(slot);
  return false;
}

// Nobody hears of it any more, until others have gone the same way.
void World::depose(Slot slot) {
  trace(fmt::format("orderer {} is cut off in the middle of its reign", slot));
  ++tally_.depositions;
  deposed_.push_back(slot);
  while (deposed_.size() > (faults_.orderers - 1) / 2) deposed_.pop_front();
  if (dice_.below(2) == 0) {
    after(dice_.below(300), [this, slot] { crash(slot); });
  }
}

void World::partition() {
  heal();
  if (dice_.below(3) == 0) return;
  ++tally_.partitions;
  const bool one_way = dice_.below(4) == 0;
  std::vector<bool> side;
  for (size_t i = 0; i < orderers_.size(); ++i) side.push_back(dice_.below(2) == 0);
  for (Slot a = 0; a < orderers_.size(); ++a) {
    for (Slot b = 0; b < orderers_.size(); ++b) cut_[a][b] = side[a] != side[b] && (!one_way || side[a]);
  }
  trace(fmt::format("the network falls apart{}", one_way ? ", one way" : ""));
}

// ---- clients and the operator

void World::client() {
  Orderer& orderer = *orderers_[any()];
  if (!orderer.consents()) {
    if (Orderer* found = leader()) (void)found->submit(Consortium::shared().message(messages_++), false);
    return;
  }
  (void)orderer.submit(Consortium::shared().message(messages_++), false);
}

void World::change() {
  Orderer* orderer = leader();
  if (orderer == nullptr) return;
  auto slots = Consortium::consenters_of(*orderer->bundle());
  Result<Bytes> config = fail(Code::kUnavailable, "");
  const Slot slot = any();
  if (dice_.below(4) == 0) {
    config = Consortium::shared().change_batches(*orderer->bundle(), 1 + static_cast<uint32_t>(dice_.below(5)), orderer->view());
    trace(fmt::format("orderer {} is asked for another batch size", orderer->slot()));
  } else if (const auto place = std::find(slots.begin(), slots.end(), slot); place != slots.end()) {
    // Of two, the one that stays may not have heard that the other one is gone, and Raft knows no way on from there.
    if (slots.size() <= 2) return;
    slots.erase(place);
    config = Consortium::shared().change_consenters(*orderer->bundle(), slots, orderer->view());
    trace(fmt::format("orderer {} is asked to remove orderer {}", orderer->slot(), slot));
  } else {
    slots.push_back(slot);
    config = Consortium::shared().change_consenters(*orderer->bundle(), slots, orderer->view());
    trace(fmt::format("orderer {} is asked to add orderer {}", orderer->slot(), slot));
  }
  if (!config) return trace("refused: " + config.error().message);
  if (orderer->submit(*config, true)) ++tally_.changes;
}

// ---- the run

std::optional<std::string> World::run() {
  trace(faults_.describe());
  now_and_then(faults_.message_every, [this] { client(); });
  now_and_then(faults_.change_every, [this] { change(); });
  now_and_then(faults_.partition_every, [this] { partition(); });
  now_and_then(faults_.transfer_every, [this] {
    if (Orderer* orderer = leader()) {
      const auto& ids = orderer->view().ids.consenter_ids();
      orderer->transfer_leadership(ids[static_cast<int>(dice_.below(static_cast<uint64_t>(ids.size())))]);
    }
  });
  now_and_then(faults_.crash_every, [this] {
    switch (dice_.below(10)) {
      case 0:  // the power goes
        for (Slot slot = 0; slot < orderers_.size(); ++slot) crash(slot);
        break;
      case 1:
      case 2:
      case 3:  // in the middle of something
        if (Orderer& orderer = *orderers_[any()]; orderer.up()) {
          orderer.fail_disk(dice_.below(12), dice_.below(2) == 0 ? test::FaultyDisk::Fault::kNoSpace
                                                                 : test::FaultyDisk::Fault::kIoError);
        }
        break;
      default:
        crash(any());
    }
  });
  play_until(kTrouble);
  calm_down();
  return laws_.violation();
}

// All faults end. Then there is progress, and everybody has the same.
void World::calm_down() {
  calm_ = true;
  heal();
  deposed_.clear();
  trace("calm");
  // Disks that were to fail fail no more: their orderers are started anew.
  for (Slot slot = 0; slot < orderers_.size(); ++slot) crash(slot);
  Milliseconds end = now_;
  const uint64_t before = laws_.height();
  for (int round = 0; round < 12 && !laws_.violation(); ++round) {
    play_until(end += kCalm / 12);
    if (Orderer* orderer = leader()) {
      for (int i = 0; i < 3; ++i) (void)orderer->submit(Consortium::shared().message(messages_++), false);
    }
    const bool equal = std::all_of(orderers_.begin(), orderers_.end(),
                                   [&](const auto& orderer) { return orderer->height() == laws_.height(); });
    if (laws_.height() > before + 1 && equal) break;
  }
  play_until(end + 5'000);
  tally_.blocks = laws_.height();
  tally_.elections = laws_.leaders();
  for (const auto& orderer : orderers_) tally_.snapshots += orderer->snapshots_installed();
  if (laws_.violation()) return;
  if (laws_.height() <= before) laws_.broken("no progress after all faults had ended");
  for (const auto& orderer : orderers_) {
    if (orderer->height() != laws_.height()) {
      laws_.broken(fmt::format("after all faults had ended orderer {} is at {} of {} blocks", orderer->slot(),
                               orderer->height(), laws_.height()));
    }
  }
  if (laws_.violation()) {
    for (const auto& orderer : orderers_) trace(orderer->describe());
  }
}

}  // namespace selvage::sim
