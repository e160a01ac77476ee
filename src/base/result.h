// What a function that can fail gives back: a value, or an Error that tells each of its readers what it should know.
//
// An invalid transaction is a result and a refused handshake a tls::Diagnosis; neither is an Error.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace selvage {

// gRPC's status codes; numbers are those on the wire.
enum class Code {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// gRPC's name of a code as Go prints it ("NotFound").
[[nodiscard]] const char* name_of(Code code);

struct Error {
  Code code = Code::kUnknown;
  std::string message;  // what the other side is told; on the wire Fabric's exact words
  std::string cause;    // for our log only; may name files and addresses, never key material
  std::string hint;     // for the operator: setting, file, remedy; empty when there is nothing to do

  // The same error seen from one step further out: "<context>: <message>".
  [[nodiscard]] Error within(std::string_view context) const {
    return Error{code, std::string(context) + ": " + message, cause, hint};
  }
};

// Message, cause and hint in one line for a log or a terminal.
[[nodiscard]] std::string to_string(const Error& error);

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

// A Result without a value.
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message, std::string cause = "",
                                                std::string hint = "") {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(cause), std::move(hint)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace selvage

#define SELVAGE_CONCAT2(a, b) a##b
#define SELVAGE_CONCAT(a, b) SELVAGE_CONCAT2(a, b)

// SELVAGE_TRY(auto x, f()): x is f()'s value, or this function returns f()'s error. SELVAGE_CHECK(f()) for a Status.
#define SELVAGE_TRY(declaration, expression)                                                        \
  auto SELVAGE_CONCAT(try_, __LINE__) = (expression);                                               \
  if (!SELVAGE_CONCAT(try_, __LINE__)) return ::selvage::fail(std::move(SELVAGE_CONCAT(try_, __LINE__)).error()); \
  declaration = std::move(*SELVAGE_CONCAT(try_, __LINE__))
#define SELVAGE_CHECK(expression)                                                                      \
  if (auto SELVAGE_CONCAT(check_, __LINE__) = (expression); !SELVAGE_CONCAT(check_, __LINE__))         \
  return ::selvage::fail(std::move(SELVAGE_CONCAT(check_, __LINE__)).error())
