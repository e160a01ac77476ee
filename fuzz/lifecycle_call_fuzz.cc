// Calls of system chaincode, one after the other over one state, each that succeeds committed before the next:
// `_lifecycle` on a peer of either organisation, qscc, cscc. The input: parts in pairs, a byte of the function and its
// arguments. Every answer can be read again, queries write nothing, and a definition's sequence grows by one.
#include <iterator>

#include "chaincode/collections.h"
#include "chaincode/definitions.h"
#include "chaincode/system/cscc.h"
#include "chaincode/system/lifecycle_scc.h"
#include "chaincode/system/qscc.h"
#include "commit/mvcc.h"
#include "input.h"
#include "kit/channels.h"
#include "kit/definitions.h"
#include "kit/faulty_disk.h"
#include "ledger.h"
#include "ledger/rwset/rwset.pb.h"
#include "peer/lifecycle/lifecycle.pb.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
using chaincode::SystemChaincode;
using fuzz::expect;
using fuzz::must;

struct Function {
  const char* chaincode;
  const char* name;
  bool writes = false;
};
constexpr Function kFunctions[] = {
    {"_lifecycle", "ApproveChaincodeDefinitionForMyOrg", true},
    {"_lifecycle", "CommitChaincodeDefinition", true},
    {"_lifecycle", "CheckCommitReadiness"},
    {"_lifecycle", "QueryChaincodeDefinition"},
    {"_lifecycle", "QueryChaincodeDefinitions"},
    {"_lifecycle", "QueryApprovedChaincodeDefinition"},
    {"_lifecycle", "QueryApprovedChaincodeDefinitions"},
    {"_lifecycle", "InstallChaincode"},
    {"_lifecycle", "QueryInstalledChaincode"},
    {"_lifecycle", "QueryInstalledChaincodes"},
    {"_lifecycle", "GetInstalledChaincodePackage"},
    {"_lifecycle", nullptr},  // the arguments say the function too
    {"qscc", "GetChainInfo"},
    {"qscc", "GetBlockByNumber"},
    {"qscc", "GetBlockByHash"},
    {"qscc", "GetBlockByTxID"},
    {"qscc", "GetTransactionByID"},
    {"qscc", nullptr},
    {"cscc", "JoinChain"},
    {"cscc", "GetConfigBlock"},
    {"cscc", "GetChannelConfig"},
    {"cscc", "GetChannels"},
    {"cscc", nullptr},
};

class Channels final : public chaincode::Channels,
                       public chaincode::Channel,
                       public std::enable_shared_from_this<Channels> {
 public:
  Channels(channel::BundlePtr bundle, std::shared_ptr<const ledger::StateView> state, const ledger::BlockStore& blocks)
      : bundle_(std::move(bundle)), ledger_(std::move(state), &blocks) {}
  std::shared_ptr<chaincode::Channel> find(const std::string& id) override {
    return id == "ch" ? shared_from_this() : nullptr;
  }
  std::vector<std::string> names() const override { return {"ch"}; }
  Status join(const std::string& id, const ::common::Block& block) override {
    expect(channel::Bundle::from_block(block).has_value());
    if (id == "ch") return fail(Code::kAlreadyExists, "ledger [ch] already exists with state [ACTIVE]");
    return {};
  }
  std::shared_ptr<const channel::Bundle> bundle() const override { return bundle_; }
  ledger::Ledger& ledger() override { return ledger_; }
  std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) override {
    return chaincode::new_simulator(ledger_, bundle_, txid);
  }

 private:
  const channel::BundlePtr bundle_;
  fuzz::ReadLedger ledger_;
};

struct World {
  World() { expect(blocks->append(channel.genesis_block()).has_value()); }
  test::Channel channel{{.id = "ch"}};
  channel::BundlePtr bundle = channel.bundle();
  chaincode::Creator creator = must(bundle->msps()->deserialize(channel.org(0).client().serialized()));
  test::FaultyDisk disk;
  std::unique_ptr<ledger::BlockStore> blocks =
      must(ledger::BlockStore::open(disk, {.directory = "blocks", .channel = "ch"}));
};

Status allow(const std::string&, const std::string&, const chaincode::Creator&) { return {}; }

// One peer: what it has installed, and its system chaincode.
struct Peer {
  Peer(std::string mspid, Channels& channels) : definitions(mspid, channels, packages) {
    expect(packages.open().has_value());
    chaincodes.push_back(chaincode::make_lifecycle_scc(
        {std::move(mspid), packages, definitions, allow, [](const std::string&, BytesView) { return Status(); }}));
    chaincodes.push_back(chaincode::make_qscc(channels, allow));
    chaincodes.push_back(chaincode::make_cscc(channels, allow));
  }
  SystemChaincode& find(std::string_view name) {
    for (auto& one : chaincodes) {
      if (one->name() == name) return *one;
    }
    std::abort();
  }

