// A gRPC server: HTTP/2 over mutual TLS, over one-way TLS or in plaintext. Knows nothing of Fabric but its log lines and
// metric names. Typed handlers: rpc/typed.h. Health service: rpc/health.h.
//
//   rpc::Server server({.listen_address = "127.0.0.1:0", .tls = context, .name = "PeerServer"});
//   server.add_unary("/protos.Endorser/ProcessProposal", [&](auto call, Bytes request) { ... call->reply(...); });
//   SELVAGE_CHECK(server.start());
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "rpc/call.h"

namespace selvage::metrics {
class Provider;
}
namespace selvage::os {
class LoopGroup;
}
namespace selvage::tls {
class ServerContext;
}

namespace selvage::rpc {

// Defaults are Fabric's (internal/pkg/comm/config.go). All times are durations, all sizes bytes.
struct ServerKeepalive {
  std::chrono::milliseconds interval = std::chrono::hours(2);       // ping a silent client after this
  std::chrono::milliseconds timeout = std::chrono::seconds(20);     // and drop it when it does not answer in this
  std::chrono::milliseconds min_interval = std::chrono::minutes(1); // clients that ping more often: too_many_pings
  bool permit_without_stream = true;
};

struct ServerSettings {
  std::string listen_address;                // "host:port"; port 0: any; empty host or 0.0.0.0: all addresses
  std::shared_ptr<tls::ServerContext> tls;   // null: plaintext
  std::string name = "PeerServer";           // server=... in handshake lines: PeerServer, Orderer, Cluster, ChaincodeServer
  std::string logger = "core.comm";          // of handshake lines
  std::string access_logger = "comm.grpc.server";
  size_t receive_bytes_max = 100u << 20;     // one message
  size_t send_bytes_max = 100u << 20;
  size_t metadata_bytes_max = 64u << 10;     // decoded headers of one call; more: the stream is refused
  uint32_t streams_max = 1000;               // at once on one connection
  size_t connections_max = 10000;            // at once; more are closed at accept
  size_t write_high_bytes = 1u << 20;        // queued on one stream before writers are told to wait
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(5);  // accept to HTTP/2 preface
  size_t handshakes_max = 1024;              // TLS handshakes on the way at once; one more, and the oldest is dropped
  size_t handshakes_per_source_max = 0;      // likewise from one address, whose newest is closed; 0: no such limit (NAT)
  ServerKeepalive keepalive;
  std::map<std::string, int> concurrency_limits;  // service -> calls at once: {"/protos.Endorser", 2500}
  std::string limiter_logger = "nodeCmd";    // of "Too many requests for ..."
  size_t workers_max = 256;                  // threads at once for unary handlers; more calls wait in line
  size_t blocking_streams_max = 10000;       // threads at once for blocking stream handlers; more: ResourceExhausted
  metrics::Provider* metrics = nullptr;      // grpc_server_*, grpc_comm_*; null: none. Outlives the server
  std::shared_ptr<os::LoopGroup> loops;      // null: os::LoopGroup::process()
};

enum class Run {
  kOnWorker,  // a pool thread: may block, sign, verify
  kOnLoop,    // the connection's loop: must be quick
};

class Server {
 public:
  explicit Server(ServerSettings settings);
  // As stop(0).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start() only. Paths are whole: "/package.Service/Method".
  void add_unary(const std::string& path, UnaryHandler handler, Run where = Run::kOnWorker);
  void add_stream(const std::string& path, StreamFactory factory);
  void add_blocking_stream(const std::string& path, BlockingHandler handler);

  // Binds and listens. kUnavailable with Go's words when the address is taken
  // ("listen tcp 127.0.0.1:7050: bind: address already in use").
  selvage::Status start();
  [[nodiscard]] std::string address() const;  // "127.0.0.1:41234", after start()
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] std::vector<std::string> services() const;  // names of services that have handlers

  // New handshakes from now on use this context; open connections live on.
  void set_tls(std::shared_ptr<tls::ServerContext> tls);

  // Soon, on a thread of the unary handlers' pool, as their work: for handlers that go on later. It is dropped once the
  // server has stopped. Any thread, from start() on or before.
  void post(std::function<void()> task);

  // No new connections; open ones get GOAWAY and may finish their calls until `grace` is over, then all is cut. Returns
  // when no handler runs any more. Any thread but loops and handlers; twice is fine.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

  // Open connections, for tests and /connections.
  [[nodiscard]] size_t connection_count() const;
  // The other ends of all connections that are served now. Waits for the loops, not on one of them; empty unless started.
  [[nodiscard]] std::vector<std::shared_ptr<const Peer>> connections() const;
  [[nodiscard]] const std::string& name() const;  // Settings::name

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvage::rpc
