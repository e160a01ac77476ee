// A run: orderers, the network between them, clients, an operator, and everything that goes wrong, all out of one seed.
// One thread; time is a number.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "sim/dice.h"
#include "sim/laws.h"
#include "sim/orderer.h"

namespace selvage::sim {

using Milliseconds = uint64_t;

// What a run does and how often; drawn from its seed.
struct Faults {
  size_t orderers = 3;
  uint64_t loss_per_mille = 0;
  uint64_t doubled_per_mille = 0;
  Milliseconds delay_max = 20;
  uint64_t slow_per_mille = 0;        // messages that take up to two seconds
  Milliseconds message_every = 100;   // of clients
  Milliseconds crash_every = 0;       // 0: never, here and below
  uint64_t strange_per_mille = 0;     // of the starts after a crash: with a key that the channel does not know yet
  Milliseconds partition_every = 0;
  Milliseconds change_every = 0;      // of the consenters, or of the batch size
  Milliseconds transfer_every = 0;
  uint64_t reign_max = 0;  // messages that a leader sends before it is cut off; 0: no such end
  uint64_t snapshot_interval_bytes = 1 << 20;
  uint32_t preferred_bytes = 2 << 20;
  uint32_t election_ticks = 10;
  Orderer::Knobs knobs;

  [[nodiscard]] static Faults draw(Dice& dice);
  [[nodiscard]] std::string describe() const;
};

struct Tally {
  uint64_t blocks = 0, elections = 0, crashes = 0, disk_faults = 0, partitions = 0, depositions = 0, snapshots = 0,
           changes = 0, lost = 0, doubled = 0, steps = 0;
  void add(const Tally& other);
};

class World final : private Orderer::Outside {
 public:
  using Say = std::function<void(const std::string&)>;
  World(uint64_t seed, Say say);

  // Faults for a while, then none, then a look at the result. What law was broken, if any.
  std::optional<std::string> run();
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] const Faults& faults() const { return faults_; }

 private:
  struct Event {
    Milliseconds at;
    uint64_t order;
    std::function<void()> happen;
    bool operator>(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  void send(Slot from, order::raft::NodeId to, Parcel parcel) override;
  void wants_blocks(Slot slot) override;
  void consenters(const etcdraft::BlockMetadata& ids, const std::vector<Slot>& slots) override;
  void committed(Slot slot) override;
  void halted(Slot slot) override;
  [[nodiscard]] SteadyTime now() const override { return SteadyTime{} + std::chrono::milliseconds(now_); }
  void trace(const std::string& line) override;

  void after(Milliseconds delay, std::function<void()> happen);
  // Again and again, at random around this interval, while faults last.
  void now_and_then(Milliseconds every, std::function<void()> happen);
  void play_until(Milliseconds end);

  void start(Slot slot);
  void tick(Slot slot, uint64_t life);
  void crash(Slot slot);
  void partition();
  void heal() { cut_ = {}; }
  // Counts what a leader sends. False: its reign is over, and this message is the first that nobody gets.
  bool reign_goes_on(Slot slot);
  void depose(Slot slot);
  void client();
  void change();
  void pull(Slot slot, uint64_t life);
  void calm_down();
  [[nodiscard]] Orderer* leader();
  [[nodiscard]] Slot any() { return dice_.below(orderers_.size()); }
  [[nodiscard]] bool chance(uint64_t per_mille) { return dice_.below(1000) < per_mille; }
  [[nodiscard]] bool connected(Slot from, Slot to) const { return !cut_[from][to] && !deposed(from) && !deposed(to); }
  [[nodiscard]] bool deposed(Slot slot) const {
    return std::find(deposed_.begin(), deposed_.end(), slot) != deposed_.end();
  }

  Dice& dice_;
  const Say say_;
  Faults faults_;
  Laws laws_;
  Tally tally_;
  std::vector<std::unique_ptr<Orderer>> orderers_;
  std::map<order::raft::NodeId, Slot> slots_;  // who got which id
  std::array<std::array<bool, kSlots>, kSlots> cut_{};
  struct Reign {
    order::raft::Term term = 0;
    uint64_t messages_left = 0;
  };
  std::array<Reign, kSlots> reigns_{};
  std::deque<Slot> deposed_;  // never a majority of the founders
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  Milliseconds now_ = 0;
  uint64_t order_ = 0;
  uint64_t messages_ = 0;
  bool calm_ = false;
};

}  // namespace selvage::sim
