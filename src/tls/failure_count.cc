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

void count_failure(const Evidence& evidence, const Diagnosis& diagnosis) {
  std::lock_guard lock(mutex);
  if (failures == nullptr) return;
  bool server = evidence.our_side == Side::kServer;
  failures->with({diagnosis.code, name_of(diagnosis.fault), server ? evidence.server_policy.listener : "outgoing"}).add(1);
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
