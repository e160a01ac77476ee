// Where log lines go: stderr, in the format of FABRIC_LOGGING_FORMAT. spdlog does the writing.
//
// A format is text with verbs: %{color}, %{color:bold}, %{color:reset}, %{time:2006-01-02 15:04:05.000 MST} (Go's
// reference time), %{id:04x}, %{level:.4s}, %{module}, %{shortfunc}, %{message}; or one of the words "json" and "logfmt".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace selvage::os {

// A format made ready. Immutable.
class LogFormat {
 public:
  // Empty: Fabric's default. kInvalidArgument: a colour option that does not exist.
  [[nodiscard]] static Result<LogFormat> parse(std::string_view format);
  // A whole line, its end included.
  [[nodiscard]] std::string line(const log::Record& record) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

// Sets sink and levels from FABRIC_LOGGING_FORMAT and FABRIC_LOGGING_SPEC. First thing in each program; a program that
// logs at another level when FABRIC_LOGGING_SPEC is unset says so (the peer CLI: "warn" for some commands).
Status start_logging(std::string_view default_spec = "info");
// The same with given values.
Status start_logging(std::string_view format, std::string_view spec);

}  // namespace selvage::os
