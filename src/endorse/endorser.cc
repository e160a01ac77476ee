#include "endorse/endorser.h"

#include <future>

#include "base/log.h"
#include "base/log_quota.h"
#include "base/utf8.h"
#include "channel/bundle.h"
#include "endorse/interest.h"
#include "endorse/plugin_host.h"
#include "endorse/private_data.h"
#include "endorse/proposal.h"
#include "identity/identity.h"
#include "ledger/ledger.h"
#include "wire/proposal.h"

namespace selvage::endorse {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Answer = Result<protos::ProposalResponse>;

constexpr int32_t kErrorThreshold = 400;  // shim.ERRORTHRESHOLD: from here on nothing is endorsed
constexpr int32_t kError = 500;

const log::Logger& logger() {
  static const log::Logger instance("endorser");
  return instance;
}

// An error for a log line: what came from outside is escaped, quotes (Fabric's texts are full of them) stay readable.
std::string readable(const Error& error, size_t chars) {
  std::string text = escape(to_string(error), chars);
  for (auto [escaped, quote] : {std::pair("\\x27", "'"), std::pair("\\x22", "\"")})
    for (size_t at = 0; (at = text.find(escaped, at)) != std::string::npos; ++at) text.replace(at, 4, quote);
  return text;
}

protos::ProposalResponse refused(const std::string& message) {
  protos::ProposalResponse answer;
  answer.mutable_response()->set_status(kError);
  answer.mutable_response()->set_message(to_utf8(message));
  return answer;
}

// cscc and qscc look at the ledger themselves. Fabric quirk: endorser.go acquireTxSimulator.
bool needs_simulator(const UnpackedProposal& proposal) {
  return !proposal.channel_id().empty() && proposal.chaincode != "qscc" && proposal.chaincode != "cscc";
}

metrics::Options counter(const char* name, const char* help, std::vector<std::string> labels = {}) {
  metrics::Options options;
  options.name_space = "endorser";
  options.name = name;
  options.help = help;
  if (!labels.empty()) options.statsd_format = "%{#fqname}";
  for (const auto& label : labels) options.statsd_format += ".%{" + label + "}";
  options.label_names = std::move(labels);
  return options;
}

}  // namespace

struct Endorser::State {
  State(Settings s, Parts p)
      : settings(s),
        parts(std::move(p)),
        plugins(parts.plugins ? parts.plugins : plugin::Plugins::built_in()),
        duration(parts.metrics.histogram(counter("proposal_duration", "The time to complete a proposal.",
                                                 {"channel", "chaincode", "success"}))),
        received(parts.metrics.counter(counter("proposals_received", "The number of proposals received.")).with({})),
        successful(parts.metrics.counter(counter("successful_proposals", "The number of successful proposals.")).with({})),
        invalid(parts.metrics
                    .counter(counter("proposal_validation_failures",
                                     "The number of proposals that have failed initial validation."))
                    .with({})),
        denied(parts.metrics.counter(counter("proposal_acl_failures", "The number of proposals that failed ACL checks.",
                                             {"channel", "chaincode"}))),
        duplicates(parts.metrics.counter(counter("duplicate_transaction_failures",
                                                 "The number of failed proposals due to duplicate transaction ID.",
                                                 {"channel", "chaincode"}))),
        failed_simulations(parts.metrics.counter(counter("proposal_simulation_failures",
                                                         "The number of failed proposal simulations",
                                                         {"channel", "chaincode"}))),
        failed_endorsements(parts.metrics.counter(counter("endorsement_failures", "The number of failed endorsements.",
                                                          {"channel", "chaincode", "chaincodeerror"}))) {}

  const Settings settings;
  Parts parts;
  const std::shared_ptr<const plugin::Plugins> plugins;
  metrics::Family<metrics::Histogram>& duration;
  metrics::Counter& received;
  metrics::Counter& successful;
  metrics::Counter& invalid;
  metrics::Family<metrics::Counter>& denied;
  metrics::Family<metrics::Counter>& duplicates;
  metrics::Family<metrics::Counter>& failed_simulations;
  metrics::Family<metrics::Counter>& failed_endorsements;

