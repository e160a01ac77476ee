// A consenter of three and what the others send it: input is a run of Raft messages, each after two bytes of length; a
// length of 0 lets time pass. It may come to a halt in words, and does nothing then; its log must open again whatever
// came.
#include <cstdlib>

#include "common/common.pb.h"
#include "input.h"
#include "kit/faulty_disk.h"
#include "ledger/blocks/block_store.h"
#include "order/chain.h"
#include "order/raft/codec.h"
#include "sim/consortium.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;

class Host final : public order::Chain::Host {
 public:
  explicit Host(ledger::BlockStore& store) : store_(store) {}
  Status append(std::shared_ptr<const common::Block> block) override { return store_.append(std::move(block)); }
  void use(channel::BundlePtr) override {}
  void send(std::vector<order::raft::Message> messages) override {
    for (const auto& message : messages) (void)order::raft::encode(message);
  }
  void consensus_changed(order::MsgProcessor::ConsensusView) override {}

 private:
  ledger::BlockStore& store_;
};

std::unique_ptr<order::raft::Wal> open_log(test::FaultyDisk& disk) {
  order::raft::WalSettings settings;
  settings.directory = "/wal";
  settings.snapshot_directory = "/snap";
  auto opened = order::raft::Wal::open(disk, settings, 1);
  if (!opened) std::abort();
  return std::move(*opened);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  sim::Consortium& consortium = sim::Consortium::shared();
  sim::Dice& random = consortium.begin(1);
  static const common::Block genesis = consortium.genesis({.consenters = {0, 1, 2}});
  test::FaultyDisk disk;
  auto store = *ledger::BlockStore::open(disk, {.directory = "/ledger", .channel = "simulated"});
  if (!store->append(genesis)) std::abort();
  Host host(*store);
  auto log = open_log(disk);
  order::Chain::Settings settings;
  settings.id = 1;
  settings.tick_interval = std::chrono::hours(1);
  auto made = order::Chain::make(settings, consortium.bundle_of(genesis), genesis, *log, host, consortium.processor(),
                                 consortium.block_signer(), random, consortium.metrics());
  if (!made) std::abort();
  order::Chain& chain = **made;
  SteadyTime now{};
  chain.start(now);
  chain.run();
  BytesView rest = fuzz::view_of(bytes, size), part;
  while (!chain.failure() && fuzz::take_part(rest, part)) {
    if (part.empty()) {
      chain.tick(now += std::chrono::milliseconds(100));
    } else if (auto message = order::raft::decode_message(part)) {
      chain.take_metadata(message->from, message->context);
      (void)chain.step(std::move(*message), now).has_value();
    }
    chain.run();
  }
  made->reset();
  log.reset();
  (void)open_log(disk)->take_restart();
  return 0;
}
