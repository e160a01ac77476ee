// Calls of `_lifecycle` on a peer: what its commands and its queries have in common.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "tools/cobra.h"
#include "tools/peer/session_client.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {

[[nodiscard]] Result<std::vector<client::EndorserClient>> lifecycle_endorsers(cobra::Call& call, Session& session,
                                                                              bool several);
[[nodiscard]] Result<Session::Proposed> propose_lifecycle(Session& session, const std::string& channel,
                                                          const char* function,
                                                          const google::protobuf::Message& arguments);

// One call on one peer; gives the answer's payload. `unreachable` and `refused` are the command's words.
[[nodiscard]] Result<Bytes> ask_lifecycle(cobra::Call& call, Session& session, const std::string& channel,
                                          const char* function, const google::protobuf::Message& arguments,
                                          const std::string& unreachable, const std::string& refused);

template <class M>
[[nodiscard]] Result<M> result_of(const Bytes& payload) {
  auto result = wire::parse<M>(payload);
  if (!result) return fail(result.error().within("failed to unmarshal proposal response's response payload"));
  return result;
}

// The queries among the commands.
[[nodiscard]] Status queryinstalled(cobra::Call& call, Session& session);
[[nodiscard]] Status getinstalledpackage(cobra::Call& call, Session& session);
[[nodiscard]] Status checkcommitreadiness(cobra::Call& call, Session& session);
[[nodiscard]] Status queryapproved(cobra::Call& call, Session& session);
[[nodiscard]] Status querycommitted(cobra::Call& call, Session& session);

}  // namespace selvage::tools::peer