  using Creator = Result<std::shared_ptr<const identity::Identity>>;
  Status filter(const UnpackedProposal& proposal, const Creator& claimed) const;
  Status decorate(UnpackedProposal& proposal) const;
  Creator check_creator(const UnpackedProposal& proposal, Creator creator);
  Status check_channel_rules(const UnpackedProposal& proposal, Channel& channel,
                             const std::shared_ptr<const identity::Identity>& creator);
  Status sign(const Invocation& invocation, const std::string& plugin, protos::ProposalResponse& answer);
  Status sign_by_default(protos::ProposalResponse& answer);

  metrics::LabelValues labels(const UnpackedProposal& proposal) const {
    return {proposal.channel_id(), proposal.chaincode};
  }
};

// One proposal from its arrival to its answer. Whoever works on it holds it.
class Endorser::Endorsing : public std::enable_shared_from_this<Endorsing> {
 public:
  Endorsing(State& state, Done done) : state_(state), done_(std::move(done)) {}

  void start(const protos::SignedProposal& signed_proposal) {
    if (auto early = admit(signed_proposal)) return done_(std::move(*early));
    invocation_.emplace(Invocation{proposal_, creator_, channel_});
    run();
  }

 private:
  [[nodiscard]] std::optional<Answer> admit(const protos::SignedProposal& signed_proposal);
  void run();
  void executed(Result<ChaincodeOutcome> outcome);
  [[nodiscard]] Answer endorse(const ChaincodeOutcome& outcome);
  [[nodiscard]] tl::unexpected<Error> broken(Error error) const {
    state_.failed_simulations.with(state_.labels(proposal_)).add(1);
    return fail(error.within("error in simulation"));
  }
  void finish(Answer answer);

  State& state_;
  const Done done_;
  const SteadyClock::time_point began_ = SteadyClock::now();
  SteadyClock::time_point execution_began_;
  UnpackedProposal proposal_;
  std::shared_ptr<const identity::Identity> creator_;
  std::shared_ptr<Channel> channel_;
  std::unique_ptr<ledger::TxSimulator> simulator_;
  std::optional<Invocation> invocation_;
  EndorsementInfo info_;
};

Endorser::Endorser(Settings settings, Parts parts) : state_(std::make_unique<State>(settings, std::move(parts))) {}
Endorser::~Endorser() = default;

// Fabric's auth filters, in the order of core.yaml. Errors are told as they are.
Status Endorser::State::filter(const UnpackedProposal& proposal, const Creator& claimed) const {
  const SystemTime now = parts.clock.now();
  Bytes signed_proposal;  // made for the first plugin
  for (const plugin::Filter& filter : plugins->filters()) {
    switch (filter.kind) {
      case plugin::Filter::Kind::kExpiration:
        if (claimed && (*claimed)->expires_at() < now) {
          return fail(Code::kUnknown, "proposal client identity expired",
                      identity::describe_identity(proposal.signature_header.creator()));
        }
        break;
      case plugin::Filter::Kind::kTimeWindow:
        SELVAGE_CHECK(check_time_window(proposal, now, settings.time_window));
        break;
      case plugin::Filter::Kind::kLibrary:
        if (signed_proposal.empty()) signed_proposal = proposal.signed_proposal.SerializeAsString();
        SELVAGE_CHECK(filter.library->check(signed_proposal));
        break;
    }
  }
  return {};
}

Status Endorser::State::decorate(UnpackedProposal& proposal) const {
  if (plugins->decorators().empty()) return {};
  Bytes input = proposal.input.SerializeAsString();
  for (const auto& decorator : plugins->decorators()) {
    SELVAGE_TRY(input, decorator->decorate(proposal.signed_proposal.proposal_bytes(), std::move(input)));
  }
  if (proposal.input.ParseFromString(input)) return {};
  return fail(Code::kInternal, "a decorator gave bytes that are no ChaincodeInput");
}

