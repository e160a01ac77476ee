// How a call ended: what gRPC puts in the trailers grpc-status, grpc-message and grpc-status-details-bin.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::rpc {

// One google.protobuf.Any of a google.rpc.Status.
struct Detail {
  std::string type_url;  // "type.googleapis.com/gateway.ErrorDetail"
  Bytes value;           // the encoded message
};

// In this namespace `Status` is a call's end; the Result<void> of base is written selvage::Status.
struct Status {
  Code code = Code::kOk;
  std::string message;
  std::vector<Detail> details;

  Status() = default;
  Status(Code c, std::string text, std::vector<Detail> more = {})
      : code(c), message(std::move(text)), details(std::move(more)) {}
  // What the other side may know of an error: code and message; cause and hint stay here.
  explicit Status(const Error& error) : code(error.code), message(error.message) {}

  [[nodiscard]] bool ok() const { return code == Code::kOk; }
  // Go's text: "rpc error: code = Unavailable desc = ...". The peer CLI and the gateway show it.
  [[nodiscard]] std::string to_string() const;
  // As an Error with this code and message; not for an ok status.
  [[nodiscard]] Error error() const { return Error{code, message, "", ""}; }
};

// The google.rpc.Status message of grpc-status-details-bin. parse: false on bytes that are not one.
[[nodiscard]] Bytes encode_details(const Status& status);
bool parse_details(BytesView bytes, Status* status);

// grpc-message: bytes outside printable ASCII and '%' become %XX. Decoding never fails; what is not %XX stays.
[[nodiscard]] std::string percent_encode(std::string_view text);
[[nodiscard]] std::string percent_decode(std::string_view text);

}  // namespace selvage::rpc
