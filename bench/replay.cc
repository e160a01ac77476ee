// How long a node with a long chain takes to start.
//   bench_replay [BLOCKS]     default 100000, of one 1 KiB envelope each
// Opens the block files as orderer and peer do, with the file of places and without it, and lets a peer's ledger rebuild
// its state from them. Nothing is synced while the chain is made.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "common/common.pb.h"
#include "ledger/blocks/block_store.h"
#include "ledger/ledger.h"
#include "ledger/state/rw_set_builder.h"
#include "os/posix_disk.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage {
namespace {

// The real disk, in no hurry.
class LazyDisk final : public Disk {
 public:
  struct LazyFile final : File {
    explicit LazyFile(std::unique_ptr<File> real) : file(std::move(real)) {}
    Status append(BytesView bytes) override { return file->append(bytes); }
    [[nodiscard]] Result<Bytes> read_at(uint64_t offset, size_t count) const override { return file->read_at(offset, count); }
    Status truncate(uint64_t size) override { return file->truncate(size); }
    Status sync() override { return {}; }
    [[nodiscard]] Result<uint64_t> size() const override { return file->size(); }
    std::unique_ptr<File> file;
  };
  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    SELVAGE_TRY(auto file, disk_.open(path, how));
    return std::unique_ptr<File>(std::make_unique<LazyFile>(std::move(file)));
  }
  [[nodiscard]] bool exists(const std::string& path) const override { return disk_.exists(path); }
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override { return disk_.list(path); }
  Status make_directories(const std::string& path) override { return disk_.make_directories(path); }
  Status rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Status remove(const std::string& path) override { return disk_.remove(path); }
  Status remove_all(const std::string& path) override { return disk_.remove_all(path); }
  Status sync_directory(const std::string&) override { return {}; }
  [[nodiscard]] Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override { return disk_.lock(path); }

 private:
  Disk& disk_ = os::posix_disk();
};

Bytes make_envelope(int type, const std::string& tx_id, Bytes data) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id("ch");
  header.set_tx_id(tx_id);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.mutable_header()->set_signature_header(Bytes(500, 'c'));
  payload.set_data(std::move(data));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  envelope.set_signature(Bytes(71, 's'));
  return wire::marshal(envelope);
}

Bytes make_transaction(uint64_t number) {
  ledger::RwSetBuilder rw_set;
  rw_set.add_write("basic", "key" + std::to_string(number), Bytes(100, 'v'));
  ::protos::ChaincodeAction action;
  action.set_results(rw_set.build().public_rw_set);
  action.mutable_chaincode_id()->set_name("basic");
  ::protos::ProposalResponsePayload response;
  response.set_extension(wire::marshal(action));
  ::protos::ChaincodeActionPayload payload;
  payload.mutable_action()->set_proposal_response_payload(wire::marshal(response));
  payload.mutable_action()->add_endorsements()->set_endorser(Bytes(150, 'e'));
  ::protos::Transaction transaction;
  transaction.add_actions()->set_payload(wire::marshal(payload));
  return make_envelope(::common::ENDORSER_TRANSACTION, "tx" + std::to_string(number), wire::marshal(transaction));
}

[[noreturn]] void stop(const Error& error) {
  std::fprintf(stderr, "bench_replay: %s\n", to_string(error).c_str());
  std::exit(1);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
void timed(const char* what, Work work) {
  const double cpu = cpu_seconds();
  const auto started = std::chrono::steady_clock::now();
  work();
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("%-60s %8.3f s  (CPU %.3f s)\n", what, wall, cpu_seconds() - cpu);
  std::fflush(stdout);
}

void run(uint64_t blocks) {
  std::string root = (std::filesystem::temp_directory_path() / "selvage-replay-XXXXXX").string();
  if (::mkdtemp(root.data()) == nullptr) return;
  LazyDisk disk;
  const ledger::BlockStore::Settings store_settings{.directory = root + "/chains/chains/ch", .channel = "ch"};
  ledger::LedgerSet::Settings settings;
  settings.root = root;
  const auto open_ledgers = [&] {
    auto set = ledger::LedgerSet::open(disk, settings, metrics::disabled());
    if (!set) stop(set.error());
    return std::move(*set);
  };
  {
    auto set = open_ledgers();
    ::common::Block genesis = wire::make_block(0, "");
    genesis.mutable_data()->add_data(make_envelope(::common::CONFIG, "", "configuration"));
    genesis.mutable_header()->set_data_hash(wire::data_hash(genesis.data()));
    if (auto made = set->create(genesis); !made) stop(made.error());
  }
  timed("making the blocks", [&] {
    auto store = ledger::BlockStore::open(disk, store_settings);
    if (!store) stop(store.error());
    for (uint64_t number = 1; number < blocks; ++number) {
      ::common::Block block = wire::make_block(number, (*store)->last_hash());
      block.mutable_data()->add_data(make_transaction(number));
      block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
      wire::init_metadata(block);
      block.mutable_metadata()->set_metadata(::common::SIGNATURES, Bytes(900, 's'));
      block.mutable_metadata()->set_metadata(::common::TRANSACTIONS_FILTER, Bytes(1, '\0'));
      if (auto done = (*store)->append(block); !done) stop(done.error());
    }
  });
  const auto open_store = [&] {
    auto store = ledger::BlockStore::open(disk, store_settings);
    if (!store) stop(store.error());
    if ((*store)->height() != blocks) stop({Code::kInternal, "blocks are missing", "", ""});
  };
  timed("opening the block files", open_store);
  (void)disk.remove(store_settings.directory + "/numbers");
  timed("opening them without the file of places", open_store);
  timed("opening a peer's ledger whose state is at block 1", [&] {
    auto set = open_ledgers();
    if (set->find("ch")->height() != blocks) stop({Code::kInternal, "blocks are missing", "", ""});
  });
  timed("opening it again", [&] { (void)open_ledgers(); });
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace selvage

int main(int argc, char** argv) {
  (void)selvage::log::set_spec("error");
  selvage::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100000);
  return 0;
}
