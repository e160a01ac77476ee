// A small blocking HTTP/1.1 client, plaintext or over tls/: osnadmin, tests, the CA's client. One connection a request.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace selvage::tls {
class ClientContext;
}

namespace selvage::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;                            // "https://host:port/path?query"; http and https
  Headers headers;
  Bytes body;
  std::shared_ptr<tls::ClientContext> tls;    // for https
  std::string server_name;                    // to verify in place of the URL's host; empty: the host
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  // the whole exchange
  size_t response_bytes_max = 64u << 20;
};

// Errors: kInvalidArgument (URL), kUnavailable (dial; Go's words "dial tcp 127.0.0.1:1: connect: connection refused"),
// kUnauthenticated (handshake; message in Go's words, cause and hint from tls::Diagnosis), kDeadlineExceeded, kInternal
// (no HTTP came back). Any status is a Response. Any thread.
[[nodiscard]] Result<Response> fetch(const ClientRequest& request);

}  // namespace selvage::http
