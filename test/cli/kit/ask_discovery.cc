// Asks a peer's discovery service what `discover` has no flags for: one query a line, as protobuf's JSON, answered by one line.
//
//   ask_discovery <peer> <peer's CA> <TLS certificate> <TLS key> <MSP id> <certificate> <key> <channel>
//
// {"ccQuery": {"interests": [...]}} is answered with what `discover endorsers` shows, or with {"error": "..."}.
#include <google/protobuf/util/json_util.h>

#include <iostream>

#include "nlohmann/json.hpp"
#include "tools/discover/rendering.h"
#include "tools/discover/requests_client.h"

namespace selvage::tools::discover {
namespace {

nlohmann::json answer_of(const ::discovery::Response& response) {
  if (response.results_size() != 1) return {{"error", "no result"}};
  const auto& result = response.results(0);
  if (result.has_error()) return {{"error", result.error().content()}};
  if (result.has_cc_query_res()) return nlohmann::json::parse(show_endorsers(result.cc_query_res()));
  if (result.has_members()) return nlohmann::json::parse(show_peers(result.members(), true));
  return {{"error", "another kind of result"}};
}

Result<nlohmann::json> ask(const Settings& settings, char** arguments, const std::string& line) {
  ::discovery::Request request;
  auto& query = *request.add_queries();
  if (const auto parsed = google::protobuf::util::JsonStringToMessage(line, &query); !parsed.ok()) {
    return fail(Code::kInvalidArgument, parsed.ToString());
  }
  query.set_channel(arguments[8]);
  SELVAGE_TRY(const auto response, send(settings, arguments[1], std::move(request)));
  return answer_of(response);
}

int run(char** arguments) {
  Settings settings;
  settings.peer_tls_ca = arguments[2];
  settings.tls_certificate = arguments[3];
  settings.tls_key = arguments[4];
  settings.mspid = arguments[5];
  settings.certificate = arguments[6];
  settings.key = arguments[7];
  for (std::string line; std::getline(std::cin, line);) {
    const auto answer = ask(settings, arguments, line);
    if (!answer) {
      std::cerr << to_string(answer.error()) << std::endl;
      return 1;
    }
    std::cout << answer->dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace selvage::tools::discover

int main(int count, char** arguments) { return count == 9 ? selvage::tools::discover::run(arguments) : 2; }
