// A peer's answer to a discovery request, as `discover` shows it: whatever the peer says, what is printed is JSON.
#include <nlohmann/json.hpp>

#include "discovery/protocol.pb.h"
#include "input.h"
#include "tools/discover/rendering.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  wire::route_protobuf_log();
  ::discovery::Response response;
  if (!wire::parse_into(fuzz::view_of(bytes, size), response)) return 0;
  for (const auto& result : response.results()) {
    if (result.has_config_result()) {
      fuzz::expect(nlohmann::json::accept(tools::discover::show_config(result.config_result())));
    }
    if (result.has_members()) {
      for (const bool of_channel : {false, true}) {
        const auto shown = nlohmann::json::parse(tools::discover::show_peers(result.members(), of_channel));
        size_t peers = 0;
        for (const auto& [org, of_org] : result.members().peers_by_org())
          peers += static_cast<size_t>(of_org.peers_size());
        fuzz::expect(shown.is_null() ? peers == 0 : shown.size() == peers);
      }
    }
    if (result.has_cc_query_res()) {
      const auto shown = nlohmann::json::parse(tools::discover::show_endorsers(result.cc_query_res()));
      fuzz::expect(shown.is_null() ? result.cc_query_res().content().empty()
                                   : shown.size() == static_cast<size_t>(result.cc_query_res().content_size()));
    }
  }
  return 0;
}
