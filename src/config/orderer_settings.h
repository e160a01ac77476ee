// orderer.yaml as plain values. Each comment names the yaml key (environment: ORDERER_ and the key in upper case with
// underscores). A key that is not one of Fabric's is an error, as in Fabric.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/shared_settings.h"

namespace selvage::config {

struct OrdererTls {  // General.TLS.*
  bool enabled = false;
  File certificate;
  File key;
  std::vector<File> roots;         // RootCAs
  bool client_auth_required = false;
  std::vector<File> client_roots;  // ClientRootCAs
  std::chrono::nanoseconds time_shift{0};
  TlsExplain explain = TlsExplain::kLog;  // Explain: "off", "log", "client" (ours, not Fabric's)
  bool resumption = false;                // Resumption: clients may come back without a full handshake (ours)
  bool revocation = false;                  // .Revocation: organisations' lists count for TLS clients too (ours)
  std::vector<std::string> client_names;    // .ClientNames: whom to serve, "dns:app1"; empty: every name (ours)
  Origin client_names_origin;
  int64_t handshakes_max = 1024;          // PendingHandshakes: on the way at once; the oldest is dropped (ours)
  int64_t handshakes_per_source_max = 0;  // PendingHandshakesPerSource; 0: no limit (ours)
  Origin enabled_origin;
  Origin client_auth_origin;
  Origin client_roots_origin;
};

struct Cluster {  // General.Cluster.*
  std::string listen_address;      // ListenAddress; these four all or none
  uint16_t listen_port = 0;
  File server_certificate;
  File server_key;
  File client_certificate;         // empty: General.TLS' pair when the listener is shared
  File client_key;
  std::vector<File> roots;         // RootCAs
  std::chrono::nanoseconds dial_timeout{0};               // 5s
  std::chrono::nanoseconds rpc_timeout{0};                // 7s
  uint64_t replication_buffer_bytes = 0;                  // ReplicationBufferSize, 20 MiB
  std::chrono::nanoseconds replication_pull_timeout{0};   // 5s
  std::chrono::nanoseconds replication_retry_timeout{0};  // 5s
  int replication_retries_max = 0;                        // 12
  std::string replication_policy;                         // "consensus", "simple"
  int send_buffer_size = 0;                               // messages, 100
  std::chrono::nanoseconds expiry_warning{0};             // CertExpirationWarningThreshold, 168h
  std::chrono::nanoseconds time_shift{0};
};

struct OrdererSettings {
  std::string file;                 // the orderer.yaml that was read
  std::string listen_address;       // General.ListenAddress, 127.0.0.1
  uint16_t listen_port = 0;         // General.ListenPort, 7050
  OrdererTls tls;
  Cluster cluster;
  Keepalive keepalive;              // General.Keepalive.ServerInterval, .ServerTimeout: 2h, 20s
  std::chrono::nanoseconds keepalive_min_interval{0};  // .ServerMinInterval, 60s
  std::chrono::nanoseconds backoff_base{0};            // General.Backoff.BaseDelay, 1s
  double backoff_multiplier = 1.6;                     // .Multiplier
  std::chrono::nanoseconds backoff_max{0};             // .MaxDelay, 2m
  std::chrono::nanoseconds handshake_timeout{0};       // General.ConnectionTimeout, 5s
  std::string bootstrap_method;     // General.BootstrapMethod: "none"; "file" is refused by the node in Fabric's words
  std::string bootstrap_file;
  bool profile_enabled = false;     // General.Profile.Enabled
  std::string profile_address;
  File msp_directory;               // General.LocalMSPDir, msp
  std::string msp_id;               // General.LocalMSPID, SampleOrg
  Origin msp_id_origin;
  bool start_with_expired_identity = false;  // General.StartWithExpiredIdentity: for recovery (ours, not Fabric's)
  Bccsp bccsp;                      // General.BCCSP
  std::chrono::nanoseconds authentication_window{0};   // General.Authentication.TimeWindow, 15m
  bool no_expiration_checks = false;                   // .NoExpirationChecks
  uint64_t receive_bytes_max = 0;   // General.MaxRecvMsgSize, 100 MiB
  uint64_t send_bytes_max = 0;      // General.MaxSendMsgSize, 100 MiB
  int throttle_rate = 0;            // General.Throttling.Rate, a second; 0: none
  std::chrono::nanoseconds throttle_inactivity{0};     // .InactivityTimeout, 5s
  File ledger_directory;            // FileLedger.Location, made absolute
  std::string broadcast_trace_directory;               // Debug.BroadcastTraceDir
  std::string deliver_trace_directory;                 // Debug.DeliverTraceDir
  std::string wal_directory;        // Consensus.WALDir
  std::string snapshot_directory;   // Consensus.SnapDir
  std::chrono::nanoseconds eviction_suspicion{0};      // Consensus.EvictionSuspicion, 10m
  std::chrono::nanoseconds tick_interval_override{0};  // Consensus.TickIntervalOverride; 0: the channel's
  Operations operations;            // ListenAddress, TLS
  Metrics metrics;
  Operations admin;                 // Admin.ListenAddress, .TLS; client authentication is on whenever TLS is
  uint64_t join_bytes_max = 0;      // ChannelParticipation.MaxRequestBodySize, 1 MiB
};

// Errors: kNotFound, kInvalidArgument; one line for the operator.
[[nodiscard]] Result<OrdererSettings> read_orderer_settings(const Tree& tree);
// find_file("orderer"), load, read.
[[nodiscard]] Result<OrdererSettings> load_orderer_settings(const Environment& environment);

}  // namespace selvage::config
