// CPU of committing a block: MVCC, commit hash, block file, state, history and index on a real disk.
//   bench_commit_block
//   SELVAGE_KEYS=10000000 SELVAGE_LEDGER=/tmp/ten-million bench_commit_block    # over so many keys only, some minutes to
//                                                 write them; the folder is kept, and found filled the next time
// The time of one iteration is that of a block; divide by its transactions. `sync` waits are not CPU. CPU is that of the
// whole process, RocksDB's flushes and compactions too; `commit_cpu_ms` that of the committing thread alone.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>

#include "base/log.h"
#include "commit/committer.h"
#include "common/common.pb.h"
#include "ledger/state/rw_set_builder.h"
#include "os/posix_disk.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage {
namespace {

class NoCollections final : public commit::CollectionAccess {
 public:
  [[nodiscard]] bool is_member(const std::string&, const std::string&, const ledger::StateView&) const override {
    return false;
  }
};

Bytes make_envelope(int type, const std::string& tx_id, Bytes data) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id("ch");
  header.set_tx_id(tx_id);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.mutable_header()->set_signature_header(Bytes(900, 'c'));  // a creator with its certificate
  payload.set_data(std::move(data));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  envelope.set_signature(Bytes(71, 's'));
  return wire::marshal(envelope);
}

Bytes make_transaction(const std::string& tx_id, Bytes results) {
  ::protos::ChaincodeAction action;
  action.set_results(std::move(results));
  action.mutable_chaincode_id()->set_name("basic");
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  for (int i = 0; i < 2; ++i) payload.mutable_action()->add_endorsements()->set_endorser(Bytes(900, 'e'));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  return make_envelope(::common::ENDORSER_TRANSACTION, tx_id, wire::marshal(transaction));
}

// Two endorsed reads of what is there, and a write: what most transactions do.
constexpr uint64_t kKeysAtOnce = 10000;

// All of `keys` in an order of no order.
std::string key_of(uint64_t number, uint64_t keys) { return "key" + std::to_string(number * 7919 % keys); }

// 100 bytes that no compression makes smaller.
Bytes value_of(uint64_t number) {
  std::mt19937_64 random(number);
  Bytes value(100, '\0');
  for (char& c : value) c = static_cast<char>(random());
  return value;
}

double thread_cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Blocks until there are so many keys in the state.
bool fill(ledger::Ledger& ledger, commit::Committer& committer, uint64_t keys) {
  for (uint64_t made = 0; made < keys;) {
    auto block = std::make_shared<::common::Block>(wire::make_block(ledger.height(), ledger.blocks().last_hash()));
    ledger::RwSetBuilder rw_set;
    for (uint64_t i = 0; i < kKeysAtOnce; ++i) {
      rw_set.add_write("basic", key_of(made, keys), value_of(made));
      ++made;
    }
    const std::string tx_id = "fill" + std::to_string(made);
    block->mutable_data()->add_data(make_transaction(tx_id, rw_set.build().public_rw_set));
    block->mutable_header()->set_data_hash(wire::data_hash(block->data()));
    commit::ValidatedBlock validated;
    validated.block = std::move(block);
    validated.transactions.push_back({0, tx_id, ::common::ENDORSER_TRANSACTION, nullptr, "basic"});
    if (!committer.commit(std::move(validated))) return false;
  }
  return true;
}

void commit_block(benchmark::State& state) {
  if (!log::set_spec("error")) return state.SkipWithError("log");
  const int count = static_cast<int>(state.range(0));
  const char* kept = std::getenv("SELVAGE_LEDGER");
  std::string root = kept ? kept : (std::filesystem::temp_directory_path() / "selvage-bench-XXXXXX").string();
  if (!kept && !::mkdtemp(root.data())) return state.SkipWithError("mkdtemp");
  {
    ledger::LedgerSet::Settings settings;
    settings.root = root;
    auto set = ledger::LedgerSet::open(os::posix_disk(), settings, metrics::disabled());
    ::common::Block genesis = wire::make_block(0, "");
    genesis.mutable_data()->add_data(make_envelope(::common::CONFIG, "", "configuration"));
    genesis.mutable_header()->set_data_hash(wire::data_hash(genesis.data()));
    Result<std::shared_ptr<ledger::Ledger>> ledger = (*set)->find("ch");
    const bool fresh = !*ledger;
    if (fresh) ledger = (*set)->create(genesis);
    if (!ledger) return state.SkipWithError("create");
    const NoCollections collections;
    commit::Committer committer(*ledger, collections, metrics::disabled());
    const auto keys = static_cast<uint64_t>(state.range(1));
    if (fresh && !fill(**ledger, committer, keys)) return state.SkipWithError("fill");
    uint64_t made = 0;
    double commit_cpu = 0;
    for (auto _ : state) {
      state.PauseTiming();
      auto block = std::make_shared<::common::Block>(wire::make_block((*ledger)->height(), (*ledger)->blocks().last_hash()));
      commit::ValidatedBlock validated;
      for (int i = 0; i < count; ++i) {
        const std::string tx_id = "0123456789abcdef0123456789abcdef0123456789abcdef" + std::to_string(++made);
        ledger::RwSetBuilder rw_set;
        rw_set.add_read("_lifecycle", "namespaces/fields/basic/Sequence", std::nullopt);
        if (keys > 0) {
          const std::string key = key_of(made * 31, keys);
          const auto found = (*ledger)->view()->get("basic", key);
          if (!found || !*found) return state.SkipWithError("a key is not there");
          rw_set.add_read("basic", key, (*found)->version);
          rw_set.add_write("basic", key, value_of(~made));
        } else {
          rw_set.add_write("basic", "key" + std::to_string(made), value_of(made));
        }
        block->mutable_data()->add_data(make_transaction(tx_id, rw_set.build().public_rw_set));
        validated.transactions.push_back({0, tx_id, ::common::ENDORSER_TRANSACTION, nullptr, "basic"});
      }
      block->mutable_header()->set_data_hash(wire::data_hash(block->data()));
      validated.block = std::move(block);
      state.ResumeTiming();
      const double before = thread_cpu_seconds();
      if (!committer.commit(std::move(validated))) return state.SkipWithError("commit");
      commit_cpu += thread_cpu_seconds() - before;
    }
    state.counters["commit_cpu_ms"] = benchmark::Counter(commit_cpu * 1000, benchmark::Counter::kAvgIterations);
    state.SetItemsProcessed(static_cast<int64_t>(made));
  }
  if (!kept) std::filesystem::remove_all(root);
}
void choose(benchmark::internal::Benchmark* commit) {
  commit->ArgNames({"transactions", "keys"});
  if (const char* keys = std::getenv("SELVAGE_KEYS")) {
    commit->Args({1000, std::atoll(keys)});
  } else {
    commit->Args({1, 0})->Args({10, 0})->Args({100, 0})->Args({1000, 10000})->Args({1000, 1000000});
  }
}
BENCHMARK(commit_block)
    ->Apply(choose)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace selvage

BENCHMARK_MAIN();
