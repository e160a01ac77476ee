// Chaincode definitions: how they are kept in state, and the rules by which organisations approve and commit them.
//
// Pure: state comes and goes through state_reader.h. The `_lifecycle` system chaincode (chaincode/) parses arguments,
// picks the states and calls these; the validator and the endorser read definitions with read_definition.
// Error texts are Fabric's (core/chaincode/lifecycle); codes kInvalidArgument, kNotFound, kFailedPrecondition.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "lifecycle/state_reader.h"

namespace protos {
class CollectionConfigPackage;
}
namespace selvage::policy {
class PolicyManager;
}

namespace selvage::lifecycle {

// What organisations agree on for one sequence.
struct Parameters {
  // ChaincodeEndorsementInfo
  std::string version;
  bool init_required = false;
  std::string endorsement_plugin;
  // ChaincodeValidationInfo
  std::string validation_plugin;
  Bytes validation_parameter;  // ApplicationPolicy
  // CollectionConfigPackage, marshalled; empty: none.
  Bytes collections;
};

struct Definition : Parameters {
  int64_t sequence = 0;
  [[nodiscard]] std::string to_string() const;  // for log lines, Fabric's form
};

struct ApprovedDefinition : Definition {
  std::string package_id;  // empty: "unavailable"
};

// What lifecycle must know of the channel. Pointers must live during the call.
struct ChannelRules {
  std::string channel_id;
  const policy::PolicyManager* policies = nullptr;
  // Application organisations: group name -> MSP id.
  std::map<std::string, std::string> orgs;
};

// nullopt: not defined. `_lifecycle` itself is always defined (empty definition).
[[nodiscard]] Result<std::optional<Definition>> read_definition(std::string_view chaincode, const StateReader& state);
// 0 when never committed.
[[nodiscard]] Result<int64_t> read_sequence(std::string_view chaincode, const StateReader& state);

// Fills in plugins "escc" and "vscc" and the channel's default endorsement policy.
[[nodiscard]] Status set_defaults(const ChannelRules& channel, Definition& definition);

// Writes this organisation's approval into its implicit collection.
[[nodiscard]] Status approve_for_org(const ChannelRules& channel, const std::string& chaincode, Definition definition,
                                     const std::string& package_id, const StateReader& public_state,
                                     StateWriter& org_state);

struct Readiness {
  std::map<std::string, bool> approvals;                         // by MSP id
  std::map<std::string, std::vector<std::string>> mismatches;    // only for those that differ
};
// Compares hashes: needs no other organisation's private data.
[[nodiscard]] Result<Readiness> check_commit_readiness(const ChannelRules& channel, const std::string& chaincode,
                                                       Definition definition, const StateReader& public_state,
                                                       const std::vector<const HashReader*>& org_states);
// The same against any sequence, without the check of the current one (used for QueryChaincodeDefinition's approvals).
[[nodiscard]] Result<Readiness> query_org_approvals(const std::string& chaincode, const Definition& definition,
                                                    const std::vector<const HashReader*>& org_states);
// check_commit_readiness, then writes the definition. The caller refuses when its own organisation has not approved.
[[nodiscard]] Result<Readiness> commit_definition(const ChannelRules& channel, const std::string& chaincode,
                                                  Definition definition, StateWriter& public_state,
                                                  const std::vector<const HashReader*>& org_states);

// kNotFound "namespace <name> is not defined".
[[nodiscard]] Result<Definition> query_definition(const std::string& chaincode, const StateReader& public_state);
// Namespace -> type ("Chaincode").
[[nodiscard]] Result<std::map<std::string, std::string>> query_namespaces(const RangeReader& public_state);
// sequence 0: the newest.
[[nodiscard]] Result<ApprovedDefinition> query_approved(const ChannelRules& channel, const std::string& chaincode,
                                                        int64_t sequence, const StateReader& public_state,
                                                        const StateReader& org_state);
// "<chaincode>#<sequence>" -> definition.
[[nodiscard]] Result<std::map<std::string, ApprovedDefinition>> query_all_approved(const ChannelRules& channel,
                                                                                   const RangeReader& org_state);
// Whether our own organisation approved exactly this committed definition, and with which package. Reads hashes only, so
// that it answers on peers that lack the private data: compare package_hash with package_state_hash(id) of each package
// that is installed. Fabric quirk: core/chaincode/lifecycle/cache.go update.
struct LocalApproval {
  bool approved = false;
  bool has_package = false;  // approved with a package of ours, or with none ("unavailable", equals that of "")
  Bytes package_hash;
};
[[nodiscard]] Result<LocalApproval> read_local_approval(const std::string& chaincode, const Definition& committed,
                                                        const HashReader& org_hashes);
// SHA-256 of the state value that names this package in an organisation's approval.
[[nodiscard]] Bytes package_state_hash(const std::string& package_id);

// Endorsement policy of `_lifecycle` on the channel, as ApplicationPolicy bytes.
[[nodiscard]] Result<Bytes> lifecycle_endorsement_policy(const ChannelRules& channel);
// Of an organisation's implicit collection. kNotFound "no org found in channel with MSPID 'X'" (a validation error).
[[nodiscard]] Result<Bytes> implicit_collection_endorsement_policy(const ChannelRules& channel, std::string_view mspid);

// Name, version and collections as `_lifecycle` checks its arguments before anything else.
[[nodiscard]] Status check_chaincode_name(std::string_view name, const std::set<std::string, std::less<>>& system_chaincodes);
[[nodiscard]] Status check_chaincode_version(std::string_view version);

}  // namespace selvage::lifecycle
