#include "rpc/serving/handshake_log.h"

#include "rpc/http2/text.h"
#include "tls/failure_count.h"
#include "tls/session.h"

namespace selvage::rpc {

HandshakeLog::HandshakeLog(const std::string& logger, std::string server)
    : logger_(log::Logger(logger).with("server", std::move(server))) {}

void HandshakeLog::failed(tls::Session& session, const std::string& remote_address, SteadyTime now) {
  const tls::Evidence* evidence = session.failure();
  auto diagnosis = session.diagnosis();
  if (!evidence || !diagnosis) return;
  tls::count_failure(*evidence, *diagnosis);
  // Fabric's function name is part of its line format.
  constexpr const char* kFunction = "ServerHandshake";
  log::Logger logger = logger_.with("remoteaddress", remote_address);
  if (evidence->server_policy.explain == tls::Explain::kOff) {
    return logger.write(log::Level::kError, kFunction, tls::handshake_line(*evidence));
  }
  std::string source = remote_address.substr(0, remote_address.rfind(':'));
  tls::RecordLimiter::Decision line, record;
  {
    std::lock_guard lock(mutex_);
    if (!diagnosis->noise) line = lines_.admit(source, diagnosis->code + diagnosis->error, now);
    record = (diagnosis->noise ? probes_ : records_).admit(source, diagnosis->code, now);
  }
  log::Level level = line.print ? log::Level::kError : log::Level::kDebug;
  if (logger.enabled(level)) logger.write(level, kFunction, tls::handshake_line(*evidence));
  if (!record.print || (diagnosis->noise && record.seen_before == 0)) return;
  std::string text = "Why the TLS handshake failed\n" + tls::to_record(*diagnosis, record.seen_before, source);
  // In the default format the record says in words what the fields say.
  logger.with(tls::to_fields(*evidence, *diagnosis, record.seen_before))
      .write(diagnosis->noise ? log::Level::kInfo : log::Level::kWarn, kFunction, text);
}

void HandshakeLog::completed(const std::string& remote_address, std::chrono::nanoseconds duration) {
  if (!logger_.enabled(log::Level::kDebug)) return;
  logger_.with("remoteaddress", remote_address)
      .write(log::Level::kDebug, "ServerHandshake", "Server TLS handshake completed in " + go_duration(duration));
}

}  // namespace selvage::rpc
