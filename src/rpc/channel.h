// A gRPC client: one logical connection to a target, dialled when it is needed, kept alive, dialled again with back-off.
//
//   auto channel = rpc::Channel::make({.targets = {"orderer0:7050"}, .tls = context});
//   SELVAGE_CHECK(channel->wait_ready(3s));                 // fails with the reason, not with "deadline exceeded"
//   Result<Bytes> answer = channel->unary("/protos.Endorser/ProcessProposal", request, {.timeout = 5s});
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "rpc/client_stream.h"
#include "rpc/metadata.h"
#include "rpc/status.h"

namespace selvage::os {
class LoopGroup;
}
namespace selvage::tls {
class ClientContext;
struct Diagnosis;
}

namespace selvage::rpc {

struct Backoff {  // grpc's numbers
  std::chrono::milliseconds base = std::chrono::seconds(1);
  double factor = 1.6;
  double jitter = 0.2;
  std::chrono::milliseconds max = std::chrono::seconds(120);
};

struct ClientKeepalive {  // Fabric's defaults (peer.keepalive.client)
  std::chrono::milliseconds interval = std::chrono::minutes(1);  // ping a silent server after this
  std::chrono::milliseconds timeout = std::chrono::seconds(20);  // and drop the connection without an answer in this
  bool permit_without_stream = true;
};

struct ChannelSettings {
  std::vector<std::string> targets;         // "host:port" each; tried in order, every address of a name
  std::shared_ptr<tls::ClientContext> tls;  // null: plaintext
  std::string server_name;                  // checked in the server's certificate; empty: the host that was dialled
  std::string authority;                    // ":authority"; empty: server_name, or the target
  std::string user_agent = "selvage";
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(20);  // one address: TCP, TLS and first SETTINGS
  Backoff backoff;
  ClientKeepalive keepalive;
  size_t receive_bytes_max = 100u << 20;    // one message
  size_t send_bytes_max = 100u << 20;
  size_t metadata_bytes_max = 64u << 10;
  std::chrono::milliseconds idle_timeout = std::chrono::minutes(30);  // without calls the connection is closed; 0: never
  std::shared_ptr<os::LoopGroup> loops;     // null: os::LoopGroup::process()
};

struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout;  // from now; sent as grpc-timeout
  std::optional<SteadyTime> deadline;                // or this; the earlier of the two counts
  Metadata metadata;
  bool gzip = false;            // our messages go out compressed; answers may be compressed in any case
  bool wait_for_ready = false;  // false: fails with Unavailable as soon as an attempt to connect failed
};

// How the last attempt to connect failed.
struct ConnectFailure {
  std::string address;                              // "host:port" as dialled
  std::string message;                              // Go's words where Go has some
  std::shared_ptr<const tls::Diagnosis> diagnosis;  // null unless TLS was the matter
  bool permanent = false;                           // a TLS verdict: trying again will not help
  SystemTime time;
};

struct UnaryReply {
  Status status;
  Bytes message;  // when status.ok()
  Metadata headers, trailers;
};

enum class ChannelState { kIdle, kConnecting, kReady, kTransientFailure, kShutdown };

// All functions from any thread; the blocking ones not on a loop.
class Channel {
 public:
  [[nodiscard]] static std::shared_ptr<Channel> make(ChannelSettings settings);
  // As close().
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Unary. `done` runs on the loop, once; hand heavy work on.
  [[nodiscard]] Result<Bytes> unary(const std::string& method, Bytes request, const CallOptions& options = {});
  [[nodiscard]] UnaryReply call(const std::string& method, Bytes request, const CallOptions& options = {});
  std::shared_ptr<ClientCall> call_async(const std::string& method, Bytes request, const CallOptions& options,
                                         std::function<void(UnaryReply)> done);

  // Streams, of all three kinds.
  [[nodiscard]] std::unique_ptr<ClientStream> stream(const std::string& method, const CallOptions& options = {});
  std::shared_ptr<ClientCall> open(const std::string& method, const CallOptions& options,
                                   std::unique_ptr<ClientHandler> handler);

  // Connects if need be. Ends at once on a permanent failure and otherwise tries again until the timeout; the error
  // (kUnavailable) carries the last connection error in `message`, its diagnosis in `cause` and its remedy in `hint`.
  selvage::Status wait_ready(std::chrono::milliseconds timeout);
  [[nodiscard]] ChannelState state() const;
  [[nodiscard]] std::optional<ConnectFailure> last_failure() const;
  // The server's end of the current connection; null when there is none.
  [[nodiscard]] std::shared_ptr<const Peer> peer() const;

  // New connections from now on use this context; the open one lives on.
  void set_tls(std::shared_ptr<tls::ClientContext> tls);
  // Calls on the way end with Cancelled; nothing can be started afterwards.
  void close();

 private:
  struct State;
  explicit Channel(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvage::rpc
