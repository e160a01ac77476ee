// configtxlator's REST server: the same translations over HTTP.
//
//   POST /protolator/encode/{message}   JSON -> protobuf
//   POST /protolator/decode/{message}   protobuf -> JSON
//   POST /configtxlator/compute/update-from-configs   multipart form: files "original" and "updated", value "channel"
//
// Plain HTTP and open to all, as upstream's. Fabric quirk: internal/configtxlator/rest; CORS is gorilla/handlers'.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace selvage::tools::configtxlator {

struct RestSettings {
  std::string listen_address;
  std::vector<std::string> cors_origins;  // --CORS; empty: no CORS headers at all
};

// The answer to one request. Any thread.
[[nodiscard]] http::Response answer(const http::Request& request, const std::vector<std::string>& cors_origins);

// Serves until the process ends. Comes back with an error only: the address is taken.
[[nodiscard]] Status serve_rest(const RestSettings& settings);

}  // namespace selvage::tools::configtxlator
