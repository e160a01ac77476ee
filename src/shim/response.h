// What a chaincode function answers.
#pragma once

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::shim {

// Status below 400: the peer endorses. 400 to 499: the client gets the message and no endorsement. From 500: an error.
struct Response {
  static constexpr int kOk = 200;
  static constexpr int kErrorThreshold = 400;
  static constexpr int kError = 500;

  int status = kOk;
  std::string message;
  Bytes payload;
};

[[nodiscard]] inline Response success(Bytes payload = {}) { return {Response::kOk, "", std::move(payload)}; }
[[nodiscard]] inline Response error(std::string message) { return {Response::kError, std::move(message), {}}; }
// Of a Stub's call that failed.
[[nodiscard]] inline Response error(const Error& failure) { return error(failure.message); }

}  // namespace selvage::shim
