// Endorse, order and wait: the way of invoke, approveformyorg and commit alike.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "tools/peer/session_client.h"

namespace selvage::tools::peer {

// Opens DeliverFiltered streams to the endorsers before anything is sent, then broadcasts, then waits.
struct Submission {
  std::string channel_id;
  const Session::Proposed* proposed = nullptr;
  std::vector<::protos::ProposalResponse> responses;
  std::optional<std::chrono::milliseconds> wait;  // none: do not wait for the commit
  std::string assemble_error;                     // the command's words: "could not assemble transaction"
  std::string send_error;                         // "error sending transaction for invoke"
  std::string send_suffix, wait_suffix;           // appended to errors until the envelope is sent, and from waiting
};

// Logs "txid [...] committed with status (VALID) at <address>" for each peer.
[[nodiscard]] Status submit(Session& session, const std::vector<client::EndorserClient>& endorsers,
                            client::BroadcastClient& broadcast, const Submission& submission);

}  // namespace selvage::tools::peer
