// TCP sockets with Go's words for what goes wrong.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>

#include "base/result.h"

namespace selvage::http {

// "127.0.0.1:7051", "[::1]:7051".
[[nodiscard]] std::string address_text(const sockaddr_storage& address);
[[nodiscard]] std::string local_address(int fd);

// A non-blocking listener on "host:port" (empty host: all addresses). kUnavailable: "listen tcp 127.0.0.1:9443: bind:
// address already in use"; kInvalidArgument: no such address.
[[nodiscard]] Result<int> listen_on(const std::string& address);
// A connected, non-blocking socket. kUnavailable: "dial tcp 127.0.0.1:1: connect: connection refused", "dial tcp: lookup
// x: no such host"; kDeadlineExceeded: "dial tcp ...: i/o timeout".
[[nodiscard]] Result<int> dial(const std::string& host, const std::string& port, std::chrono::steady_clock::time_point deadline);

}  // namespace selvage::http
