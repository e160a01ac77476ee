// core.yaml as plain values: what `peer node start` and the peer CLI read. Each comment names the yaml key (environment:
// CORE_ and the key in upper case with underscores) and Fabric's default where it is not the value shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/shared_settings.h"

namespace selvage::config {

// peer.tls.*
struct PeerTls {
  bool enabled = false;                     // .enabled
  bool client_auth_required = false;        // .clientAuthRequired
  File certificate;                         // .cert.file
  File key;                                 // .key.file
  File root;                                // .rootcert.file
  std::vector<File> client_roots;           // .clientRootCAs.files
  File client_certificate;                  // .clientCert.file; empty: the node uses the server pair, the CLI has none
  File client_key;                          // .clientKey.file
  TlsExplain explain = TlsExplain::kLog;    // .explain: "off", "log", "client" (ours, not Fabric's)
  int64_t handshakes_max = 1024;            // .pendingHandshakes: on the way at once; the oldest is dropped (ours)
  int64_t handshakes_per_source_max = 0;    // .pendingHandshakesPerSource; 0: no limit (ours)
  bool resumption = false;                  // .resumption: clients may come back without a full handshake (ours)
  bool revocation = false;                  // .revocation: organisations' lists count for TLS clients too (ours)
  std::vector<std::string> client_names;    // .clientNames: whom to serve, "dns:app1"; empty: every name (ours)
  Origin client_names_origin;
  std::string server_host_override;         // .serverhostoverride, CLI only
  std::chrono::nanoseconds time_shift{0};   // .handshakeTimeShift, CLI only
  Origin enabled_origin;
  Origin client_auth_origin;
  Origin client_roots_origin;
};

struct AddressOverride {  // peer.deliveryclient.addressOverrides[]
  std::string from;
  std::string to;
  File ca_certificates;
};

struct DeliveryClient {  // peer.deliveryclient.*
  bool block_gossip_enabled = false;
  std::chrono::nanoseconds reconnect_total_time{0};   // .reconnectTotalTimeThreshold, 3600s
  std::chrono::nanoseconds reconnect_backoff_max{0};  // .reConnectBackoffThreshold, 3600s
  std::chrono::nanoseconds reconnect_interval_min{0}; // .minimalReconnectInterval, 100ms
  std::chrono::nanoseconds connect_timeout{0};        // .connTimeout, 3s
  std::chrono::nanoseconds censorship_timeout{0};     // .blockCensorshipTimeoutKey, 30s
  std::string policy;                                 // .policy: "cluster", "simple"
  std::vector<AddressOverride> address_overrides;
};

struct Gateway {  // peer.gateway.*
  bool enabled = true;
  std::chrono::nanoseconds endorsement_timeout{0};  // 30s
  std::chrono::nanoseconds broadcast_timeout{0};    // 30s
  std::chrono::nanoseconds dial_timeout{0};         // 2m
};

struct DiscoveryCache {  // peer.discovery.*
  bool enabled = true;                   // .authCacheEnabled
  size_t entries_max = 1000;             // .authCacheMaxSize
  double retention_ratio = 0.75;         // .authCachePurgeRetentionRatio
  bool bind_to_tls_certificate = false;  // .bindToTLSCertificate: ours; Fabric documents the check and does not make it
};

struct Gossip {  // peer.gossip.*
  std::vector<std::string> bootstrap;
  std::string endpoint;
  std::string external_endpoint;
  bool use_leader_election = false;
  bool org_leader = true;
  std::chrono::nanoseconds membership_tracker{0};  // .membershipTrackerInterval, 5s
  int blocks_stored = 10;                          // .maxBlockCountToStore
  int propagate_iterations = 1;
  int propagate_peers = 3;                         // .propagatePeerNum
  std::chrono::nanoseconds pull_interval{0};       // 4s
  int pull_peers = 3;                              // .pullPeerNum
  std::chrono::nanoseconds request_state_info{0};  // .requestStateInfoInterval, 4s
  std::chrono::nanoseconds publish_state_info{0};  // .publishStateInfoInterval, 4s
  std::chrono::nanoseconds publish_certificate{0}; // .publishCertPeriod, 10s
  std::chrono::nanoseconds request_wait{0};        // .requestWaitTime, 1500ms
  std::chrono::nanoseconds dial_timeout{0};        // 3s
  std::chrono::nanoseconds connection_timeout{0};  // .connTimeout, 2s
  int receive_buffer = 20;                         // .recvBuffSize
  int send_buffer = 200;                           // .sendBuffSize
  std::chrono::nanoseconds alive_interval{0};      // .aliveTimeInterval, 5s
  std::chrono::nanoseconds alive_expiration{0};    // .aliveExpirationTimeout, 5 x aliveTimeInterval
  std::chrono::nanoseconds reconnect_interval{0};  // as aliveExpirationTimeout
  int connection_attempts_max = 120;               // .maxConnectionAttempts
  int message_expiration_factor = 20;              // .msgExpirationFactor
  std::chrono::nanoseconds election_startup_grace{0};      // .election.startupGracePeriod, 15s
  std::chrono::nanoseconds election_membership_sample{0};  // .election.membershipSampleInterval, 1s
  std::chrono::nanoseconds election_leader_alive{0};       // .election.leaderAliveThreshold, 10s
  std::chrono::nanoseconds election_duration{0};           // .election.leaderElectionDuration, 5s
  bool state_enabled = false;
  std::chrono::nanoseconds state_check_interval{0};    // .state.checkInterval, 10s
  std::chrono::nanoseconds state_response_timeout{0};  // .state.responseTimeout, 3s
  uint64_t state_batch_blocks = 10;                    // .state.batchSize
  int state_retries_max = 3;                           // .state.maxRetries
};

struct PrivateData {  // peer.gossip.pvtData.* and ledger.pvtdataStore.*
  std::chrono::nanoseconds pull_retry{0};       // pullRetryThreshold, 60s
  uint64_t transient_blocks_max = 20000;        // transientstoreMaxBlockRetention
  std::chrono::nanoseconds push_ack_timeout{0}; // pushAckTimeout, 3s
  uint64_t btl_pull_margin = 10;
  bool reconciliation_enabled = true;
  uint64_t reconcile_batch = 10;                     // reconcileBatchSize
  std::chrono::nanoseconds reconcile_interval{0};    // reconcileSleepInterval, 1m
  bool skip_pulling_invalid = false;                 // skipPullingInvalidTransactionsDuringCommit
  int implicit_required_peers = 0;              // implicitCollectionDisseminationPolicy.requiredPeerCount
  int implicit_max_peers = 1;                   // .maxPeerCount
  uint64_t purge_interval_blocks = 100;         // ledger.pvtdataStore.purgeInterval
};

struct ExternalBuilder {  // chaincode.externalBuilders[]
  std::string name;
  std::string path;
  std::vector<std::string> propagate_environment;
};

struct Chaincode {  // chaincode.*
  std::vector<ExternalBuilder> external_builders;
  std::chrono::nanoseconds install_timeout{0};  // 300s
  std::chrono::nanoseconds startup_timeout{0};  // 300s, never under 5s
  std::chrono::nanoseconds execute_timeout{0};  // 30s
  std::string mode;                             // "net", "dev"
  std::chrono::seconds keepalive{0};            // seconds in the file; 0: none
  std::map<std::string, bool> system;           // chaincode.system: name -> enabled
  std::string log_level;                        // chaincode.logging.level
  std::string shim_log_level;
  std::string log_format;
  bool use_write_batch = true;                  // chaincode.runtimeParams.*
  uint32_t write_batch_max = 1000;
  bool use_get_multiple_keys = true;
  uint32_t get_multiple_keys_max = 1000;
};

struct Ledger {  // ledger.*
  std::string state_database;            // .state.stateDatabase
  uint32_t total_query_limit = 100000;   // .state.totalQueryLimit
  bool history_enabled = true;           // .history.enableHistoryDatabase
  std::string snapshots_directory;       // .snapshots.rootDir
};

struct Handler {  // one entry of peer.handlers: a built-in one by name, or a shared object
  std::string name;
  std::string library;
};

// Fabric quirk: core/handlers/library/config.go; viper makes the names of endorsers and validators lower case. Without
// peer.handlers: what Fabric's core.yaml has. "escc" and "vscc" are there whether they are named or not.
struct Handlers {  // peer.handlers.*
  std::vector<Handler> auth_filters;
  std::vector<Handler> decorators;
  std::map<std::string, Handler> endorsers;
  std::map<std::string, Handler> validators;
};

struct CoreSettings {
  std::string file;                       // the core.yaml that was read
  std::string effective;                  // all of it with the environment over it, as yaml, for the log; no secrets
  std::string peer_id;                    // peer.id
  std::string network_id;                 // peer.networkId
  std::string listen_address;             // peer.listenAddress
  std::string address;                    // peer.address
  bool address_auto_detect = false;       // peer.addressAutoDetect
  std::string chaincode_listen_address;   // peer.chaincodeListenAddress
  std::string chaincode_address;          // peer.chaincodeAddress
  PeerTls tls;
  Gateway gateway;
  Keepalive keepalive;                    // peer.keepalive.interval, .timeout: 7200s, 20s
  std::chrono::nanoseconds keepalive_min_interval{0};  // peer.keepalive.minInterval, 60s
  Keepalive client_keepalive;             // peer.keepalive.client.*: 60s, 20s
  Keepalive delivery_keepalive;           // peer.keepalive.deliveryClient.*: 60s, 20s
  Gossip gossip;
  PrivateData private_data;
  DeliveryClient delivery;
  std::chrono::nanoseconds handshake_timeout{0};       // peer.connectiontimeout, 5s
  std::chrono::nanoseconds authentication_window{0};   // peer.authentication.timewindow, 15m
  std::string filesystem_path;            // peer.fileSystemPath, made absolute
  File msp_directory;                     // peer.mspConfigPath
  std::string msp_id;                     // peer.localMspId
  std::string msp_type;                   // peer.localMspType: "bccsp", "idemix"
  Origin msp_id_origin;
  bool start_with_expired_identity = false;  // peer.startWithExpiredIdentity: for recovery (ours, not Fabric's)
  Bccsp bccsp;                            // peer.BCCSP
  std::chrono::nanoseconds client_connect_timeout{0};  // peer.client.connTimeout, 3s
  int validator_pool_size = 0;            // peer.validatorPoolSize; 0: one a core
  int endorser_limit = 0;                 // peer.limits.concurrency.endorserService; 0: none
  int deliver_limit = 0;                  //  .deliverService
  int gateway_limit = 0;                  //  .gatewayService
  bool discovery_enabled = true;          // peer.discovery.enabled
  bool discovery_org_members = false;     // peer.discovery.orgMembersAllowedAccess
  DiscoveryCache discovery_cache;
  uint64_t receive_bytes_max = 0;         // peer.maxRecvMsgSize, 100 MiB
  uint64_t send_bytes_max = 0;            // peer.maxSendMsgSize, 100 MiB
  std::string docker_endpoint;            // vm.endpoint
  Handlers handlers;
  Chaincode chaincode;
  Ledger ledger;
  Operations operations;
  Metrics metrics;
};

// Errors: kNotFound, kInvalidArgument; one line for the operator.
[[nodiscard]] Result<CoreSettings> read_core_settings(const Tree& tree);
// find_file("core"), load, read.
[[nodiscard]] Result<CoreSettings> load_core_settings(const Environment& environment);
// find_file("core") and load: for tools that read a few keys of their own.
[[nodiscard]] Result<Tree> load_core_tree(const Environment& environment);

// "host:port" with which others reach this peer: `address`, or with this machine's address in place of an unspecified
// host and when auto-detection is on. kInvalidArgument in Fabric's words.
[[nodiscard]] Result<std::string> advertised_address(const CoreSettings& settings);

}  // namespace selvage::config
