#include "chaincode/system/lifecycle_scc.h"

#include <set>

#include "base/log.h"
#include "base/utf8.h"
#include "chaincode/system/simulator_state.h"
#include "channel/bundle.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "lifecycle/package.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/lifecycle.pb.h"
#include "wire/marshal.h"

namespace selvage::chaincode {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("lifecycle");
  return instance;
}

const std::set<std::string, std::less<>>& system_names() {
  static const std::set<std::string, std::less<>> names = {"cscc", "escc", "lscc", "qscc", "vscc"};
  return names;
}

// Arguments of approve, check and commit have the same fields.
template <class Args>
lifecycle::Definition definition_of(const Args& args) {
  lifecycle::Definition out;
  out.sequence = args.sequence();
  out.version = args.version();
  out.init_required = args.init_required();
  out.endorsement_plugin = args.endorsement_plugin();
  out.validation_plugin = args.validation_plugin();
  out.validation_parameter = args.validation_parameter();
  if (args.has_collections()) out.collections = args.collections().SerializeAsString();
  return out;
}

template <class Answer>
void fill(const lifecycle::Definition& definition, Answer* answer) {
  answer->set_sequence(definition.sequence);
  answer->set_version(definition.version);
  answer->set_init_required(definition.init_required);
  answer->set_endorsement_plugin(definition.endorsement_plugin);
  answer->set_validation_plugin(definition.validation_plugin);
  answer->set_validation_parameter(definition.validation_parameter);
  // Definitions come out of state, where only parsed packages were put. Fabric quirk: the field is there without
  // collections too (serializer.go makes an empty message of no bytes), and `-O json` shows it.
  answer->mutable_collections()->ParseFromString(definition.collections);
}

::lifecycle::ChaincodeSource source_of(const std::string& package_id) {
  ::lifecycle::ChaincodeSource source;
  if (package_id.empty())
    source.mutable_unavailable();
  else
    source.mutable_local_package()->set_package_id(package_id);
  return source;
}

class LifecycleScc final : public SystemChaincode {
 public:
  explicit LifecycleScc(LifecycleParts parts) : parts_(std::move(parts)) {}
  std::string_view name() const override { return lifecycle::kNamespace; }
  protos::Response invoke(const Transaction& transaction, const Arguments& arguments) override;

 private:
  using Answer = Result<Bytes>;