  test::FaultyDisk disk;
  chaincode::PackageStore packages{disk, "packages"};
  chaincode::DefinitionCache definitions;
  std::vector<std::unique_ptr<SystemChaincode>> chaincodes;
};

// Whether anything was written.
bool store(ledger::TxSimulator& simulator, ledger::MemoryState& state) {
  const auto results = must(simulator.results());
  const auto rw_set = std::make_shared<const ledger::TxRwSet>(must(ledger::parse_tx_rw_set(results.public_rw_set)));
  std::vector<commit::MvccTransaction> transactions{{commit::kValid, rw_set}};
  auto updates = must(commit::check_and_apply(state.height(), transactions, state));
  expect(transactions[0].code == commit::kValid);
  ::rwset::TxPvtReadWriteSet secret;
  expect(wire::parse_into(results.private_rw_set, secret).has_value());
  for (const auto& ns : secret.ns_pvt_rwset()) {
    for (const auto& part : ns.collection_pvt_rwset()) {
      expect(ledger::apply_private_rw_set(ns.namespace_(), part.collection_name(), part.rwset(), {state.height(), 0},
                                          updates)
                 .has_value());
    }
  }
  expect(ledger::finish_private_updates(state, updates).has_value());
  bool wrote = false;
  const auto put = [&](const std::string& ns, const ledger::UpdateBatch::Keys& keys) {
    for (const auto& [key, update] : keys) {
      wrote = true;
      state.put(ns, key,
                update.value ? std::optional(ledger::StateValue{*update.value, update.metadata, update.version})
                             : std::nullopt);
    }
  };
  for (const auto& [ns, keys] : updates.public_updates) put(ns, keys);
  for (const auto& [where, keys] : updates.hashed_updates) put(ledger::hash_namespace(where.first, where.second), keys);
  for (const auto& [where, keys] : updates.private_updates)
    put(ledger::private_namespace(where.first, where.second), keys);
  state.set_height(state.height() + 1);
  return wrote;
}

int64_t sequence_of(const std::string& chaincode, ledger::MemoryState& state) {
  return must(selvage::lifecycle::read_sequence(chaincode, test::DefinitionWriter(state)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static World& world = *new World;
  auto state = std::make_shared<ledger::MemoryState>();
  state->set_height(1);
  const auto channels = std::make_shared<Channels>(world.bundle, state, *world.blocks);
  Peer one("Org1MSP", *channels), two("Org2MSP", *channels);
  BytesView rest = fuzz::view_of(bytes, size), head, argument;
  while (fuzz::take_part(rest, head) && !head.empty() && fuzz::take_part(rest, argument)) {
    const auto which = static_cast<uint8_t>(head[0]);
    const Function& function = kFunctions[(which & 127) % std::size(kFunctions)];
    Peer& peer = (which & 128) == 0 ? one : two;
    chaincode::Arguments arguments;
    if (function.name != nullptr) {
      arguments.emplace_back(function.name);
      if (function.chaincode == std::string_view("qscc")) arguments.emplace_back("ch");
      arguments.emplace_back(argument);
    } else {
      BytesView several = argument, next;
      while (fuzz::take_part(several, next)) arguments.emplace_back(next);
    }
    const auto simulator = channels->new_simulator("tx");
    chaincode::Transaction transaction;
    transaction.txid = "tx";
    transaction.proposal_chaincode = function.chaincode;
    transaction.creator = world.creator;
    const bool with_channel = function.chaincode == std::string_view("_lifecycle") && head.size() == 1;
    if (with_channel) {
      transaction.channel_id = "ch";
      transaction.bundle = world.bundle;
      transaction.simulator = simulator.get();
      transaction.ledger = &channels->ledger();
    }
    ::lifecycle::CommitChaincodeDefinitionArgs definition;
    const bool commits = !arguments.empty() && arguments[0] == "CommitChaincodeDefinition" &&
                         definition.ParseFromString(arguments.back());
    const int64_t before = commits ? sequence_of(definition.name(), *state) : 0;
    const protos::Response response = peer.find(function.chaincode).invoke(transaction, arguments);
    protos::Response read;
    expect(wire::parse_into(wire::marshal(response), read).has_value());
    expect(response.status() == 200 || !response.message().empty());
    if (response.status() != 200 || !with_channel) continue;
    const bool wrote = store(*simulator, *state);
    expect(!wrote || function.writes || function.name == nullptr);
    if (commits) expect(sequence_of(definition.name(), *state) == before + 1 && definition.sequence() == before + 1);
    if (wrote) {
      one.definitions.lifecycle_changed("ch");
      two.definitions.lifecycle_changed("ch");
    }
  }
  return 0;
}
