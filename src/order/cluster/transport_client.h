// From this orderer to the other consenters of its channels: orderer.Cluster/Step, as etcdraft orderers of Fabric v3.1.5
// speak it (orderer.ClusterNodeService is for BFT only). One connection for each server certificate, one stream for each
// channel, destination and kind of message. Connections are dialled when they are needed and again with back-off.
//
// Never blocks. What cannot be sent is dropped and said: to the caller at once, or later through `on_unreachable`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "order/cluster/members.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::order::cluster {

// All functions from any thread.
class Transport {
 public:
  struct Settings {
    size_t send_buffer = 100;                          // General.Cluster.SendBufferSize, messages
    std::chrono::milliseconds dial_timeout{5000};      // General.Cluster.DialTimeout
    std::chrono::milliseconds rpc_timeout{7000};       // General.Cluster.RPCTimeout: a stream that stands still this long ends
    std::chrono::milliseconds backoff_base{1000};      // General.Backoff.*
    double backoff_factor = 1.6;
    std::chrono::milliseconds backoff_max{120'000};
    size_t receive_bytes_max = 100u << 20;             // General.MaxRecvMsgSize
    size_t send_bytes_max = 100u << 20;                // General.MaxSendMsgSize
    std::chrono::seconds time_shift{0};                // General.TLS/Cluster.TLSHandshakeTimeShift
    std::chrono::nanoseconds expiry_warning{std::chrono::hours(168)};  // General.Cluster.CertExpirationWarningThreshold
    Origin roots_setting;                              // for messages: General.Cluster.RootCAs
    Origin certificate_setting;                        // General.Cluster.ClientCertificate
  };
  struct Parts {
    std::shared_ptr<tls::CredentialStore> credentials;  // shown to the others
    std::shared_ptr<tls::TrustStore> roots;
    metrics::Provider& metrics;  // outlive the transport
    const Clock& clock;
  };
  // A message to this node of the channel was lost after it was taken. On any thread; must only post work.
  using OnUnreachable = std::function<void(raft::NodeId)>;

  Transport(Settings settings, Parts parts);
  // shut_down()
  ~Transport();

  // The consenters of a channel from now on. Streams to nodes that left, or whose server certificate changed, end.
  void configure(const std::string& channel, Members members, OnUnreachable on_unreachable);
  void forget(const std::string& channel);
  void shut_down();

  // A marshalled raftpb.Message. Errors: kUnavailable, with Fabric's words: it was dropped.
  Status send(const std::string& channel, raft::NodeId to, BytesView message, BytesView metadata);
  // A transaction for the leader. kResourceExhausted: try again when `room` was called (once, on any thread).
  Status submit(const std::string& channel, raft::NodeId to, BytesView envelope, uint64_t validated_at,
                std::function<void()> room);
  // Is there a connection to this node now?
  [[nodiscard]] bool connected(const std::string& channel, raft::NodeId id) const;
  // The node with this certificate was heard of: an attempt to dial it that waits for its back-off is made now.
  void heard_of(const std::string& channel, raft::NodeId id);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace selvage::order::cluster
