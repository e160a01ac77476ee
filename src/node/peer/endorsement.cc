#include "node/peer/endorsement.h"

#include "base/log.h"
#include "chaincode/access.h"
#include "chaincode/collections.h"
#include "chaincode/definitions.h"
#include "chaincode/package_store.h"
#include "chaincode/system/cscc.h"
#include "chaincode/system/lifecycle_scc.h"
#include "chaincode/system/qscc.h"
#include "endorse/proposal.h"
#include "ledger/ledger.h"
#include "rpc/serving/worker_pool.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}

constexpr size_t kWorkersMax = 256;  // threads at once for what chaincodes ask; more waits in line

// A channel of chaincode/ as one of endorse/.
class EndorseChannel final : public endorse::Channel {
 public:
  explicit EndorseChannel(std::shared_ptr<chaincode::Channel> channel) : channel_(std::move(channel)) {}
  std::shared_ptr<const channel::Bundle> bundle() const override { return channel_->bundle(); }
  ledger::Ledger& ledger() override { return channel_->ledger(); }
  std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) override {
    return channel_->new_simulator(txid);
  }

 private:
  std::shared_ptr<chaincode::Channel> channel_;
};

class EndorseChannels final : public endorse::Channels {
 public:
  explicit EndorseChannels(chaincode::Channels& channels) : channels_(channels) {}
  std::shared_ptr<endorse::Channel> find(const std::string& channel_id) override {
    auto channel = channels_.find(channel_id);
    if (!channel) return nullptr;
    return std::make_shared<EndorseChannel>(std::move(channel));
  }

 private:
  chaincode::Channels& channels_;
};

chaincode::Transaction transaction_of(const endorse::Invocation& invocation) {
  chaincode::Transaction out;
  out.channel_id = invocation.proposal.channel_id();
  out.txid = invocation.proposal.txid();
  out.signed_proposal = &invocation.proposal.signed_proposal;
  out.proposal_chaincode = invocation.proposal.chaincode;
  out.creator = invocation.creator;
  out.simulator = invocation.simulator;
  for (const auto& [name, value] : invocation.proposal.input.decorations()) out.decorations.emplace(name, value);
  if (invocation.channel) out.bundle = invocation.channel->bundle();
  if (invocation.channel && invocation.simulator) out.ledger = &invocation.channel->ledger();
  return out;
}

class Runner final : public endorse::ChaincodeRunner {
 public:
  explicit Runner(chaincode::Chaincodes& chaincodes) : chaincodes_(chaincodes) {}
  bool is_system(const std::string& chaincode) const override { return chaincodes_.is_system(chaincode); }
  Result<endorse::EndorsementInfo> endorsement_info(const endorse::Invocation& invocation) override {
    SELVAGE_TRY(auto info, chaincodes_.definition(transaction_of(invocation), invocation.proposal.chaincode));
    return endorse::EndorsementInfo{std::move(info.version), std::move(info.endorsement_plugin)};
  }
  void execute(const endorse::Invocation& invocation,
               std::function<void(Result<endorse::ChaincodeOutcome>)> done) override {
    auto transaction = std::make_shared<const chaincode::Transaction>(transaction_of(invocation));
    chaincodes_.execute(*transaction, invocation.proposal.chaincode, invocation.proposal.input,
                        [transaction, done = std::move(done)](Result<chaincode::Outcome> outcome) {
                          if (!outcome) return done(fail(std::move(outcome).error()));
                          done(endorse::ChaincodeOutcome{std::move(outcome->response), std::move(outcome->event)});
                        });
  }

 private:
  chaincode::Chaincodes& chaincodes_;
};

}  // namespace