  template <class Args>
  Result<Args> parse(const char* function, BytesView bytes) const {
    Args args;
    if (args.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return args;
    return fail(Code::kInvalidArgument, std::string("could not decode input arg for *lifecycle.Invocation.") + function +
                                            ": " + wire::kBadWireFormat);
  }
  Answer dispatch(const Transaction& transaction, const std::string& function, BytesView input);
  Answer install(BytesView input);
  Answer query_installed(BytesView input);
  Answer query_all_installed();
  Answer get_package(BytesView input);
  Answer approve(const Transaction& transaction, BytesView input);
  Answer query_approved(const Transaction& transaction, BytesView input);
  Answer query_all_approved(const Transaction& transaction);
  Answer check_readiness(const Transaction& transaction, BytesView input);
  Answer commit(const Transaction& transaction, BytesView input);
  Answer query_definition(const Transaction& transaction, BytesView input);
  Answer query_definitions(const Transaction& transaction);

  Status check_input(const Transaction& transaction, const std::string& chaincode, const std::string& version,
                     const protos::CollectionConfigPackage& collections);
  static lifecycle::ChannelRules rules_of(const Transaction& transaction);
  static Result<std::vector<OrgHashes>> org_hashes(const Transaction& transaction);

  LifecycleParts parts_;
};

std::vector<const lifecycle::HashReader*> pointers(const std::vector<OrgHashes>& hashes) {
  std::vector<const lifecycle::HashReader*> out;
  for (const OrgHashes& one : hashes) out.push_back(&one);
  return out;
}

protos::Response LifecycleScc::invoke(const Transaction& transaction, const Arguments& arguments) {
  if (arguments.empty()) return failure("lifecycle scc must be invoked with arguments");
  if (arguments.size() != 2)
    return failure("lifecycle scc operations require exactly two arguments but received " +
                   std::to_string(arguments.size()));
  const std::string& channel_id = transaction.channel_id;
  if (!channel_id.empty()) {
    if (!transaction.bundle) return failure("could not get channelconfig for channel '" + channel_id + "'");
    const auto* application = transaction.bundle->application();
    if (!application) return failure("could not get application config for channel '" + channel_id + "'");
    if (!application->capabilities.lifecycle_v2_0())
      return failure("cannot use new lifecycle for channel '" + channel_id +
                     "' as it does not have the required capabilities enabled");
  }
  const std::string& function = arguments[0];
  if (auto allowed = parts_.access("_lifecycle/" + function, channel_id, transaction.creator); !allowed)
    return failure("Failed to authorize invocation due to failed ACL check: " + allowed.error().message);
  Answer answer = dispatch(transaction, function, arguments[1]);
  if (answer) return success(std::move(*answer));
  if (answer.error().code == Code::kNotFound && function == "QueryChaincodeDefinition") {
    protos::Response response;
    response.set_status(404);
    response.set_message(to_utf8(answer.error().message));
    return response;
  }
  if (!answer.error().hint.empty() || !answer.error().cause.empty())
    LOG_INFO(logger(), "{} failed: {}", function, to_string(answer.error()));
  return failure("failed to invoke backing implementation of '" + function + "': " + answer.error().message);
}

LifecycleScc::Answer LifecycleScc::dispatch(const Transaction& transaction, const std::string& function,
                                            BytesView input) {
  if (function == "InstallChaincode") return install(input);
  if (function == "QueryInstalledChaincode") return query_installed(input);
  if (function == "QueryInstalledChaincodes") return query_all_installed();
  if (function == "GetInstalledChaincodePackage") return get_package(input);
  static const std::set<std::string, std::less<>> kOnChannel = {
      "ApproveChaincodeDefinitionForMyOrg", "QueryApprovedChaincodeDefinition", "QueryApprovedChaincodeDefinitions",
      "CheckCommitReadiness",               "CommitChaincodeDefinition",        "QueryChaincodeDefinition",
      "QueryChaincodeDefinitions"};
  if (!kOnChannel.contains(function))
    return fail(Code::kUnimplemented, "receiver *lifecycle.Invocation." + escape(function, 100) + " does not exist");
  if (!transaction.simulator) {
    if (function == "ApproveChaincodeDefinitionForMyOrg" || function == "CommitChaincodeDefinition")
      return fail(Code::kFailedPrecondition,
                  "error validating chaincode definition: could not get channelconfig for channel ''");
    return fail(Code::kFailedPrecondition, "no application config for channel '" + transaction.channel_id + "'");
  }
  if (function == "ApproveChaincodeDefinitionForMyOrg") return approve(transaction, input);
  if (function == "QueryApprovedChaincodeDefinition") return query_approved(transaction, input);
  if (function == "QueryApprovedChaincodeDefinitions") return query_all_approved(transaction);
  if (function == "CheckCommitReadiness") return check_readiness(transaction, input);
  if (function == "CommitChaincodeDefinition") return commit(transaction, input);
  if (function == "QueryChaincodeDefinition") return query_definition(transaction, input);
  return query_definitions(transaction);
}

lifecycle::ChannelRules LifecycleScc::rules_of(const Transaction& transaction) {
  lifecycle::ChannelRules rules;
  rules.channel_id = transaction.channel_id;
  rules.policies = &transaction.bundle->policies();
  for (const auto& [name, org] : transaction.bundle->application()->orgs) rules.orgs.emplace(name, org.mspid());
  return rules;
}

Result<std::vector<OrgHashes>> LifecycleScc::org_hashes(const Transaction& transaction) {
  std::vector<OrgHashes> out;
  for (const auto& [name, org] : transaction.bundle->application()->orgs)
    out.emplace_back(*transaction.simulator, org.mspid());
  return out;
}

LifecycleScc::Answer LifecycleScc::install(BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::InstallChaincodeArgs>("InstallChaincode", input));
  const Bytes& bytes = args.chaincode_install_package();
  auto package = lifecycle::parse_package(bytes);
  if (!package) return fail(std::move(package).error().within("could not parse as a chaincode install package"));
  const std::string& label = package->metadata.label;
  std::string id = lifecycle::package_id(label, bytes);
  if (parts_.packages.has(id))
    return fail(Code::kAlreadyExists, "chaincode already successfully installed (package ID '" + id + "')");
  // Built before it is kept: a package that cannot run here leaves nothing behind.
  if (auto runs = parts_.build(id, bytes); !runs)
    return fail(std::move(runs).error().within("could not build chaincode"));
  auto saved = parts_.packages.save(label, bytes);
  if (!saved) return fail(std::move(saved).error().within("could not save cc install package"));
  parts_.definitions.package_installed(id);
  LOG_INFO(logger(), "Successfully installed chaincode with package ID '{}'", id);
  ::lifecycle::InstallChaincodeResult result;
  result.set_label(label);
  result.set_package_id(id);
  return result.SerializeAsString();
}

