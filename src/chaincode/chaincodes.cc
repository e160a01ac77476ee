#include "chaincode/chaincodes.h"

#include <map>

#include "base/log.h"
#include "chaincode/channels.h"
#include "chaincode/collections.h"
#include "chaincode/definitions.h"
#include "chaincode/launcher.h"
#include "chaincode/session/shim_session.h"
#include "chaincode/system/system_chaincode.h"
#include "channel/bundle.h"
#include "ledger/state/tx_simulator.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "peer/chaincode.pb.h"
#include "peer/chaincode_shim.pb.h"
#include "policy/acl.h"

namespace selvage::chaincode {
namespace {

using Message = protos::ChaincodeMessage;

const log::Logger& logger() {
  static const log::Logger instance("chaincode");
  return instance;
}

// The key under which a namespace remembers for which version it was initialised.
// Fabric quirk: core/chaincode/chaincode_support.go InitializedKeyName, "\x00" + utf8.MaxRune + "initialized".
const std::string kInitializedKey = std::string("\0\xf4\x8f\xbf\xbf", 5) + "initialized";

// "name", "name:version", "name/channel", "name:version/channel"
struct Target {
  std::string chaincode;
  std::string channel;
};
Target parse_target(const std::string& text) {
  Target out;
  size_t slash = text.find('/');
  if (slash != std::string::npos) out.channel = text.substr(slash + 1);
  std::string name = text.substr(0, slash);
  out.chaincode = name.substr(0, name.find(':'));
  return out;
}

}  // namespace

struct Chaincodes::State {
  State(ExecuteSettings s, Parts p) : settings(s), parts(std::move(p)) {}

  const ExecuteSettings settings;
  Parts parts;
  std::map<std::string, std::unique_ptr<SystemChaincode>, std::less<>> system;

