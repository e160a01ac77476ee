// A TLS server before it knows who is there: whatever bytes come, it ends in an orderly state, and what it then says can be
// printed. The corpus holds first flights of real clients.
#include <algorithm>
#include <cstdint>

#include "kit/handshakes.h"

namespace {

using namespace selvage;

tls::ServerContext& server() {
  static auto* context = [] {
    static test::Authority ca("tlsca.org1");
    return new tls::ServerContext(test::credentials(ca.server("peer0", {"localhost"})), test::trust({ca.certificate()}),
                                  tls::ServerPolicy(), std::make_shared<test::StillClock>());
  }();
  return *context;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  // The first byte says in what pieces the rest arrives.
  const size_t piece = size == 0 ? 1 : 1 + bytes[0] * 8u;
  auto session = server().accept("10.0.0.7:51234");
  Bytes heard;
  for (size_t at = 1; at < size; at += piece) {
    session->receive(BytesView(reinterpret_cast<const char*>(bytes) + at, std::min(piece, size - at)), heard);
    session->consume_output(session->output().size());
  }
  session->receive_end();
  if (session->state() == tls::Session::State::kOpen || !heard.empty()) __builtin_trap();  // nobody was authenticated
  if (session->failure() == nullptr) __builtin_trap();
  (void)tls::to_record(*session->diagnosis());
  (void)tls::to_fields(*session->failure(), *session->diagnosis());
  return 0;
}
