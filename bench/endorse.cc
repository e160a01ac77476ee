// CPU of endorsing one proposal, all but the chaincode itself: checks, ACL, definition, simulation, signature. The chaincode
// runs in this process and writes one key that it has read.
//   bench_endorse
#include <benchmark/benchmark.h>

#include "base/log.h"
#include "chaincode/access.h"
#include "chaincode/chaincodes.h"
#include "chaincode/definitions.h"
#include "chaincode/launcher.h"
#include "endorse/endorser.h"
#include "endorse/proposal.h"
#include "kit/local_peer.h"
#include "lifecycle/package.h"

namespace selvage {
namespace {

constexpr int kProposals = 256;

class EndorseChannel final : public endorse::Channel {
 public:
  explicit EndorseChannel(std::shared_ptr<chaincode::Channel> channel) : channel_(std::move(channel)) {}
  std::shared_ptr<const channel::Bundle> bundle() const override { return channel_->bundle(); }
  ledger::Ledger& ledger() override { return channel_->ledger(); }
  std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) override { return channel_->new_simulator(txid); }

 private:
  std::shared_ptr<chaincode::Channel> channel_;
};

class EndorseChannels final : public endorse::Channels {
 public:
  explicit EndorseChannels(chaincode::Channels& channels) : channels_(channels) {}
  std::shared_ptr<endorse::Channel> find(const std::string& id) override {
    return std::make_shared<EndorseChannel>(channels_.find(id));
  }

 private:
  chaincode::Channels& channels_;
};

class NoProcess final : public chaincode::Connector {
  Status connect(const std::string&, const std::shared_ptr<chaincode::ShimSession>&) override {
    return fail(Code::kUnavailable, "no chaincode is started here");
  }
};

// The definition is read as for any chaincode; what it does is done here.
class InProcess final : public endorse::ChaincodeRunner {
 public:
  explicit InProcess(chaincode::Chaincodes& chaincodes) : chaincodes_(chaincodes) {}
  bool is_system(const std::string& chaincode) const override { return chaincodes_.is_system(chaincode); }
  Result<endorse::EndorsementInfo> endorsement_info(const endorse::Invocation& invocation) override {
    chaincode::Transaction transaction;
    transaction.channel_id = invocation.proposal.channel_id();
    transaction.txid = invocation.proposal.txid();
    transaction.creator = invocation.creator;
    transaction.simulator = invocation.simulator;
    transaction.bundle = invocation.channel->bundle();
    SELVAGE_TRY(auto info, chaincodes_.definition(transaction, invocation.proposal.chaincode));
    return endorse::EndorsementInfo{std::move(info.version), std::move(info.endorsement_plugin)};
  }
  void execute(const endorse::Invocation& invocation, std::function<void(Result<endorse::ChaincodeOutcome>)> done) override {
    done(read_and_write(invocation));
  }

 private:
  static Result<endorse::ChaincodeOutcome> read_and_write(const endorse::Invocation& invocation) {
    const std::string& key = invocation.proposal.input.args(1);
    SELVAGE_TRY(const auto before, invocation.simulator->get_state("basic", key));
    SELVAGE_CHECK(invocation.simulator->set_state("basic", key, Bytes(100, 'v')));
    endorse::ChaincodeOutcome outcome;
    outcome.response.set_status(200);
    return outcome;
  }

  chaincode::Chaincodes& chaincodes_;
};

struct Peer {
  Peer() {
    if (!log::set_spec("error")) std::abort();
    if (!packages.open()) std::abort();
    local.define("basic", *packages.save("basic", *lifecycle::make_package({"ccaas", "", "basic"}, *lifecycle::make_tar_gz({}))));
    for (int i = 0; i < kProposals; ++i) {
      const auto& client = i % 2 == 0 ? local.channel().org(0).client() : local.channel().org(1).client();
      proposals.push_back(local.sign(client, local.channel().id(), "basic", {"put", "key" + std::to_string(i)}));
    }
  }
  test::LocalPeer local;
  chaincode::Channels& channels = local;
  const std::shared_ptr<const identity::Msp> msp = local.channel().org(0).msp();
  chaincode::PackageStore packages{os::posix_disk(), local.directory() + "/packages"};  // the peer does not know of this one
  chaincode::DefinitionCache definitions{msp->mspid(), channels, packages};
  chaincode::AccessCheck access = chaincode::make_access_check(channels, msp);
  chaincode::Launcher launcher{{}, std::make_unique<NoProcess>(), metrics::disabled(), [](const std::function<void()>& task) { task(); }};
  chaincode::Chaincodes chaincodes{{}, {channels, definitions, launcher, access}};
  EndorseChannels endorse_channels{channels};
  InProcess runner{chaincodes};
  identity::SignatureMemory signatures;
  endorse::Endorser endorser{{}, {endorse_channels, runner, access, msp, local.channel().org(0).peer(), {}, os::system_clock(),
                                  metrics::disabled(), {}, &signatures}};
  std::vector<protos::SignedProposal> proposals;
};

void endorse_proposal(benchmark::State& state) {
  static Peer peer;
  size_t at = 0;
  for (auto _ : state) {
    const auto answer = peer.endorser.process(peer.proposals[at++ % kProposals]);
    if (!answer || !answer->has_endorsement()) {
      return state.SkipWithError(answer ? answer->response().message().c_str() : to_string(answer.error()).c_str());
    }
  }
}
BENCHMARK(endorse_proposal)->Unit(benchmark::kMicrosecond);

// What of it is the cryptography that cannot be left out: one signature checked, one made.
void sign_and_verify(benchmark::State& state) {
  test::Channel channel;
  const auto client = channel.bundle()->msps()->deserialize(channel.org(0).client().serialized());
  const Bytes message(1000, 'm');
  const Bytes signature = *channel.org(0).client().sign(message);
  for (auto _ : state) {
    if (!(*client)->verify(message, signature) || !channel.org(0).peer().sign(message)) state.SkipWithError("signature");
  }
}
BENCHMARK(sign_and_verify)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace selvage

BENCHMARK_MAIN();
