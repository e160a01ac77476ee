// Private data that others push to us or ask us for: what may be kept, and what may be given out.
#pragma once

#include <string>

#include "channel/bundle.h"
#include "commit/private_source.h"
#include "gossip/outbox.h"
#include "node/peer/peer_channel.h"
#include "peer/collection.pb.h"

namespace selvage::node {

// A message about private data, to a peer of the channel.
[[nodiscard]] ::gossip::GossipMessage private_message(const std::string& channel);

// The collection's member policy admits the holder of this identity (bytes of msp.SerializedIdentity).
[[nodiscard]] bool is_eligible(const ::protos::StaticCollectionConfig& config, const Bytes& identity,
                               const channel::Bundle& bundle);
// Null when it is not in there.
[[nodiscard]] const ::protos::StaticCollectionConfig* find_config(const ::protos::CollectionConfigPackage& package,
                                                                  const std::string& collection);

[[nodiscard]] ::gossip::PvtDataDigest digest_of(const commit::WantedPrivateData& wanted, uint64_t block);
[[nodiscard]] bool matches(const ::gossip::PvtDataDigest& digest, const commit::WantedPrivateData& wanted, uint64_t block);

// Into the transient store. Errors: what is malformed, or of a collection that is not ours.
[[nodiscard]] Status keep_pushed_data(const ::gossip::PrivatePayload& payload, PeerChannel& channel,
                                      const std::string& our_mspid);
// A RemotePvtDataResponse with what we have of the request and its sender may have.
[[nodiscard]] ::gossip::GossipMessage answer_private_request(const gossip::Outbox::Arrival& arrival, PeerChannel& channel);

}  // namespace selvage::node
