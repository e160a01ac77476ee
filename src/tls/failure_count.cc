#include "tls/failure_count.h"

#include <mutex>

namespace selvage::tls {
namespace {

std::mutex mutex;
metrics::Family<metrics::Counter>* failures = nullptr;

}  // namespace

void count_failures_in(metrics::Provider* provider) {
  std::lock_guard lock(mutex);
  failures = provider == nullptr
                 ? nullptr
                 : &provider->counter({"tls", "", "handshake_failures_total",
                                       "TLS connections that came to nothing, by code (doc/tls), by whose fault it is, and by "
                                       "listener (\"outgoing\": dialled by this process).",
                                       {"code", "side", "listener"}, "%{#fqname}.%{code}.%{side}.%{listener}", {}});
}

void count_failure(const Diagnosis& diagnosis, const std::string& listener) {
  std::lock_guard lock(mutex);
  if (failures != nullptr) failures->with({diagnosis.code, name_of(diagnosis.fault), listener}).add(1);
}

void count_failure(const Evidence& evidence, const Diagnosis& diagnosis) {
  count_failure(diagnosis, evidence.our_side == Side::kServer ? evidence.server_policy.listener : "outgoing");
}

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::kClient: return "client";
    case Fault::kServer: return "server";
    case Fault::kNetwork: return "network";
    case Fault::kUnknown: break;
  }
  return "unknown";
}

}  // namespace selvage::tls
