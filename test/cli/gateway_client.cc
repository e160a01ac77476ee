// Calls through a peer's gateway as a test says them: one JSON object a line in, one out.
//
//   gateway_client setup.json
//   {"step": "x", "do": "submit", "chaincode": "cc", "arguments": ["put", "k", "1"]}    -> {"step": "x", "answer": "..."}
//   do: submit (until it is committed), endorse, evaluate; commit: the status of a transaction that never was; events: the
//   name of the chaincode's next event. "organizations", "channel" and "timeout_ms" are optional.
//   A failure: {"step": "x", "code": "Unavailable", "error": "...", "details": ["address (MSP id): message", ...]}
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/gateway/gateway_client.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "identity/signer.h"
#include "tls/files_service.h"

namespace selvage {
namespace {

using nlohmann::json;

std::string content_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

Result<wire::Signer> user_of(const json& setup) {
  const auto content = [&](const char* name) { return content_of(setup.at(name).get<std::string>()); };
  SELVAGE_TRY(auto certificate, crypto::Certificate::from_pem(content("Certificate")));
  SELVAGE_TRY(auto key, crypto::PrivateKey::from_pem(content("Key")));
  SELVAGE_TRY(auto user, identity::SigningIdentity::make(setup.at("MSPID").get<std::string>(), std::move(certificate),
                                                         std::move(key)));
  return wire::signer_of(std::move(user));
}

Result<client::Gateway> connect(const json& setup, const wire::Signer& user, client::GatewaySettings settings) {
  const auto text = [&](const char* name) { return setup.at(name).get<std::string>(); };
  SELVAGE_TRY(auto pair, tls::load_credentials({text("TLSCertificate"), Origin{"TLSCertificate", "", 0}, text("TLSKey"),
                                                Origin{"TLSKey", "", 0}}));
  const client::Dialer dialer(std::make_shared<tls::CredentialStore>(std::move(pair)));
  client::Target peer;
  peer.address = text("Address");
  SELVAGE_TRY(peer.trust, client::trust_file(text("TLSRoot"), Origin{"TLSRoot", "", 0}));
  return client::Gateway::connect(dialer, peer, user, settings);
}

Result<Bytes> wait_for_commit(const client::Gateway& gateway, const wire::Signer& user, const std::string& channel) {
  ::gateway::CommitStatusRequest request;
  request.set_channel_id(channel);
  request.set_transaction_id(std::string(64, '0'));
  request.set_identity(user.serialized);
  ::gateway::SignedCommitStatusRequest signed_request;
  signed_request.set_request(request.SerializeAsString());
  SELVAGE_TRY(auto signature, user.sign(signed_request.request()));
  SELVAGE_TRY(auto commit, gateway.signed_commit(signed_request.SerializeAsString(), std::move(signature)));
  SELVAGE_TRY(const auto status, commit.status());
  return ::protos::TxValidationCode_Name(status.code);
}

Result<Bytes> carry_out(const json& setup, const json& wanted) {
  client::GatewaySettings settings;
  if (wanted.contains("timeout_ms")) {
    const std::chrono::milliseconds timeout(wanted["timeout_ms"].get<int>());
    settings = {timeout, timeout, timeout, timeout};
  }
  SELVAGE_TRY(const auto user, user_of(setup));
  SELVAGE_TRY(const auto gateway, connect(setup, user, settings));
  client::Call call;
  for (const auto& one : wanted.value("arguments", json::array())) call.arguments.push_back(one.get<std::string>());
  if (!call.arguments.empty()) {
    call.function = call.arguments.front();
    call.arguments.erase(call.arguments.begin());
  }
  for (const auto& one : wanted.value("organizations", json::array())) call.organizations.push_back(one.get<std::string>());
  const auto name = [&](const char* ours, const char* usual) {
    return wanted.value(ours, setup.at(usual).get<std::string>());
  };
  const auto network = gateway.network(name("channel", "Channel"));
  const auto contract = network.contract(name("chaincode", "Chaincode"));
  const auto what = wanted.at("do").get<std::string>();
  if (what == "submit") return contract.submit(call);
  if (what == "evaluate") return contract.evaluate(call);
  if (what == "commit") return wait_for_commit(gateway, user, name("channel", "Channel"));
  if (what == "events") {
    SELVAGE_TRY(const auto events, network.chaincode_events(name("chaincode", "Chaincode")));
    SELVAGE_TRY(const auto event, events->next());
    return event ? event->name : "";
  }
  if (what != "endorse") return fail(Code::kInvalidArgument, "nothing to do: " + what);
  SELVAGE_TRY(auto proposal, contract.propose(call));
  SELVAGE_TRY(const auto transaction, proposal.endorse());
  return transaction.result();
}

int run(const std::string& setup_file) {
  const json setup = json::parse(content_of(setup_file));
  for (std::string line; std::getline(std::cin, line);) {
    const json wanted = json::parse(line);
    json said = {{"step", wanted["step"]}};
    if (const auto answer = carry_out(setup, wanted)) {
      said["answer"] = *answer;
    } else {
      said["code"] = name_of(answer.error().code);
      said["error"] = answer.error().message;
      said["details"] = json::array();
      std::istringstream details(answer.error().cause);
      for (std::string detail; std::getline(details, detail);) said["details"].push_back(detail);
    }
    std::cout << said.dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace selvage

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "gateway_client SETUP.json\n";
    return 2;
  }
  return selvage::run(argv[1]);
}
