// What gossip is told by core.yaml (peer.gossip.*). Times are durations; defaults are Fabric's. node/ fills it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace selvage::gossip {

using Milliseconds = std::chrono::milliseconds;

// peer.gossip.election.*
struct ElectionSettings {
  Milliseconds startup_grace{15000};             // startupGracePeriod
  Milliseconds membership_sample_interval{1000};  // membershipSampleInterval
  Milliseconds leader_alive_threshold{10000};     // leaderAliveThreshold
  Milliseconds election_duration{5000};           // leaderElectionDuration
};

// peer.gossip.state.*
struct StateSettings {
  bool enabled = false;                 // enabled: ask neighbours for missing blocks
  Milliseconds check_interval{10000};   // checkInterval
  Milliseconds response_timeout{3000};  // responseTimeout
  uint64_t batch_blocks = 10;           // batchSize
  int retries_max = 3;                  // maxRetries
};

struct Settings {
  std::string endpoint;                 // told to peers of the own organisation: endpoint, or peer.address
  std::string external_endpoint;        // told to everybody else: externalEndpoint; empty: nobody outside learns of us
  std::vector<std::string> bootstrap;   // bootstrap
  bool use_leader_election = false;     // useLeaderElection
  bool org_leader = true;               // orgLeader
  Milliseconds alive_interval{5000};            // aliveTimeInterval
  Milliseconds alive_expiration{25000};         // aliveExpirationTimeout
  Milliseconds reconnect_interval{25000};       // reconnectInterval
  int connection_attempts_max = 120;            // maxConnectionAttempts
  int message_expiration_factor = 20;           // msgExpirationFactor: x aliveExpirationTimeout, then a member is forgotten
  Milliseconds pull_interval{4000};             // pullInterval
  size_t pull_peers = 3;                        // pullPeerNum
  size_t propagate_peers = 3;                   // propagatePeerNum
  int propagate_iterations = 1;                 // propagateIterations; 0: nothing is passed on
  Milliseconds publish_certificate{10000};      // publishCertPeriod
  Milliseconds publish_state_info{4000};        // publishStateInfoInterval
  Milliseconds request_state_info{4000};        // requestStateInfoInterval
  Milliseconds request_wait{1500};              // requestWaitTime: how long a hello may be followed by a request
  Milliseconds dial_timeout{3000};              // dialTimeout
  Milliseconds connection_timeout{2000};        // connTimeout: Ping, and the first message of a stream
  size_t receive_queue = 20;                    // recvBuffSize, messages of one stream that wait for us
  size_t send_queue = 200;                      // sendBuffSize, messages that wait for a connection
  size_t blocks_stored = 10;                    // maxBlockCountToStore, of disseminated blocks
  ElectionSettings election;
  StateSettings state;
};

// What a stranger can make us keep, whatever core.yaml says.
inline constexpr size_t kMembersMax = 5000;           // alive and dead together
inline constexpr size_t kIdentitiesMax = 10000;
inline constexpr size_t kElementsMax = 10000;         // of one membership response, snapshot or update
inline constexpr size_t kEndpointBytesMax = 512;
inline constexpr size_t kPushedAtOnceMax = 50;        // peers that hear of a new member at once
inline constexpr size_t kInvalidMessagesMax = 200;    // from one peer within kInvalidWindow; then it is cut off
inline constexpr Milliseconds kInvalidWindow{10000};

// Changes of a channel's view are told together.
inline constexpr Milliseconds kTrackerPause{250};

}  // namespace selvage::gossip
