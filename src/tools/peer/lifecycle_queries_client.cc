#include <algorithm>
#include <ostream>

#include "peer/lifecycle/lifecycle.pb.h"
#include "tools/go_text.h"
#include "tools/peer/definition_flags.h"
#include "tools/peer/lifecycle_calls_client.h"

namespace selvage::tools::peer {

using cobra::Call;

namespace {

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Result<Bytes> query(Call& call, Session& session, const std::string& channel, const char* function,
                    const google::protobuf::Message& arguments) {
  return ask_lifecycle(call, session, channel, function, arguments, "failed to endorse proposal", "query failed");
}

bool wants_json(const Call& call) {
  std::string format = call.text("output");
  for (char& c : format) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return format == "json";
}

}  // namespace

Status queryinstalled(Call& call, Session& session) {
  SELVAGE_TRY(const Bytes payload,
              query(call, session, "", "QueryInstalledChaincodes", ::lifecycle::QueryInstalledChaincodesArgs()));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryInstalledChaincodesResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Installed chaincodes on peer:\n";
  for (const auto& chaincode : result.installed_chaincodes())
    call.out() << "Package ID: " << chaincode.package_id() << ", Label: " << chaincode.label() << "\n";
  return {};
}

Status getinstalledpackage(Call& call, Session& session) {
  const std::string id = call.text("package-id");
  call.silence_usage();  // Fabric quirk: internal/peer/lifecycle/chaincode/getinstalledpackage.go, before its own check
  if (id.empty())
    return refuse("The required parameter 'package-id' is empty. Rerun the command with --package-id flag");
  ::lifecycle::GetInstalledChaincodePackageArgs arguments;
  arguments.set_package_id(id);
  SELVAGE_TRY(const Bytes payload, ask_lifecycle(call, session, "", "GetInstalledChaincodePackage", arguments,
                                                 "failed to endorse proposal", "proposal failed"));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::GetInstalledChaincodePackageResult>(payload));
  const std::string folder = call.text("output-directory");
  const std::string path = (folder.empty() ? "." : folder) + "/" + id + ".tar.gz";
  if (auto written = write_file(path, result.chaincode_install_package(), 0600); !written)
    return fail(written.error().within("failed to write chaincode package to " + path));
  return {};
}

namespace {

// Which flags a mismatch is about.
std::string describe(const std::string& item) {
  static const std::map<std::string, std::string> flags{
      {"ChaincodeParameters", "Sequence, ChaincodeName"},
      {"EndorsementInfo", "Version, InitRequired, EndorsementPlugin"},
      {"ValidationInfo", "ValidationParameter, ValidationPlugin"},
      {"Collections", "Collections"},
  };
  const auto found = flags.find(item);
  return found == flags.end() ? item : item + " (Check the " + found->second + ")";
}

}  // namespace

