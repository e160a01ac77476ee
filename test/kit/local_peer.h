// A peer without network and without orderer: real ledger, committer, endorser and chaincode runtime over one channel of
// test::Channel. What is endorsed is put into a block and committed at once. For tests that link node_peer.
//
//   test::LocalPeer peer;                                   // Org1MSP's, on "testchannel"
//   std::string id = peer.install(package);
//   peer.define("basic", id);                               // approve and commit
//   EXPECT_EQ(peer.submit("basic", {"put", "k", "v"}).response().status(), 200);
//
// Ends the test program when something that is not the test's subject fails.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "chaincode/collections.h"
#include "commit/committer.h"
#include "kit/channels.h"
#include "ledger/ledger.h"
#include "lifecycle/keys.h"
#include "node/peer/collection_membership.h"
#include "node/peer/endorsement.h"
#include "os/posix_disk.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "peer/lifecycle/lifecycle.pb.h"
#include "wire/block.h"
#include "wire/proposal.h"

namespace selvage::test {

struct ProposalOptions {
  std::map<std::string, Bytes> transient;
  bool is_init = false;
};

class LocalPeer final : public chaincode::Channels, public commit::CollectionAccess {
 public:
  struct Options {
    ChannelOptions channel;
    std::chrono::nanoseconds execute_timeout = std::chrono::seconds(20);
    std::chrono::nanoseconds startup_timeout = std::chrono::seconds(20);
    std::string builder_config;
    std::vector<chaincode::BuilderSettings> builders;
    bool listener = false;     // a chaincode listener on a free port, with TLS
    bool development = false;  // chaincode.mode dev
    std::shared_ptr<const plugin::Plugins> plugins;  // peer.handlers; null: the built-in ones
  };

