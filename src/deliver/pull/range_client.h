// Fetches a range of a channel's blocks from ordering nodes, once, for an orderer that is behind: which nodes answer and how
// high they are, and then verified blocks from one of them. (A peer, which never stops, uses pull_worker.h.)
// Fabric quirk: orderer/common/cluster/deliver.go BlockPuller.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "common/common.pb.h"
#include "deliver/pull/endpoints.h"
#include "tls/credentials.h"
#include "wire/signer.h"

namespace selvage::rpc {
class Channel;
}

namespace selvage::deliver {

struct RangeSettings {
  std::shared_ptr<tls::CredentialStore> credentials;   // shown to the nodes; its hash is in each request
  std::shared_ptr<tls::TrustStore> more_roots;         // General.Cluster.RootCAs, beside those of the channel; may be null
  std::shared_ptr<tls::CredentialStore> own_listener;  // what our own listener shows: a node that shows it is ourselves
  std::chrono::seconds time_shift{0};
  std::chrono::milliseconds dial_timeout{5000};        // General.Cluster.DialTimeout
  std::chrono::milliseconds fetch_timeout{5000};       // General.Cluster.ReplicationPullTimeout: between two blocks
};

// One thread but for stop().
class RangeClient {
 public:
  // `clock` and `random` outlive it.
  RangeClient(std::string channel, RangeSettings settings, wire::Signer signer, const Clock& clock, Random& random);
  ~RangeClient();

  // The largest height of the nodes that `bundle` names. Errors: kUnavailable when none answers, kPermissionDenied when no
  // node answers and one refuses us, kCancelled.
  [[nodiscard]] Result<uint64_t> newest_height(const channel::Bundle& bundle);
  // The configuration in force at the node with the largest height, signed as `bundle` demands.
  [[nodiscard]] Result<::common::Block> newest_config(const channel::BundlePtr& bundle);
  // Blocks `next` ... `until` that follow the one with `last_hash`, under `bundle`, to `take`. With null `bundle` the first
  // one is the genesis block, which is believed. `endpoints`: whom to ask; null: always those of the newest configuration.
  using Take = std::function<Status(std::shared_ptr<::common::Block>)>;
  Status pull(uint64_t next, Bytes last_hash, channel::BundlePtr bundle, uint64_t until,
              const channel::BundlePtr& endpoints, const Take& take);
  // Any thread: ends what runs, and all that comes.
  void stop();

 private:
  struct Node {
    Endpoint endpoint;
    uint64_t newest = 0;  // number of its newest block
  };
  [[nodiscard]] std::shared_ptr<rpc::Channel> dial(const Endpoint& endpoint);
  void done_with(const std::shared_ptr<rpc::Channel>& channel);
  [[nodiscard]] Result<Bytes> seek(std::optional<uint64_t> from, std::optional<uint64_t> until) const;
  // Blocks of one node until `each` says false or fails.
  Status receive(rpc::Channel& channel, const Endpoint& endpoint, Bytes request,
                 const std::function<Result<bool>(std::shared_ptr<::common::Block>)>& each);
  [[nodiscard]] Result<std::vector<Node>> probe(const channel::Bundle& bundle, uint64_t at_least);
  [[nodiscard]] Result<std::shared_ptr<::common::Block>> one(const Endpoint& endpoint, std::optional<uint64_t> number);
  [[nodiscard]] bool stopped() const;

  const std::string channel_;
  const RangeSettings settings_;
  const wire::Signer signer_;
  const Clock& clock_;
  Random& random_;
  log::Logger logger_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::vector<std::shared_ptr<rpc::Channel>> open_;
};

}  // namespace selvage::deliver
