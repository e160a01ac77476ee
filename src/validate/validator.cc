#include "validate/validator.h"

#include <fmt/format.h>

#include <chrono>
#include <unordered_set>

#include "base/log.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "validate/endorsement_check.h"
#include "validate/policy_cache.h"
#include "validate/transaction_check.h"
#include "wire/marshal.h"

namespace selvage::validate {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("committer.txvalidator");
  return instance;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The configuration after a config transaction, by everything that a peer asks of it.
Result<channel::BundlePtr> apply_config(BytesView config_envelope, const channel::Bundle& current) {
  ::common::ConfigEnvelope next;
  if (!wire::parse_into(config_envelope, next)) {
    return fail(Code::kInternal, std::string("error unmarshalling config which passed initial validity checks: ") +
                                     wire::kBadWireFormat);
  }
  const auto refuse = [](const Error& error) {
    Error out = error.within("error validating config which passed initial validity checks");
    out.code = Code::kInternal;
    return fail(std::move(out));
  };
  if (auto follows = current.check_next(next); !follows) return refuse(follows.error());
  auto bundle = channel::Bundle::from_config(current.channel_id(), next.config());
  if (!bundle) return refuse(bundle.error());
  if (auto successor = current.check_successor(**bundle); !successor) return refuse(successor.error());
  if (auto supported = (*bundle)->check_capabilities(); !supported) {
    return fail(Code::kFailedPrecondition,
                fmt::format("[channel {}] incompatible: {}", current.channel_id(), supported.error().message), "",
                "the channel requires a newer release of this program");
  }
  return bundle;
}

}  // namespace

Parallel sequential() {
  return [](size_t count, const std::function<void(size_t)>& work) {
    for (size_t i = 0; i < count; i++) work(i);
  };
}

class PreparedBlock {
 public:
  std::shared_ptr<const ::common::Block> block;
  channel::BundlePtr bundle;
  std::vector<CheckedTransaction> transactions;
  double seconds = 0;
};

struct Validator::State {
  std::string channel_id;
  Parallel parallel;
  identity::SignatureMemory* signatures;
  std::shared_ptr<const plugin::Plugins> plugins;
  std::unique_ptr<PolicyCache> policies;  // of the bundle that was last used

  // Two bundles of one configuration: whoever received a config block and we who validated it made one each.
  std::pair<channel::BundlePtr, channel::BundlePtr> known_equal;
  bool same_configuration(const channel::BundlePtr& one, const channel::BundlePtr& other) {
    if (one == other || known_equal == std::pair(one, other)) return true;
    if (one->channel_id() != other->channel_id() || one->sequence() != other->sequence() ||
        wire::marshal(one->config()) != wire::marshal(other->config())) {
      return false;
    }
    known_equal = {one, other};
    return true;
  }

  PolicyCache& policies_of(const channel::BundlePtr& bundle) {
    if (!policies || policies->bundle() != bundle) policies = std::make_unique<PolicyCache>(bundle);
    return *policies;
  }
};

Validator::Validator(std::string channel_id, Parallel parallel, identity::SignatureMemory* signatures,
                     std::shared_ptr<const plugin::Plugins> plugins)
    : state_(std::make_unique<State>(State{std::move(channel_id), std::move(parallel), signatures,
                                           plugins ? std::move(plugins) : plugin::Plugins::built_in(), nullptr, {}})) {}
Validator::~Validator() = default;

std::shared_ptr<const PreparedBlock> Validator::prepare(std::shared_ptr<const ::common::Block> block,
                                                        channel::BundlePtr bundle) const {
  const auto start = std::chrono::steady_clock::now();
  auto prepared = std::make_shared<PreparedBlock>();
  prepared->transactions.resize(static_cast<size_t>(block->data().data_size()));
  state_->parallel(prepared->transactions.size(), [&](size_t index) {
    prepared->transactions[index] =
        check_transaction(block->data().data(static_cast<int>(index)), *bundle, state_->signatures);
  });
  prepared->block = std::move(block);
  prepared->bundle = std::move(bundle);
  prepared->seconds = seconds_since(start);
  return prepared;
}

Result<BlockResult> Validator::finish(std::shared_ptr<const PreparedBlock> prepared, const channel::BundlePtr& bundle,
                                      const ledger::StateView& state, const TxIdExists& exists) {
  const auto start = std::chrono::steady_clock::now();
  if (!state_->same_configuration(prepared->bundle, bundle)) prepared = prepare(prepared->block, bundle);
  if (bundle->application() == nullptr || !bundle->application()->capabilities.v2_0_validation()) {
    return fail(Code::kFailedPrecondition,
                fmt::format("[channel {}] application capability V2_0 or later is required", state_->channel_id), "",
                "update the channel's application capabilities to V2_0 or V2_5");
  }
  const uint64_t number = prepared->block->header().number();
  EndorsementCheck endorsements(state, state_->policies_of(bundle), *state_->plugins, *prepared->block);
  BlockResult result;
  result.transactions.reserve(prepared->transactions.size());
  std::unordered_set<std::string_view> valid_ids;
  for (size_t i = 0; i < prepared->transactions.size(); i++) {
    const CheckedTransaction& transaction = prepared->transactions[i];
    Verdict verdict = transaction.form;
    if (verdict.valid() && transaction.header_type == ::common::CONFIG) {
      SELVAGE_TRY(result.next_bundle, apply_config(transaction.config, *bundle));
      LOG_INFO(logger().with("channel", state_->channel_id), "Config transaction validated and applied to channel resources");
    } else if (verdict.valid()) {
      SELVAGE_TRY(const bool known, exists(transaction.tx_id));
      if (known) {
        verdict = invalid(::protos::DUPLICATE_TXID, "the ledger holds a transaction of this id");
      } else if (!transaction.content.valid()) {
        verdict = transaction.content;
      } else {
        SELVAGE_TRY(verdict, endorsements.check(transaction, i));
        if (verdict.valid() && !valid_ids.insert(transaction.tx_id).second) {
          verdict = invalid(::protos::DUPLICATE_TXID, "an earlier transaction of the block has this id");
        }
      }
    }
    if (!verdict.valid()) {
      LOG_WARN(logger(), "[{}] Invalid transaction with index {} in block [{}] txid={} code={} reason=\"{}\"",
               state_->channel_id, i, number, escape(transaction.tx_id), ::protos::TxValidationCode_Name(verdict.code),
               escape(verdict.reason, 1024));
    }
    result.transactions.push_back({static_cast<uint8_t>(verdict.code), std::move(verdict.reason), transaction.tx_id,
                                   transaction.header_type, transaction.chaincode, transaction.rw_set});
  }
  result.seconds = prepared->seconds + seconds_since(start);
  LOG_INFO(logger(), "[{}] Validated block [{}] in {}ms", state_->channel_id, number,
           static_cast<int64_t>(result.seconds * 1000));
  return result;
}

Result<BlockResult> Validator::validate(std::shared_ptr<const ::common::Block> block, const channel::BundlePtr& bundle,
                                        const ledger::StateView& state, const TxIdExists& exists) {
  return finish(prepare(std::move(block), bundle), bundle, state, exists);
}

}  // namespace selvage::validate
