// The channel participation API: what each request means and how it is answered. Pure but for what the registrar does;
// participation_service.h brings the requests from HTTP.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "order/registrar.h"

namespace selvage::order {

struct ParticipationPart {
  std::string name;
  bool is_file = false;
  Bytes body;
};

struct ParticipationRequest {
  std::string method;
  std::string path;          // decoded, "/participation/v1/channels/ch1"
  std::string accept;        // as sent; may be empty
  std::string content_type;  // as sent
  // Of a multipart body; the error when it is none.
  Result<std::vector<ParticipationPart>> form = std::vector<ParticipationPart>{};
};

struct ParticipationResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;
};

inline constexpr std::string_view kParticipationBase = "/participation/v1/";

[[nodiscard]] ParticipationResponse answer(const ParticipationRequest& request, Registrar& registrar);

// The channel of a block that may be joined. Errors: kInvalidArgument with Fabric's words.
[[nodiscard]] Result<std::string> check_join_block(const common::Block& block);
// The channel of an envelope that may update one.
[[nodiscard]] Result<std::string> check_update_envelope(const common::Envelope& envelope);

}  // namespace selvage::order
