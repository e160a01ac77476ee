// What has to change in a channel so that one of its consenters may present another TLS key. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"
#include "channel/bundle.h"
#include "common/configtx.pb.h"

namespace selvage::tools::rotate {

struct NewPair {
  Bytes server_pem;  // certificate; a chain's first one counts
  Bytes client_pem;
};

struct ChannelPlan {
  std::string channel;
  size_t consenters = 0;
  size_t place = 0;  // of the node among them, from 1
  // Unset: the channel has these keys already, and a certificate with the same key needs no update.
  std::optional<::common::ConfigUpdate> update;
};

// `node`: the consenter's host:port as the configuration names it. Errors: kNotFound when the channel has no such
// consenter, kInvalidArgument when a certificate cannot be read or is not of the channel's orderer organisations,
// kUnimplemented for a channel without Raft.
[[nodiscard]] Result<ChannelPlan> plan_channel(const channel::Bundle& bundle, const std::string& node,
                                               const NewPair& pair, std::chrono::sys_seconds now);

// May the node be replaced while `others_alive` of the other consenters answer? kFailedPrecondition, in Fabric's words,
// when what is left could not go on without it.
[[nodiscard]] Status check_quorum(size_t consenters, size_t others_alive);

}  // namespace selvage::tools::rotate
