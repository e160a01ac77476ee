#include <chrono>
#include <ostream>
#include <thread>

#include "http/client.h"
#include "tls/context.h"
#include "tls/files_service.h"
#include "tools/selvage/doctor/watch.h"

namespace selvage::tools::doctor {
namespace {

constexpr std::chrono::seconds kPause{2};

Result<std::shared_ptr<tls::ClientContext>> make_context(const WatchWanted& wanted) {
  SELVAGE_TRY(auto roots, tls::load_roots(wanted.ca_file, Origin{"--cafile", "", 0}));
  SELVAGE_TRY(auto pair, tls::load_credentials({wanted.cert_file, Origin{"--certfile", "", 0}, wanted.key_file, Origin{"--keyfile", "", 0}}));
  tls::ClientPolicy policy;
  policy.alpn = {"http/1.1"};
  policy.roots_setting = {"--cafile", "", 0};
  policy.certificate_setting = {"--certfile", "", 0};
  policy.is_cli = true;
  return std::make_shared<tls::ClientContext>(std::make_shared<tls::CredentialStore>(pair),
                                              std::make_shared<tls::TrustStore>(std::move(roots)), policy);
}

}  // namespace

int watch(const WatchWanted& wanted, Terminal terminal) {
  const auto refuse = [&](const std::string& text) {
    terminal.err << "selvage: error: " << text << "\n";
    return 2;
  };
  if (wanted.nodes.empty()) return refuse("name an operations listener with --node host:port");
  auto tls = make_context(wanted);
  if (!tls) return refuse(to_string(tls.error()));
  std::map<std::string, std::string> known;
  while (true) {
    size_t refused = 0;
    for (const std::string& node : wanted.nodes) {
      http::ClientRequest request;
      request.url = "https://" + node + "/tls/visitors";
      request.tls = *tls;
      request.response_bytes_max = 16u << 20;
      auto response = http::fetch(request);
      if (!response) return refuse(to_string(response.error()));
      if (response->status != 200) return refuse(node + " answered " + std::to_string(response->status) + ": " + escape(response->body, 200));
      auto seen = news(node, response->body, known);
      if (!seen) return refuse(to_string(seen.error()));
      terminal.out << seen->lines << std::flush;
      refused += seen->refused;
    }
    if (wanted.once) return refused > 0 ? 1 : 0;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace selvage::tools::doctor