Status checkcommitreadiness(Call& call, Session& session) {
  ::lifecycle::CheckCommitReadinessArgs arguments;
  SELVAGE_CHECK(fill_definition(call, arguments));
  SELVAGE_CHECK(check_definition_flags(call));
  SELVAGE_TRY(const Bytes payload, query(call, session, call.text("channelID"), "CheckCommitReadiness", arguments));
  SELVAGE_TRY(auto result, result_of<::lifecycle::CheckCommitReadinessResult>(payload));
  const bool inspect = call.flag("inspect");
  if (wants_json(call)) {
    if (!inspect) result.clear_mismatches();
    for (auto& [org, mismatches] : *result.mutable_mismatches())
      for (std::string& item : *mismatches.mutable_items()) item = describe(item);
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Chaincode definition for chaincode '" << call.text("name") << "', version '" << call.text("version")
             << "', sequence '" << call.number("sequence") << "' on channel '" << call.text("channelID")
             << "' approval status by org:\n";
  const std::map<std::string, bool> approvals(result.approvals().begin(), result.approvals().end());
  for (const auto& [org, approved] : approvals) {
    call.out() << org << ": " << (approved ? "true" : "false");
    const auto mismatch = result.mismatches().find(org);
    if (inspect && mismatch != result.mismatches().end() && mismatch->second.items_size() > 0) {
      std::string items;
      for (const std::string& item : mismatch->second.items()) items += (items.empty() ? "" : ", ") + item;
      call.out() << " (mismatch: [" << items << "])";
    }
    call.out() << "\n";
  }
  return {};
}

namespace {

template <class Definition>
std::string definition_text(const Definition& definition) {
  return "Version: " + definition.version() + ", Sequence: " + std::to_string(definition.sequence()) +
         ", Endorsement Plugin: " + definition.endorsement_plugin() +
         ", Validation Plugin: " + definition.validation_plugin();
}

Status querycommitted_one(Call& call, Session& session, const std::string& channel, const std::string& name) {
  ::lifecycle::QueryChaincodeDefinitionArgs arguments;
  arguments.set_name(name);
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryChaincodeDefinition", arguments));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryChaincodeDefinitionResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  std::string approvals;
  for (const auto& [org, approved] : std::map<std::string, bool>(result.approvals().begin(), result.approvals().end()))
    approvals += (approvals.empty() ? "" : ", ") + org + ": " + (approved ? "true" : "false");
  call.out() << "Committed chaincode definition for chaincode '" << name << "' on channel '" << channel << "':\n"
             << definition_text(result) << ", Approvals: [" << approvals << "]\n";
  return {};
}

}  // namespace

Status querycommitted(Call& call, Session& session) {
  call.silence_usage();
  const std::string channel = call.text("channelID");
  if (channel.empty()) return refuse("channel name must be specified");
  if (const std::string name = call.text("name"); !name.empty())
    return querycommitted_one(call, session, channel, name);
  SELVAGE_TRY(const Bytes payload,
              query(call, session, channel, "QueryChaincodeDefinitions", ::lifecycle::QueryChaincodeDefinitionsArgs()));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryChaincodeDefinitionsResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Committed chaincode definitions on channel '" << channel << "':\n";
  for (const auto& definition : result.chaincode_definitions())
    call.out() << "Name: " << definition.name() << ", " << definition_text(definition) << "\n";
  return {};
}

namespace {

template <class Approved>
std::string approved_text(const Approved& approved) {
  return "sequence: " + std::to_string(approved.sequence()) + ", version: " + approved.version() +
         ", init-required: " + (approved.init_required() ? "true" : "false") +
         ", package-id: " + approved.source().local_package().package_id() +
         ", endorsement plugin: " + approved.endorsement_plugin() +
         ", validation plugin: " + approved.validation_plugin();
}

Status queryapproved_one(Call& call, Session& session, const std::string& channel, const std::string& name) {
  ::lifecycle::QueryApprovedChaincodeDefinitionArgs arguments;
  arguments.set_name(name);
  arguments.set_sequence(call.number("sequence"));
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryApprovedChaincodeDefinition", arguments));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryApprovedChaincodeDefinitionResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Approved chaincode definition for chaincode '" << name << "' on channel '" << channel << "':\n"
             << approved_text(result) << "\n";
  return {};
}

}  // namespace

Status queryapproved(Call& call, Session& session) {
  call.silence_usage();
  const std::string channel = call.text("channelID");
  const std::string name = call.text("name");
  if (channel.empty()) return refuse("The required parameter 'channelID' is empty. Rerun the command with -C flag");
  if (name.empty() && call.number("sequence") != 0)
    return refuse(
        "Specifying parameter 'sequence' is invalid without parameter 'name'. Rerun the command with -n flag");
  if (!name.empty()) return queryapproved_one(call, session, channel, name);
  SELVAGE_TRY(const Bytes payload, query(call, session, channel, "QueryApprovedChaincodeDefinitions",
                                         ::lifecycle::QueryApprovedChaincodeDefinitionsArgs()));
  SELVAGE_TRY(const auto result, result_of<::lifecycle::QueryApprovedChaincodeDefinitionsResult>(payload));
  if (wants_json(call)) {
    call.out() << go_json(result, "\t") << "\n";
    return {};
  }
  call.out() << "Approved chaincode definitions on channel '" << channel << "':\n";
  for (const auto& approved : result.approved_chaincode_definitions())
    call.out() << "name: " << approved.name() << ", " << approved_text(approved) << "\n";
  return {};
}

}  // namespace selvage::tools::peer