  // Where an invocation goes, and whether it is the chaincode's initialisation.
  struct Route {
    std::string package_id;
    Message::Type type = Message::TRANSACTION;
  };
  Result<Route> route(const Transaction& transaction, const std::string& chaincode, const protos::ChaincodeInput& input,
                      const DefinitionInfo& info);
  std::chrono::nanoseconds timeout_of(const std::string& chaincode, const protos::ChaincodeInput& input) const {
    const bool install = chaincode == lifecycle::kNamespace && input.args_size() > 0 && input.args(0) == "InstallChaincode";
    return install ? std::max(settings.install_timeout, settings.execute_timeout) : settings.execute_timeout;
  }
};

Chaincodes::Chaincodes(ExecuteSettings settings, Parts parts) : state_(std::make_unique<State>(settings, std::move(parts))) {}
Chaincodes::~Chaincodes() = default;

void Chaincodes::add_system(std::unique_ptr<SystemChaincode> chaincode) {
  std::string name(chaincode->name());
  state_->system[std::move(name)] = std::move(chaincode);
}

bool Chaincodes::is_system(const std::string& name) const { return state_->system.contains(name); }

Result<DefinitionInfo> Chaincodes::definition(const Transaction& transaction, const std::string& chaincode) {
  if (is_system(chaincode)) return DefinitionInfo{std::string(kSystemVersion), "escc", false, chaincode};
  const std::string& channel = transaction.channel_id;
  if (!transaction.bundle)
    return fail(Code::kNotFound, "could not get channel config for channel '" + channel + "'");
  if (!transaction.bundle->application())
    return fail(Code::kFailedPrecondition, "could not get application config for channel '" + channel + "'");
  if (!transaction.simulator)
    return fail(Code::kFailedPrecondition, "could not get current sequence for chaincode '" + chaincode +
                                               "' on channel '" + channel + "': invalid channel-less operation");
  auto sequence =
      lifecycle::read_sequence(chaincode, SimulatorState(*transaction.simulator, std::string(lifecycle::kNamespace)));
  if (!sequence)
    return fail(std::move(sequence).error().within("could not get current sequence for chaincode '" + chaincode +
                                                   "' on channel '" + channel + "'"));
  if (*sequence == 0) return fail(Code::kNotFound, "chaincode " + chaincode + " not found");
  auto found = state_->parts.definitions.find(channel, chaincode, *sequence);
  if (!found) return fail(std::move(found).error().within("could not get approved chaincode info from cache"));
  const LocalDefinition& local = **found;
  if (local.sequence != *sequence)
    return fail(Code::kAborted, "chaincode cache at sequence " + std::to_string(local.sequence) +
                                    " but current sequence is " + std::to_string(*sequence) +
                                    ", chaincode definition for '" + chaincode + "' changed during invoke");
  if (!local.approved)
    return fail(Code::kFailedPrecondition, "chaincode definition for '" + chaincode + "' at sequence " +
                                               std::to_string(*sequence) + " on channel '" + channel +
                                               "' has not yet been approved by this org");
  if (local.package_id.empty() && state_->settings.development)
    return DefinitionInfo{local.version, local.endorsement_plugin, local.init_required, chaincode + ":" + local.version};
  if (local.package_id.empty())
    return fail(Code::kFailedPrecondition,
                "chaincode definition for '" + chaincode + "' exists, but chaincode is not installed");
  return DefinitionInfo{local.version, local.endorsement_plugin, local.init_required, local.package_id};
}

Result<Chaincodes::State::Route> Chaincodes::State::route(const Transaction& transaction, const std::string& chaincode,
                                                          const protos::ChaincodeInput& input,
                                                          const DefinitionInfo& info) {
  bool needs_initialization = false;
  if (info.init_required) {
    auto value = transaction.simulator->get_state(chaincode, kInitializedKey);
    if (!value) return fail(std::move(value).error().within("could not get 'initialized' key"));
    needs_initialization = value->value_or("") != info.version;
  }
  if (input.is_init()) {
    if (!info.init_required)
      return fail(Code::kFailedPrecondition,
                  "chaincode '" + chaincode + "' does not require initialization but called as init");
    if (!needs_initialization)
      return fail(Code::kFailedPrecondition, "chaincode '" + chaincode + "' is already initialized but called as init");
    auto set = transaction.simulator->set_state(chaincode, kInitializedKey, info.version);
    if (!set) return fail(std::move(set).error().within("could not set 'initialized' key"));
    return Route{info.package_id, Message::INIT};
  }
  if (needs_initialization)
    return fail(Code::kFailedPrecondition, "chaincode '" + chaincode +
                                               "' has not been initialized for this version, must call as init first");
  return Route{info.package_id, Message::TRANSACTION};
}

namespace {

Message run_system(SystemChaincode& chaincode, const Transaction& transaction, const protos::ChaincodeInput& input) {
  Arguments arguments(input.args().begin(), input.args().end());
  Message ended;
  ended.set_type(Message::COMPLETED);
  ended.set_txid(transaction.txid);
  ended.set_channel_id(transaction.channel_id);
  ended.set_payload(chaincode.invoke(transaction, arguments).SerializeAsString());
  return ended;
}

Result<Outcome> outcome_of(Result<Message> ended, const std::string& txid, const std::string& chaincode) {
  if (!ended) return fail(std::move(ended).error().within("failed to execute transaction " + txid));
  if (ended->type() == Message::ERROR)
    return fail(Code::kUnknown, "transaction returned with failure: " + ended->payload());
  Outcome outcome;
  if (!outcome.response.ParseFromString(ended->payload()))
    return fail(Code::kUnknown, "failed to unmarshal response for transaction " + txid +
                                    ": proto: cannot parse invalid wire-format data");
  if (ended->has_chaincode_event()) {
    outcome.event = std::move(*ended->mutable_chaincode_event());
    outcome.event->set_chaincode_id(chaincode);
    outcome.event->set_tx_id(txid);
  }
  return outcome;
}

}  // namespace

void Chaincodes::invoke(const Transaction& transaction, const std::string& chaincode, const protos::ChaincodeInput& input,
                        Ended done) {
  if (auto system = state_->system.find(chaincode); system != state_->system.end()) {
    if (input.is_init())
      return done(fail(Code::kFailedPrecondition, "invalid invocation: chaincode '" + chaincode +
                                                      "' does not require initialization but called as init"));
    return done(run_system(*system->second, transaction, input));
  }
  auto info = definition(transaction, chaincode);
  if (!info && state_->settings.development)
    LOG_ERROR(logger(), "You are attempting to perform an action other than Deploy on Chaincode that is not ready and you "
                        "are in developer mode. Did you forget to Deploy your chaincode?");
  if (!info)
    return done(fail(std::move(info).error().within("invalid invocation: [channel " + transaction.channel_id +
                                                    "] failed to get chaincode container info for " + chaincode)));
  auto route = state_->route(transaction, chaincode, input, *info);
  if (!route) return done(fail(std::move(route).error().within("invalid invocation")));
  auto session = state_->parts.launcher.launch(route->package_id);
  if (!session) return done(fail(std::move(session).error()));
  (*session)->execute(transaction, chaincode, route->type, input.SerializeAsString(), state_->timeout_of(chaincode, input),
                      [done = std::move(done)](Result<Message> ended) {
                        if (!ended) return done(fail(std::move(ended).error().within("error sending")));
                        done(std::move(ended));
                      });
}

void Chaincodes::execute(const Transaction& transaction, const std::string& chaincode, const protos::ChaincodeInput& input,
                         std::function<void(Result<Outcome>)> done) {
  invoke(transaction, chaincode, input, [&transaction, chaincode, done = std::move(done)](Result<Message> ended) {
    done(outcome_of(std::move(ended), transaction.txid, chaincode));
  });
}

void Chaincodes::invoke_from_chaincode(const Transaction& caller, const std::string& target_text,
                                       const protos::ChaincodeInput& input, Ended done) {
  Target target = parse_target(target_text);
  if (target.channel.empty()) target.channel = caller.channel_id;
  LOG_DEBUG(logger(), "[{}] C-call-C {} on channel {}", std::string_view(caller.txid).substr(0, 8),
            escape(target.chaincode, 100), escape(target.channel, 100));
  if (!is_system(target.chaincode)) {
    auto allowed = state_->parts.access(std::string(policy::resource::kPeerChaincodeToChaincode), target.channel,
                                        caller.creator);
    if (!allowed) {
      LOG_ERROR(logger(), "[{}] C-call-C {} on channel {} failed check ACL: [{}]",
                std::string_view(caller.txid).substr(0, 8), escape(target.chaincode, 100),
                escape(target.channel, 100), to_string(allowed.error()));
      return done(fail(std::move(allowed).error()));
    }
  }
  struct Nested {
    Transaction transaction;
    std::shared_ptr<Channel> channel;
    std::unique_ptr<ledger::TxSimulator> simulator;
  };
  auto nested = std::make_shared<Nested>(Nested{caller, nullptr, nullptr});
  if (target.channel != caller.channel_id) {
    nested->channel = state_->parts.channels.find(target.channel);
    if (!nested->channel) return done(fail(Code::kNotFound, "failed to find ledger for channel: " + target.channel));
    nested->simulator = nested->channel->new_simulator(caller.txid);
    nested->transaction.channel_id = target.channel;
    nested->transaction.bundle = nested->channel->bundle();
    nested->transaction.simulator = nested->simulator.get();
    nested->transaction.ledger = &nested->channel->ledger();
  }
  protos::ChaincodeInput decorated = input;
  decorated.clear_decorations();
  for (const auto& [name, value] : caller.decorations) (*decorated.mutable_decorations())[name] = value;
  invoke(nested->transaction, target.chaincode, decorated, [nested, done = std::move(done)](Result<Message> ended) {
    if (!ended) return done(fail(std::move(ended).error().within("execute failed")));
    done(std::move(ended));
  });
}

}  // namespace selvage::chaincode
