// A TLS client and whatever a server, or what sits in its place, answers.
#include <cstdint>

#include "kit/handshakes.h"

namespace {

using namespace selvage;

tls::ClientContext& client() {
  static auto* context = [] {
    static test::Authority ca("tlsca.org1");
    return new tls::ClientContext(test::credentials(ca.client("app1"), "client"), test::trust({ca.certificate()}),
                                  tls::ClientPolicy(), std::make_shared<test::StillClock>());
  }();
  return *context;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  auto session = client().connect("localhost", "localhost:7051");
  Bytes heard;
  session->receive("", heard);
  session->receive(BytesView(reinterpret_cast<const char*>(bytes), size), heard);
  session->receive_end();
  if (session->state() == tls::Session::State::kOpen || !heard.empty()) __builtin_trap();
  if (session->failure() == nullptr) __builtin_trap();
  (void)tls::to_sentence(*session->diagnosis());
  return 0;
}
