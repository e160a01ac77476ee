// What a channel's configuration and its blocks say about the Raft cluster: who the consenters are, with which ids,
// what an update changes, and whether that may be. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "order/raft/message.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "orderer/etcdraft/metadata.pb.h"

namespace common {
class Block;
}
namespace selvage::channel {
class Bundle;
}

namespace selvage::order {

// Can this orderer serve such a channel? Errors: kInvalidArgument, which says what to do, since operators get no more
// than the message to see.
[[nodiscard]] Status check_consensus_type(const channel::Bundle& bundle);
// The consensus metadata of an etcdraft channel. Errors: kInvalidArgument, also for other channels.
[[nodiscard]] Result<etcdraft::ConfigMetadata> config_metadata_of(const channel::Bundle& bundle);
// Options make sense, consenters' certificates chain to the orderer organisations' TLS roots (dates do not count), none
// is named twice. Errors: kInvalidArgument with Fabric's words.
[[nodiscard]] Status verify_config_metadata(const etcdraft::ConfigMetadata& metadata, const channel::Bundle& bundle,
                                            SystemTime now);

// Place among the consenters of the one that has our TLS server key; nullopt when we are none of them.
// Errors: kInvalidArgument when a consenter's certificate is no PEM.
[[nodiscard]] Result<std::optional<size_t>> find_self(const etcdraft::ConfigMetadata& metadata,
                                                      const crypto::Certificate& own_server_certificate);

// Ids of the consenters: from the newest block, or 1..N where it has none (genesis).
[[nodiscard]] Result<etcdraft::BlockMetadata> block_metadata_of(const common::Block& newest,
                                                                const etcdraft::ConfigMetadata& config);

// From one consenter set to the next.
struct MembershipChanges {
  etcdraft::BlockMetadata block_metadata;  // with the ids of the new set
  std::vector<etcdraft::Consenter> added;
  std::vector<etcdraft::Consenter> removed;
  std::optional<raft::Change> change;   // to be agreed on by Raft
  raft::NodeId rotated = raft::kNone;   // the node whose certificate is replaced

  // Would too few of the new set be alive to go on?
  [[nodiscard]] bool loses_quorum(const std::vector<raft::NodeId>& active) const;
};
// Consenters are told apart by their client certificates. Errors: kInvalidArgument when more than one node changes.
[[nodiscard]] Result<MembershipChanges> membership_changes(const etcdraft::BlockMetadata& old_ids,
                                                           const etcdraft::ConfigMetadata& old_config,
                                                           const etcdraft::ConfigMetadata& new_config);

// May the configuration `next` follow `current`, as far as consensus is concerned? Errors: kInvalidArgument, Fabric's
// words: one consenter may be added, removed or have its certificates replaced, and never so that the quorum is lost.
[[nodiscard]] Status check_consensus_update(const channel::Bundle& current, const channel::Bundle& next,
                                            const etcdraft::BlockMetadata& ids,
                                            const std::vector<raft::NodeId>& active, SystemTime now);

}  // namespace selvage::order
