// Which peers can endorse what a transaction touches: groups of peers alike, and layouts: so many of each group.
//
// Fabric quirk: discovery/endorsement; texts of errors are Fabric's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "discovery/membership.h"
#include "discovery/protocol.pb.h"
#include "peer/proposal_response.pb.h"

namespace selvage::discovery {

struct Endorsers {
  std::string chaincode;
  std::map<std::string, std::vector<Peer>> groups;
  std::vector<std::map<std::string, uint32_t>> layouts;
};

// Pure but for reads of the channel's state.
[[nodiscard]] Result<Endorsers> find_endorsers(const ChannelState& channel, const std::vector<Peer>& peers_of_channel,
                                               const std::vector<Peer>& alive,
                                               const ::protos::ChaincodeInterest& interest);

// Peers that run all these chaincodes and may have the collections that are read. An empty interest: all of them.
[[nodiscard]] Result<std::vector<Peer>> authorized_peers(const ChannelState& channel, std::vector<Peer> peers_of_channel,
                                                         const ::protos::ChaincodeInterest& interest);

[[nodiscard]] ::discovery::Peer to_message(const Peer& peer);
[[nodiscard]] ::discovery::EndorsementDescriptor to_message(const Endorsers& endorsers);

}  // namespace selvage::discovery
