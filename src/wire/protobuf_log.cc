#include "wire/protobuf_log.h"

#include <google/protobuf/stubs/logging.h>

#include <string>

#include "base/bytes.h"
#include "base/log.h"

namespace selvage::wire {
namespace {

void write(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  static const log::Logger logger("protobuf");
  LOG_DEBUG(logger, "{}", escape(message));
}

}  // namespace

void route_protobuf_log() {
  static const auto previous = google::protobuf::SetLogHandler(&write);
  (void)previous;
}

}  // namespace selvage::wire