// Everything that is said of the creator without a channel's rules; the one place where its signature is verified.
Endorser::State::Creator Endorser::State::check_creator(const UnpackedProposal& proposal, Creator creator) {
  const std::string& creator_bytes = proposal.signature_header.creator();
  const std::string& channel_id = proposal.channel_id();
  if (!creator) {
    LOG_STRANGER(logger(), Warn, "", "access denied channel={} txID={} error={} identity={}", escape(channel_id, 100),
             proposal.txid().substr(0, 8), escape(creator.error().message, 300),
             identity::describe_identity(creator_bytes));
    return fail(Code::kUnknown,
                "access denied: channel [" + channel_id + "] creator org unknown, creator is malformed");
  }
  const std::string denied = "access denied: channel [" + channel_id + "] creator org [" + (*creator)->mspid() + "]";
  if (auto valid = (*creator)->validate(); !valid) {
    LOG_STRANGER(logger(), Warn, "", "access denied: identity is not valid channel={} txID={} error={} identity={}",
             escape(channel_id, 100), proposal.txid().substr(0, 8), escape(valid.error().message, 300),
             identity::describe_identity(creator_bytes));
    return fail(Code::kUnknown, denied);
  }
  if (auto verified =
          (*creator)->verify(proposal.signed_proposal.proposal_bytes(), proposal.signed_proposal.signature());
      !verified) {
    LOG_STRANGER(logger(), Warn, "",
             "access denied: creator's signature over the proposal is not valid channel={} txID={} error={} identity={}",
             escape(channel_id, 100), proposal.txid().substr(0, 8), escape(verified.error().message, 300),
             identity::describe_identity(creator_bytes));
    return fail(Code::kUnknown, denied);
  }
  return creator;
}

Status Endorser::State::check_channel_rules(const UnpackedProposal& proposal, Channel& channel,
                                            const std::shared_ptr<const identity::Identity>& creator) {
  auto committed = channel.ledger().find_transaction(proposal.txid());
  if (!committed) return fail(std::move(committed).error().within("could not look for transaction " + proposal.txid()));
  if (*committed) {
    duplicates.with(labels(proposal)).add(1);
    return fail(Code::kUnknown, "duplicate transaction found [" + proposal.txid() + "]. Creator [" +
                                    to_hex(proposal.signature_header.creator()) + "]");
  }
  // System chaincode checks its ACLs itself, by function.
  if (parts.chaincodes.is_system(proposal.chaincode)) return {};
  if (auto allowed = parts.access("peer/Propose", proposal.channel_id(), creator); !allowed) {
    denied.with(labels(proposal)).add(1);
    return fail(std::move(allowed).error());
  }
  return {};
}

// What comes before the chaincode runs; an answer ends it here.
std::optional<Answer> Endorser::Endorsing::admit(const protos::SignedProposal& signed_proposal) {
  State& state = state_;
  auto grpc_error = [](Error error) { return Answer(fail(Code::kUnknown, error.message, error.cause, error.hint)); };

  auto unpacked = unpack(signed_proposal);
  if (!unpacked) {
    state.received.add(1);
    state.invalid.add(1);
    LOG_STRANGER(logger(), Warn, "", "Failed to unpack proposal error={}", escape(unpacked.error().message, 300));
    return grpc_error(std::move(unpacked).error());
  }
  proposal_ = std::move(*unpacked);
  const UnpackedProposal& proposal = proposal_;
  // Fabric's auth filters stand before the endorser: expired creators and stale timestamps are not even counted.
  if (!proposal.channel_id().empty()) channel_ = state.parts.channels.find(proposal.channel_id());
  auto claimed = channel_ ? channel_->bundle()->msps()->deserialize(proposal.signature_header.creator())
                          : state.parts.local_msp->deserialize(proposal.signature_header.creator());
  if (auto passed = state.filter(proposal, claimed); !passed) return grpc_error(std::move(passed).error());
  if (state.parts.admits)
    if (auto admitted = state.parts.admits(); !admitted) return grpc_error(std::move(admitted).error());

  state.received.add(1);
  if (!proposal.channel_id().empty() && !channel_)
    return Answer(refused("channel '" + proposal.channel_id() + "' not found"));

  auto refuse = [&](Error error, bool validation) {
    if (validation) {
      state.invalid.add(1);
      error = error.within("error validating proposal");
    }
    LOG_STRANGER(logger(), Warn, "", "Failed to preProcess proposal error={}", readable(error, 500));
    return grpc_error(std::move(error));
  };
  if (auto good = check_headers(proposal); !good) return refuse(std::move(good).error(), true);
  auto creator = state.check_creator(proposal, std::move(claimed));
  if (!creator) return refuse(std::move(creator).error(), true);
  creator_ = std::move(*creator);
  if (channel_)
    if (auto good = state.check_channel_rules(proposal, *channel_, creator_); !good)
      return refuse(std::move(good).error(), false);
  if (auto decorated = state.decorate(proposal_); !decorated) return Answer(refused(decorated.error().message));
  return std::nullopt;
}