LifecycleScc::Answer LifecycleScc::query_installed(BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::QueryInstalledChaincodeArgs>("QueryInstalledChaincode", input));
  const std::string& id = args.package_id();
  if (!parts_.packages.has(id))
    return fail(Code::kNotFound, "could not find chaincode with package id '" + id + "'");
  ::lifecycle::QueryInstalledChaincodeResult result;
  result.set_package_id(id);
  result.set_label(id.substr(0, id.rfind(':')));
  SELVAGE_TRY(auto references, parts_.definitions.references(id));
  for (const auto& reference : references) {
    auto* one = (*result.mutable_references())[reference.channel_id].add_chaincodes();
    one->set_name(reference.chaincode);
    one->set_version(reference.version);
  }
  return wire::marshal(result);
}

LifecycleScc::Answer LifecycleScc::query_all_installed() {
  SELVAGE_TRY(auto installed, parts_.packages.list());
  ::lifecycle::QueryInstalledChaincodesResult result;
  for (const auto& package : installed) {
    auto* out = result.add_installed_chaincodes();
    out->set_package_id(package.package_id);
    out->set_label(package.label);
    SELVAGE_TRY(auto references, parts_.definitions.references(package.package_id));
    for (const auto& reference : references) {
      auto* one = (*out->mutable_references())[reference.channel_id].add_chaincodes();
      one->set_name(reference.chaincode);
      one->set_version(reference.version);
    }
  }
  return wire::marshal(result);
}

LifecycleScc::Answer LifecycleScc::get_package(BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::GetInstalledChaincodePackageArgs>("GetInstalledChaincodePackage", input));
  auto bytes = parts_.packages.load(args.package_id());
  if (!bytes) return fail(std::move(bytes).error().within("could not load cc install package"));
  ::lifecycle::GetInstalledChaincodePackageResult result;
  result.set_chaincode_install_package(std::move(*bytes));
  return result.SerializeAsString();
}

Status LifecycleScc::check_input(const Transaction& transaction, const std::string& chaincode,
                                 const std::string& version, const protos::CollectionConfigPackage& collections) {
  SELVAGE_CHECK(lifecycle::check_chaincode_name(chaincode, system_names()));
  SELVAGE_CHECK(lifecycle::check_chaincode_version(version));
  SELVAGE_CHECK(lifecycle::check_collections(collections, *transaction.bundle->msps()));
  auto committed = lifecycle::read_definition(chaincode, PublicState(*transaction.simulator));
  if (!committed)
    return fail(std::move(committed).error().within("could not retrieve committed definition for chaincode '" +
                                                    chaincode + "': could not get info about chaincode"));
  if (!*committed) {
    // Fabric quirk: a chaincode that is not defined is looked for in the legacy lifecycle, and that read is part of the
    // read set (core/scc/lscc/deployedcc_infoprovider.go ChaincodeInfo). Endorsers must agree on it.
    SELVAGE_CHECK(transaction.simulator->get_state("lscc", chaincode));
    return {};
  }
  protos::CollectionConfigPackage old;
  if (!old.ParseFromString((*committed)->collections))
    return fail(Code::kDataLoss, "committed collections of chaincode '" + chaincode + "' do not parse");
  return lifecycle::check_collections_against_committed(collections, old);
}

LifecycleScc::Answer LifecycleScc::approve(const Transaction& transaction, BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs>("ApproveChaincodeDefinitionForMyOrg",
                                                                                    input));
  if (auto good = check_input(transaction, args.name(), args.version(), args.collections()); !good)
    return fail(std::move(good).error().within("error validating chaincode definition"));
  std::string package_id = args.source().has_local_package() ? args.source().local_package().package_id() : "";
  OrgState org(*transaction.simulator, parts_.our_mspid);
  SELVAGE_CHECK(lifecycle::approve_for_org(rules_of(transaction), args.name(), definition_of(args), package_id,
                                           PublicState(*transaction.simulator), org));
  return ::lifecycle::ApproveChaincodeDefinitionForMyOrgResult().SerializeAsString();
}

LifecycleScc::Answer LifecycleScc::query_approved(const Transaction& transaction, BytesView input) {
  SELVAGE_TRY(auto args,
              parse<::lifecycle::QueryApprovedChaincodeDefinitionArgs>("QueryApprovedChaincodeDefinition", input));
  SELVAGE_TRY(auto approved, lifecycle::query_approved(rules_of(transaction), args.name(), args.sequence(),
                                                       PublicState(*transaction.simulator),
                                                       OrgState(*transaction.simulator, parts_.our_mspid)));
  ::lifecycle::QueryApprovedChaincodeDefinitionResult result;
  fill(approved, &result);
  *result.mutable_source() = source_of(approved.package_id);
  return result.SerializeAsString();
}

