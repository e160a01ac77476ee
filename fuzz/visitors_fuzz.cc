// The pages of the operations listener that show certificates of strangers: whatever is in a certificate, the page is
// JSON.
#include <nlohmann/json.hpp>

#include "input.h"
#include "kit/handshakes.h"
#include "ops/tls_service.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  const BytesView input = fuzz::view_of(bytes, size);
  const auto certificate = crypto::Certificate::from_der(input);
  if (!certificate) return 0;
  static test::Authority& ca = *new test::Authority("tlsca.org1");
  static const auto trust = test::trust({ca.certificate()});
  tls::Visitors visitors(trust, tls::ServerPolicy(), std::make_shared<test::StillClock>());
  visitors.saw("10.0.0.7:51234", {*certificate});
  ops::TlsConnection connection;
  connection.certificate = Bytes(input);
  for (const std::string& page :
       {ops::visitors_json(&visitors, SystemTime()), ops::connections_json({connection}, SystemTime())}) {
    if (!nlohmann::json::accept(page)) __builtin_trap();
  }
  return 0;
}