  LocalPeer() : LocalPeer(Options{}) {}
  explicit LocalPeer(Options options) : channel_(options.channel), options_(options) {
    std::string pattern = (std::filesystem::temp_directory_path() / "selvage-peer-XXXXXX").string();
    if (!mkdtemp(pattern.data())) die("mkdtemp", "");
    directory_ = pattern;
    local_ = std::make_unique<identity::LocalMsp>(identity::LocalMsp{channel_.org(0).msp(), channel_.org(0).peer()});
    start();
  }
  ~LocalPeer() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] Channel& channel() { return channel_; }
  [[nodiscard]] node::Endorsement& endorsement() { return *endorsement_; }
  [[nodiscard]] ledger::Ledger& ledger() { return *ledger_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

  // As a process that ends and comes back with its disk.
  void restart() {
    stop();
    start();
    if (ledger_) endorsement_->lifecycle_changed(channel_.id());
  }

  // --- proposals, by Org1's client unless said otherwise
  [[nodiscard]] protos::SignedProposal sign(const identity::SigningIdentity& signer, const std::string& channel_id,
                                            const std::string& chaincode, const std::vector<Bytes>& args,
                                            const ProposalOptions& options = {}) {
    auto made = wire::make_proposal(channel_id, wire::make_call(chaincode, args, options.is_init), signer.serialized(),
                                    os::system_clock().now(), os::system_random(), options.transient);
    last_proposal_ = made.proposal;
    last_txid_ = made.transaction_id;
    last_signed_ = must(wire::sign_proposal(made.proposal, wire::signer_of(signer)), "sign");
    return last_signed_;
  }
  [[nodiscard]] const protos::SignedProposal& last_signed() const { return last_signed_; }
  [[nodiscard]] protos::ProposalResponse evaluate(const std::string& chaincode, const std::vector<Bytes>& args,
                                                  const ProposalOptions& options = {}) {
    return must(endorsement_->endorser().process(sign(channel_.org(0).client(), channel_.id(), chaincode, args, options)),
                "process");
  }
  // Endorses, commits a block with the transaction, and gives the endorsement. Failed endorsements are not committed.
  protos::ProposalResponse submit(const std::string& chaincode, const std::vector<Bytes>& args,
                                  const ProposalOptions& options = {}) {
    return submit_as(channel_.org(0).client(), chaincode, args, options);
  }
  protos::ProposalResponse submit_as(const identity::SigningIdentity& signer, const std::string& chaincode,
                                     const std::vector<Bytes>& args, const ProposalOptions& options = {}) {
    auto proposal = sign(signer, channel_.id(), chaincode, args, options);
    auto response = must(endorsement_->endorser().process(proposal), "process");
    if (!response.has_endorsement()) return response;
    std::vector<protos::ProposalResponse> responses{response};
    auto envelope = must(wire::make_transaction(last_proposal_, wire::signer_of(signer), responses), "make transaction");
    commit(envelope.SerializeAsString());
    return response;
  }
  // Without channel, by the organisation's admin.
  [[nodiscard]] protos::ProposalResponse administer(const std::string& chaincode, const std::vector<Bytes>& args) {
    return must(endorsement_->endorser().process(sign(channel_.org(0).admin(), "", chaincode, args)), "process");
  }
  [[nodiscard]] const std::string& last_txid() const { return last_txid_; }
  // The validation code with which the last submitted transaction was committed; 254: it is not there.
  [[nodiscard]] int last_code() {
    auto place = must(ledger_->find_transaction(last_txid_), "find transaction");
    return place ? place->code : 254;
  }

  // --- lifecycle
  std::string install(const Bytes& package) {
    ::lifecycle::InstallChaincodeArgs args;
    args.set_chaincode_install_package(package);
    auto response = administer("_lifecycle", {"InstallChaincode", args.SerializeAsString()});
    if (response.response().status() != 200) die("install", response.response().message());
    ::lifecycle::InstallChaincodeResult result;
    result.ParseFromString(response.response().payload());
    return result.package_id();
  }
  void define(const std::string& name, const std::string& package_id, bool init_required = false,
              const protos::CollectionConfigPackage* collections = nullptr, int64_t sequence = 1,
              const std::string& version = "1.0") {
    ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs approve;
    approve.set_sequence(sequence);
    approve.set_name(name);
    approve.set_version(version);
    approve.set_init_required(init_required);
    approve.mutable_source()->mutable_local_package()->set_package_id(package_id);
    if (collections) *approve.mutable_collections() = *collections;
    auto approved = submit_as(channel_.org(0).admin(), "_lifecycle",
                              {"ApproveChaincodeDefinitionForMyOrg", approve.SerializeAsString()});
    if (approved.response().status() != 200) die("approve", approved.response().message());
    ::lifecycle::CommitChaincodeDefinitionArgs commit;
    commit.set_sequence(sequence);
    commit.set_name(name);
    commit.set_version(version);
    commit.set_init_required(init_required);
    if (collections) *commit.mutable_collections() = *collections;
    auto committed = submit_as(channel_.org(0).admin(), "_lifecycle",
                               {"CommitChaincodeDefinition", commit.SerializeAsString()});
    if (committed.response().status() != 200) die("commit", committed.response().message());
  }
  void join() {
    auto response = administer("cscc", {"JoinChain", channel_.genesis_block().SerializeAsString()});
    if (response.response().status() != 200) die("join", response.response().message());
  }

 private:
  class JoinedChannel final : public chaincode::Channel {
   public:
    JoinedChannel(channel::BundlePtr bundle, std::shared_ptr<ledger::Ledger> ledger)
        : bundle_(std::move(bundle)), ledger_(std::move(ledger)) {}
    channel::BundlePtr bundle() const override { return bundle_; }
    ledger::Ledger& ledger() override { return *ledger_; }
    std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) override {
      return chaincode::new_simulator(*ledger_, bundle_, txid);
    }

   private:
    channel::BundlePtr bundle_;
    std::shared_ptr<ledger::Ledger> ledger_;
  };

  [[noreturn]] static void die(const char* what, const std::string& why) {
    std::fprintf(stderr, "LocalPeer: %s: %s\n", what, why.c_str());
    std::abort();
  }
  template <class T>
  static T must(Result<T> result, const char* what) {
    if (!result) die(what, to_string(result.error()));
    return std::move(*result);
  }
  static void must(Status status, const char* what) {
    if (!status) die(what, to_string(status.error()));
  }