struct Endorsement::State {
  State(EndorsementSettings settings, Parts parts, std::unique_ptr<chaincode::ChaincodeListener> chaincode_listener)
      : packages(parts.disk, settings.chaincode_directory),
        definitions(parts.local.msp->mspid(), parts.channels, packages),
        access(chaincode::make_access_check(parts.channels, parts.local.msp)),
        listener(std::move(chaincode_listener)),
        runner_of_packages(new chaincode::PackageRunner(settings.run, packages, listener.get())),
        launcher(settings.launch, std::unique_ptr<chaincode::Connector>(runner_of_packages), parts.metrics,
                 [this](std::function<void()> task) { workers.run(std::move(task)); }),
        chaincodes(settings.execute, {parts.channels, definitions, launcher, access}),
        channels(parts.channels),
        runner(chaincodes),
        endorser(settings.endorser, {channels, runner, access, parts.local.msp, parts.local.signer, parts.disseminate,
                                     parts.clock, parts.metrics, parts.admits, parts.signatures,
                                     std::move(settings.plugins)}) {
    launcher.set_chaincodes(chaincodes);
    definitions.on_change([this](const std::string& package_id) { launcher.keep_running(package_id); },
                          [this](const std::string& package_id) { launcher.release(package_id); });
    if (listener && settings.development) listener->welcome_all(launcher);
    auto deploy = [&](std::unique_ptr<chaincode::SystemChaincode> one) {
      if (!settings.system.empty() && !settings.system.contains(std::string(one->name()))) {
        LOG_INFO(logger(), "not deploying chaincode {} as it is not enabled", one->name());
        return;
      }
      chaincodes.add_system(std::move(one));
    };
    deploy(chaincode::make_cscc(parts.channels, access));
    deploy(chaincode::make_qscc(parts.channels, access));
    deploy(chaincode::make_lifecycle_scc({parts.local.msp->mspid(), packages, definitions, access,
                                          [this](const std::string& package_id, BytesView package) {
                                            return runner_of_packages->build(package_id, package);
                                          }}));
  }

  rpc::WorkerPool workers{kWorkersMax, "chaincode"};
  chaincode::PackageStore packages;
  chaincode::DefinitionCache definitions;
  chaincode::AccessCheck access;
  std::unique_ptr<chaincode::ChaincodeListener> listener;  // may be null
  chaincode::PackageRunner* runner_of_packages;            // the launcher's
  chaincode::Launcher launcher;
  chaincode::Chaincodes chaincodes;
  EndorseChannels channels;
  Runner runner;
  endorse::Endorser endorser;
};

Result<std::unique_ptr<Endorsement>> Endorsement::make(EndorsementSettings settings, Parts parts) {
  std::unique_ptr<chaincode::ChaincodeListener> listener;
  if (settings.listener) {
    SELVAGE_TRY(listener, chaincode::ChaincodeListener::make(*settings.listener, parts.clock, parts.metrics));
  }
  auto state = std::make_unique<State>(std::move(settings), parts, std::move(listener));
  SELVAGE_CHECK(state->packages.open());
  return std::unique_ptr<Endorsement>(new Endorsement(std::move(state)));
}

Endorsement::Endorsement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Endorsement::~Endorsement() { stop(); }

endorse::Endorser& Endorsement::endorser() { return state_->endorser; }
const chaincode::AccessCheck& Endorsement::access() const { return state_->access; }
Result<std::shared_ptr<const lifecycle::Definition>> Endorsement::definition(const std::string& channel_id,
                                                                             const std::string& chaincode) {
  SELVAGE_TRY(auto found, state_->definitions.find(channel_id, chaincode));
  return std::shared_ptr<const lifecycle::Definition>(std::move(found));
}
void Endorsement::lifecycle_changed(const std::string& channel_id) { state_->definitions.lifecycle_changed(channel_id); }
void Endorsement::on_runnable(
    std::function<void(const std::string&, std::vector<std::pair<std::string, int64_t>>)> told) {
  state_->definitions.on_runnable(std::move(told));
}
bool Endorsement::is_system(const std::string& chaincode) const { return state_->chaincodes.is_system(chaincode); }
const chaincode::ChaincodeListener* Endorsement::listener() const { return state_->listener.get(); }
Status Endorsement::start() { return state_->listener ? state_->listener->start() : Status(); }
std::string Endorsement::chaincode_address() const { return state_->listener ? state_->listener->address() : ""; }
void Endorsement::stop() {
  state_->launcher.stop();
  if (state_->listener) state_->listener->stop();
  state_->workers.stop();
}

}  // namespace selvage::node