void Endorser::Endorsing::run() {
  if (needs_simulator(proposal_)) {
    simulator_ = channel_->new_simulator(proposal_.txid());
    invocation_->simulator = simulator_.get();
  }
  auto info = state_.parts.chaincodes.endorsement_info(*invocation_);
  if (!info)
    return finish(fail(std::move(info).error().within("make sure the chaincode " + proposal_.chaincode +
                                                      " has been successfully defined on channel " +
                                                      proposal_.channel_id() + " and try again")));
  info_ = std::move(*info);
  execution_began_ = SteadyClock::now();
  state_.parts.chaincodes.execute(*invocation_, [self = shared_from_this()](Result<ChaincodeOutcome> outcome) {
    self->executed(std::move(outcome));
  });
}

void Endorser::Endorsing::executed(Result<ChaincodeOutcome> outcome) {
  LOG_INFO(logger(), "finished chaincode: {} duration: {}ms channel={} txID={}", escape(proposal_.chaincode, 100),
           std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - execution_began_).count(),
           escape(proposal_.channel_id(), 100), proposal_.txid().substr(0, 8));
  if (!outcome) return finish(broken(std::move(outcome).error()));
  finish(endorse(*outcome));
}

void Endorser::Endorsing::finish(Answer answer) {
  bool success = false;
  if (!answer) {
    LOG_WARN(logger(), "Failed to invoke chaincode channel={} chaincode={} error={}", escape(proposal_.channel_id(), 100),
             escape(proposal_.chaincode, 100), readable(answer.error(), 1000));
    answer = refused(answer.error().message);
  } else if (answer->has_endorsement() || proposal_.channel_id().empty()) {
    success = true;
    state_.successful.add(1);
  }
  state_.duration.with({proposal_.channel_id(), proposal_.chaincode, success ? "true" : "false"})
      .observe(std::chrono::duration<double>(SteadyClock::now() - began_).count());
  done_(std::move(answer));
}

void Endorser::process(const protos::SignedProposal& signed_proposal, Done done) {
  std::make_shared<Endorsing>(*state_, std::move(done))->start(signed_proposal);
}

Result<protos::ProposalResponse> Endorser::process(const protos::SignedProposal& signed_proposal) {
  // What is dropped while the peer stops has an end too.
  struct Promise {
    std::promise<Answer> promise;
    bool kept = false;
    ~Promise() {
      if (!kept) promise.set_value(fail(Code::kUnavailable, "the peer is stopping"));
    }
  };
  auto promised = std::make_shared<Promise>();
  auto answer = promised->promise.get_future();
  process(signed_proposal, [promised = std::move(promised)](Answer given) {
    promised->kept = true;
    promised->promise.set_value(std::move(given));
  });
  return answer.get();
}