  void start() {
    ledger::LedgerSet::Settings settings;
    settings.root = directory_ + "/ledgersData";
    settings.definition_changes = node::definition_changes(channel_.org(0).mspid());
    ledgers_ = must(ledger::LedgerSet::open(os::posix_disk(), settings, metrics::disabled()), "open ledgers");
    node::EndorsementSettings endorsement;
    endorsement.chaincode_directory = directory_ + "/lifecycle/chaincodes";
    endorsement.execute.execute_timeout = options_.execute_timeout;
    endorsement.launch.startup_timeout = options_.startup_timeout;
    endorsement.launch.retry_first = std::chrono::milliseconds(20);
    endorsement.run.ccaas.builder_config = options_.builder_config;
    endorsement.run.builds.directory = directory_ + "/externalbuilder/builds";
    endorsement.run.builds.builders = options_.builders;
    endorsement.development = endorsement.execute.development = options_.development;
    endorsement.plugins = options_.plugins;
    if (options_.listener) {
      endorsement.listener.emplace();
      endorsement.listener->listen_address = endorsement.listener->endpoint = "127.0.0.1:0";
      endorsement.listener->mspid = channel_.org(0).mspid();
      endorsement.listener->development_folder = directory_ + "/chaincode-development";
    }
    endorsement_ = must(node::Endorsement::make(endorsement, {*this, *local_, os::posix_disk(), os::system_clock(),
                                                              metrics::disabled()}),
                        "make endorsement");
    must(endorsement_->start(), "start endorsement");
    if (auto ledger = ledgers_->find(channel_.id())) {
      open_channel(std::move(ledger));
    } else {
      join();
    }
  }
  void stop() {
    if (endorsement_) endorsement_->stop();
    endorsement_.reset();
    subscription_.reset();
    committer_.reset();
    joined_.reset();
    ledger_.reset();
    ledgers_.reset();
  }
  void open_channel(std::shared_ptr<ledger::Ledger> ledger) {
    ledger_ = std::move(ledger);
    joined_ = std::make_shared<JoinedChannel>(channel_.bundle(), ledger_);
    committer_ = std::make_unique<commit::Committer>(ledger_, *this, metrics::disabled());
  }
  void commit(Bytes envelope) {
    auto info = ledger_->info();
    auto block = std::make_shared<::common::Block>(channel_.block(info.height, info.current_hash, {std::move(envelope)}));
    commit::ValidatedBlock validated;
    validated.block = block;
    commit::ValidatedTransaction transaction;
    transaction.code = 0;
    transaction.tx_id = last_txid_;
    transaction.header_type = ::common::ENDORSER_TRANSACTION;
    validated.transactions.push_back(transaction);
    bool lifecycle_written = false;
    auto subscription = committer_->subscribe([&](const commit::CommitNotice& notice) {
      for (const auto& [key, updates] : notice.updates->hashed_updates)
        lifecycle_written = lifecycle_written || key.first == lifecycle::kNamespace;
      for (const auto& ns : notice.namespaces) lifecycle_written = lifecycle_written || ns == lifecycle::kNamespace;
    });
    must(committer_->commit(std::move(validated)), "commit");
    if (lifecycle_written) endorsement_->lifecycle_changed(channel_.id());
  }

  // chaincode::Channels
  std::shared_ptr<chaincode::Channel> find(const std::string& channel_id) override {
    return joined_ && channel_id == channel_.id() ? joined_ : nullptr;
  }
  std::vector<std::string> names() const override {
    return joined_ ? std::vector<std::string>{channel_.id()} : std::vector<std::string>();
  }
  Status join(const std::string& channel_id, const ::common::Block& block) override {
    auto ledger = ledgers_->create(block);
    if (!ledger)
      return fail(std::move(ledger).error().within("cannot create ledger from genesis block"));
    open_channel(std::move(*ledger));
    return {};
  }
  // commit::CollectionAccess: all collections but those of other organisations.
  bool is_member(const std::string&, const std::string& collection, const ledger::StateView&) const override {
    auto mspid = lifecycle::mspid_of_implicit_collection(collection);
    return mspid.empty() || mspid == local_->msp->mspid();
  }

  Channel channel_;
  Options options_;
  std::string directory_;
  std::unique_ptr<identity::LocalMsp> local_;
  std::unique_ptr<ledger::LedgerSet> ledgers_;
  std::shared_ptr<ledger::Ledger> ledger_;
  std::shared_ptr<JoinedChannel> joined_;
  std::unique_ptr<commit::Committer> committer_;
  std::unique_ptr<commit::Subscription> subscription_;
  std::unique_ptr<node::Endorsement> endorsement_;
  protos::Proposal last_proposal_;
  protos::SignedProposal last_signed_;
  std::string last_txid_;
};

}  // namespace selvage::test
