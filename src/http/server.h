// An HTTP/1.1 server, plaintext or over tls/: operations, channel participation, CA. Requests are parsed on an event
// loop and answered on worker threads. Everything before a handler is bounded: header and body bytes, time to shake hands,
// to send a request and between requests, connections at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace selvage::os {
class LoopGroup;
}
namespace selvage::tls {
class ServerContext;
}

namespace selvage::http {

struct ServerSettings {
  std::string listen_address;                 // "host:port"; port 0: any
  std::shared_ptr<tls::ServerContext> tls;    // null: plaintext
  std::string name = "Operations";            // server=... in handshake lines
  std::string logger = "fabhttp";
  size_t header_bytes_max = 16u << 10;
  size_t body_bytes_max = 1u << 20;           // 413 above; a handler may set less for its path
  size_t connections_max = 1000;              // one more, and the oldest that has not asked for anything yet is closed
  size_t held_bytes_max = 64u << 20;          // of all requests that are not whole yet, and at least eight largest bodies
  size_t workers_max = 8;
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(5);
  std::chrono::milliseconds read_timeout = std::chrono::seconds(10);    // first byte of a request to its last
  std::chrono::milliseconds write_timeout = std::chrono::minutes(2);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);    // between requests
  std::shared_ptr<os::LoopGroup> loops;       // null: os::LoopGroup::process()
};

// On a worker thread; may block.
using Handler = std::function<Response(const Request&)>;

class Server {
 public:
  explicit Server(ServerSettings settings);
  ~Server();  // stop(0)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start(). A path ending in '/' takes all below it; the longest match wins; nothing matches: 404.
  // `needs_certificate`: 401 without a verified client certificate (only asked when TLS is on).
  void add(std::string path, Handler handler, bool needs_certificate = false);
  // kUnavailable with Go's words when the address is taken.
  Status start();
  [[nodiscard]] std::string address() const;  // "127.0.0.1:41234", after start()
  [[nodiscard]] uint16_t port() const;
  // New handshakes from now on use this context.
  void set_tls(std::shared_ptr<tls::ServerContext> tls);
  // No new requests; those on the way may finish until `grace` is over.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvage::http