Answer Endorser::Endorsing::endorse(const ChaincodeOutcome& outcome) {
  const UnpackedProposal& proposal = proposal_;
  const std::string& channel_id = proposal.channel_id();
  const protos::Response& response = outcome.response;

  ledger::SimulationResults results;
  protos::ProposalResponse answer;
  if (simulator_) {
    auto simulated = simulator_->results();
    if (!simulated) return broken(std::move(simulated).error());
    results = std::move(*simulated);
    if (!results.private_rw_set.empty())
      if (auto kept = keep_private_data(*channel_, proposal.txid(), results.private_rw_set, *simulator_,
                                        state_.parts.disseminate);
          !kept)
        return broken(std::move(kept).error());
    auto interest = make_interest(results, *simulator_->view(), [this](const std::string& name) {
      return name == "lscc" || state_.parts.chaincodes.is_system(name);
    });
    if (!interest) return fail(std::move(interest).error().within("error in simulation"));
    *answer.mutable_interest() = std::move(*interest);
  }

  // A chaincode that failed has no event, whatever it set. Fabric quirk: endorser.go callChaincode.
  Bytes event;
  if (outcome.event && response.status() < kErrorThreshold) event = outcome.event->SerializeAsString();
  auto payload = [&] {
    protos::ChaincodeID id;
    id.set_name(proposal.chaincode);
    id.set_version(info_.version);
    return wire::response_payload(proposal.hash, response, results.public_rw_set, event, id);
  };
  *answer.mutable_response() = response;
  if (response.status() >= kError) {
    answer.set_payload(payload());
    return answer;
  }
  if (channel_id.empty()) {
    answer.clear_interest();
    return answer;
  }
  if (response.status() >= kErrorThreshold) {
    state_.failed_endorsements.with({channel_id, proposal.chaincode, "true"}).add(1);
    answer.clear_interest();
    return answer;
  }
  answer.set_version(1);
  answer.set_payload(payload());
  if (auto endorsed = state_.sign(*invocation_, info_.plugin, answer); !endorsed) {
    state_.failed_endorsements.with({channel_id, proposal.chaincode, "false"}).add(1);
    return fail(Code::kUnknown, "endorsing with plugin failed: " + endorsed.error().message);
  }
  return answer;
}

// Puts the endorsement under the answer's payload, by the plugin that the chaincode's definition names.
Status Endorser::State::sign(const Invocation& invocation, const std::string& name, protos::ProposalResponse& answer) {
  const auto* found = plugins->endorser(name);
  const auto unusable = [&](const std::string& why) {
    return fail(Code::kUnknown, "plugin with name " + name + " could not be used: " + why);
  };
  if (found == nullptr) return unusable("plugin with name " + name + " wasn't found");
  if (!found->library) return sign_by_default(answer);

  const UnpackedProposal& proposal = invocation.proposal;
  if (auto opened = found->library->open(proposal.channel_id()); !opened) return unusable(opened.error().message);
  PluginHost host(*invocation.channel, parts.signer);
  const Bytes signed_proposal = proposal.signed_proposal.SerializeAsString();
  SELVAGE_TRY(auto endorsed, found->library->endorse({proposal.channel_id(), proposal.txid(), proposal.chaincode,
                                                      signed_proposal, answer.payload(), parts.signer.serialized()},
                                                     host));
  if (endorsed.payload) answer.set_payload(std::move(*endorsed.payload));
  answer.mutable_endorsement()->set_endorser(std::move(endorsed.endorser));
  answer.mutable_endorsement()->set_signature(std::move(endorsed.signature));
  return {};
}

Status Endorser::State::sign_by_default(protos::ProposalResponse& answer) {
  const Bytes& endorser = parts.signer.serialized();
  const Bytes message = wire::endorsed_bytes(answer.payload(), endorser);
  auto signature = parts.signer.sign(message);
  if (!signature) return fail(std::move(signature).error().within("could not sign the proposal response payload"));
  if (parts.signatures != nullptr) {
    parts.signatures->add(identity::SignatureMemory::key(endorser, message, *signature));
  }
  answer.mutable_endorsement()->set_endorser(endorser);
  answer.mutable_endorsement()->set_signature(std::move(*signature));
  return {};
}

}  // namespace selvage::endorse
