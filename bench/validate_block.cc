// CPU of validating one transaction that two organisations endorsed, on one thread.
//   bench_validate_block
// signatures: how many of the three (creator, two endorsers) have to be verified; the rest this process knows already.
#include <benchmark/benchmark.h>

#include <memory>

#include "base/log.h"
#include "identity/signature_memory.h"
#include "kit/definitions.h"
#include "kit/transactions.h"
#include "validate/validator.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage {
namespace {

constexpr int kTransactions = 100;

struct Prepared {
  Prepared() {
    test::SeededRandom random;
    std::vector<Bytes> transactions;
    for (int i = 0; i < kTransactions; i++) {
      transactions.push_back(
          wire::marshal(test::make_transaction(channel, test::good_draft(channel), random).envelope));
    }
    block = std::make_shared<const ::common::Block>(channel.block(5, "", std::move(transactions)));
    bundle = channel.bundle();
    test::define(channel, "basic", lifecycle::Parameters(), state);
  }
  test::Channel channel;
  std::shared_ptr<const ::common::Block> block;
  channel::BundlePtr bundle;
  ledger::MemoryState state;
};

Prepared& prepared() {
  static Prepared instance;
  return instance;
}

// The first endorsement of each transaction is ours.
void remember_own(const ::common::Block& block, identity::SignatureMemory& memory) {
  for (const Bytes& bytes : block.data().data()) {
    auto open = wire::open_envelope(bytes);
    auto action = wire::read_chaincode_action_payload(wire::read_transaction(open->payload.data)->front().payload);
    const auto& own = action->endorsements.front();
    memory.add(identity::SignatureMemory::key(own.endorser, Bytes(action->response_payload) + Bytes(own.endorser), own.signature));
  }
}

void validate_block(benchmark::State& state) {
  Prepared& given = prepared();
  const auto none = [](const std::string&) -> Result<bool> { return false; };
  for (auto _ : state) {
    identity::SignatureMemory memory;
    if (state.range(0) < 3) {
      state.PauseTiming();
      remember_own(*given.block, memory);
      if (state.range(0) == 0) {
        validate::Validator warm(given.channel.id(), validate::sequential(), &memory);
        if (!warm.validate(given.block, given.bundle, given.state, none)) std::abort();
      }
      state.ResumeTiming();
    }
    validate::Validator validator(given.channel.id(), validate::sequential(), &memory);
    auto result = validator.validate(given.block, given.bundle, given.state, none);
    if (!result || result->transactions[0].code != 0) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * kTransactions);
}
BENCHMARK(validate_block)->ArgName("signatures")->Arg(3)->Arg(2)->Arg(0)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace selvage

int main(int argc, char** argv) {
  if (!selvage::log::set_spec("error")) return 1;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
