// tls_handshake_failures_total{code,side,listener}: every TLS connection of this process that came to nothing. `side` says
// whose fault it is (client, server, network, unknown); `listener` is the server= field of the line, or "outgoing" for
// connections that this process dialled.
//
// One counter a process, as with log::set_observer(): handshakes fail in rpc/ and http/, whose clients know no metrics.
#pragma once

#include <string>

#include "base/metrics.h"
#include "tls/diagnosis.h"

namespace selvage::tls {

// From now on failures are counted there; null: nowhere. Whoever set one takes it back before `provider` goes.
void count_failures_in(metrics::Provider* provider);
// Any thread.
void count_failure(const Diagnosis& diagnosis, const std::string& listener);
void count_failure(const Evidence& evidence, const Diagnosis& diagnosis);  // with the listener of its policy

// "client", "server", "network", "unknown".
[[nodiscard]] const char* name_of(Fault fault);

}  // namespace selvage::tls
