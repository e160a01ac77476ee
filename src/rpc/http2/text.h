// Small texts of the protocol: grpc-timeout, durations as Go prints them, HTTP status to gRPC code.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace selvage::rpc {

// "100m" (at most eight digits and a unit of HMSmun); nullopt on anything else.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text);
// The finest unit that fits eight digits, rounded up; "0n" for what is not positive.
[[nodiscard]] std::string format_timeout(std::chrono::nanoseconds timeout);

// time.Duration.String() of Go: "1.8ms", "2m30s", "0s".
[[nodiscard]] std::string go_duration(std::chrono::nanoseconds duration);

// What a response that is not gRPC's means (401: Unauthenticated, 503: Unavailable, ...).
[[nodiscard]] Code code_of_http(int status);
// What a stream reset by the other side means (CANCEL: Cancelled, REFUSED_STREAM: Unavailable, ...).
[[nodiscard]] Code code_of_http2(uint32_t error);
// HTTP/2's name as Go prints it: "CANCEL", "PROTOCOL_ERROR", "unknown error code 0x2a".
[[nodiscard]] std::string name_of_http2(uint32_t error);

}  // namespace selvage::rpc