LifecycleScc::Answer LifecycleScc::query_all_approved(const Transaction& transaction) {
  SELVAGE_TRY(auto all, lifecycle::query_all_approved(rules_of(transaction),
                                                      OrgRange(*transaction.simulator, parts_.our_mspid)));
  ::lifecycle::QueryApprovedChaincodeDefinitionsResult result;
  for (const auto& [private_name, approved] : all) {
    auto* one = result.add_approved_chaincode_definitions();
    one->set_name(private_name.substr(0, private_name.rfind('#')));
    fill(approved, one);
    *one->mutable_source() = source_of(approved.package_id);
  }
  return result.SerializeAsString();
}

LifecycleScc::Answer LifecycleScc::check_readiness(const Transaction& transaction, BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::CheckCommitReadinessArgs>("CheckCommitReadiness", input));
  SELVAGE_TRY(auto hashes, org_hashes(transaction));
  SELVAGE_TRY(auto ready, lifecycle::check_commit_readiness(rules_of(transaction), args.name(), definition_of(args),
                                                            PublicState(*transaction.simulator), pointers(hashes)));
  ::lifecycle::CheckCommitReadinessResult result;
  for (const auto& [org, approved] : ready.approvals) (*result.mutable_approvals())[org] = approved;
  for (const auto& [org, items] : ready.mismatches) {
    auto& out = (*result.mutable_mismatches())[org];
    for (const auto& item : items) out.add_items(item);
  }
  return wire::marshal(result);
}

LifecycleScc::Answer LifecycleScc::commit(const Transaction& transaction, BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::CommitChaincodeDefinitionArgs>("CommitChaincodeDefinition", input));
  if (auto good = check_input(transaction, args.name(), args.version(), args.collections()); !good)
    return fail(std::move(good).error().within("error validating chaincode definition"));
  auto rules = rules_of(transaction);
  bool member = false;
  for (const auto& [name, mspid] : rules.orgs) member = member || mspid == parts_.our_mspid;
  if (!member)
    return fail(Code::kFailedPrecondition,
                "impossibly, this peer's org is processing requests for a channel it is not a member of");
  SELVAGE_TRY(auto hashes, org_hashes(transaction));
  lifecycle::Definition definition = definition_of(args);
  PublicState state(*transaction.simulator);
  SELVAGE_TRY(auto ready,
              lifecycle::commit_definition(rules, args.name(), definition, state, pointers(hashes)));
  if (auto ours = ready.approvals.find(parts_.our_mspid); ours == ready.approvals.end() || !ours->second)
    return fail(Code::kFailedPrecondition, "chaincode definition not agreed to by this org (" + parts_.our_mspid + ")");
  LOG_INFO(logger(), "Successfully endorsed commit for chaincode name '{}' on channel '{}' with definition {{{}}}",
           args.name(), transaction.channel_id, definition.to_string());
  return ::lifecycle::CommitChaincodeDefinitionResult().SerializeAsString();
}

LifecycleScc::Answer LifecycleScc::query_definition(const Transaction& transaction, BytesView input) {
  SELVAGE_TRY(auto args, parse<::lifecycle::QueryChaincodeDefinitionArgs>("QueryChaincodeDefinition", input));
  SELVAGE_TRY(auto definition, lifecycle::query_definition(args.name(), PublicState(*transaction.simulator)));
  SELVAGE_TRY(auto hashes, org_hashes(transaction));
  auto approvals = lifecycle::query_org_approvals(args.name(), definition, pointers(hashes));
  if (!approvals) return fail(Code::kInternal, approvals.error().message);
  ::lifecycle::QueryChaincodeDefinitionResult result;
  fill(definition, &result);
  for (const auto& [org, approved] : approvals->approvals) (*result.mutable_approvals())[org] = approved;
  return wire::marshal(result);
}

LifecycleScc::Answer LifecycleScc::query_definitions(const Transaction& transaction) {
  SELVAGE_TRY(auto namespaces, lifecycle::query_namespaces(PublicRange(*transaction.simulator)));
  ::lifecycle::QueryChaincodeDefinitionsResult result;
  for (const auto& [name, type] : namespaces) {
    if (type != lifecycle::kFriendlyChaincodeType) continue;
    SELVAGE_TRY(auto definition, lifecycle::query_definition(name, PublicState(*transaction.simulator)));
    auto* one = result.add_chaincode_definitions();
    one->set_name(name);
    fill(definition, one);
  }
  return result.SerializeAsString();
}

}  // namespace

std::unique_ptr<SystemChaincode> make_lifecycle_scc(LifecycleParts parts) {
  return std::make_unique<LifecycleScc>(std::move(parts));
}

}  // namespace selvage::chaincode
