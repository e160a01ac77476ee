// Do the endorsers of a transaction satisfy every policy over what it writes? The policy of the chaincode, of a collection,
// or of the key itself. Private to validate/. One block, one thread, transactions in order.
//
// Fabric quirk: core/common/validation/statebased (v20). A key with a parameter of its own is judged by that alone; a
// parameter that an earlier transaction of the same block writes makes the later one invalid.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "base/result.h"
#include "ledger/state/state_view.h"
#include "lifecycle/definition.h"
#include "plugin/plugins.h"
#include "validate/policy_cache.h"
#include "validate/transaction_check.h"
#include "validate/verdict.h"

namespace common {
class Block;
}

namespace selvage::validate {

class EndorsementCheck {
 public:
  // All outlive it. `block` is the one that the transactions are of.
  EndorsementCheck(const ledger::StateView& state, PolicyCache& policies, const plugin::Plugins& plugins,
                   const ::common::Block& block);

  // kVALID, INVALID_CHAINCODE or ENDORSEMENT_POLICY_FAILURE of the transaction at that position of the block. An error: no
  // code can be given; kAborted where it is a plugin that cannot.
  [[nodiscard]] Result<Verdict> check(const CheckedTransaction& transaction, size_t position);

 private:
  // What guards a chaincode's writes; not set: no such chaincode.
  struct Guard {
    lifecycle::Definition definition;
    std::string plugin;
    Bytes policy;
  };
  class Evaluation;  // one namespace of one transaction
  class PluginHost;  // the same, for a plugin
  // By the built-in plugin.
  [[nodiscard]] Result<Verdict> check_writes(const CheckedTransaction& transaction, const std::string& chaincode,
                                             const Guard& guard);
  [[nodiscard]] Result<Verdict> ask_plugin(plugin::ValidationPlugin& plugin, const CheckedTransaction& transaction,
                                           size_t position, const std::string& chaincode, const Guard& guard);
  [[nodiscard]] Result<const std::optional<Guard>*> guard_of(const std::string& chaincode);
  // Empty: the key has no parameter of its own.
  [[nodiscard]] Result<Bytes> key_policy(const std::string& chaincode, const std::string& collection, const std::string& key);
  void remember_parameters(const ledger::NamespaceRwSet& ns);

  const ledger::StateView& state_;
  PolicyCache& policies_;
  const plugin::Plugins& plugins_;
  const ::common::Block& block_;
  Bytes block_bytes_;  // made for the first plugin that is asked
  lifecycle::ChannelRules rules_;
  std::map<std::string, std::optional<Guard>> guards_;
  std::set<std::tuple<std::string, std::string, std::string>> changed_parameters_;  // namespace, collection, key
};

}  // namespace selvage::validate
