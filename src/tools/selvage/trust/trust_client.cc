#include <ostream>

#include "http/client.h"
#include "tls/context.h"
#include "tls/files_service.h"
#include "tools/selvage/trust/trust.h"

namespace selvage::tools::trust {
namespace {

Result<std::shared_ptr<tls::ClientContext>> make_context(const Wanted& wanted) {
  SELVAGE_TRY(auto roots, tls::load_roots(wanted.ca_file, Origin{"--cafile", "", 0}));
  SELVAGE_TRY(auto pair, tls::load_credentials({wanted.cert_file, Origin{"--certfile", "", 0}, wanted.key_file,
                                                Origin{"--keyfile", "", 0}}));
  tls::ClientPolicy policy;
  policy.alpn = {"http/1.1"};
  policy.roots_setting = {"--cafile", "", 0};
  policy.certificate_setting = {"--certfile", "", 0};
  policy.is_cli = true;
  return std::make_shared<tls::ClientContext>(std::make_shared<tls::CredentialStore>(pair),
                                              std::make_shared<tls::TrustStore>(std::move(roots)), policy);
}

Result<std::vector<Pool>> pools_of(const std::string& node, const std::shared_ptr<tls::ClientContext>& tls) {
  http::ClientRequest request;
  request.url = "https://" + node + "/tls/trust";
  request.tls = tls;
  request.response_bytes_max = 16u << 20;
  SELVAGE_TRY(auto response, http::fetch(request));
  if (response.status == 404) {
    return fail(Code::kUnimplemented,
                node + " has no /tls/trust: it is no Selvage node, or not its operations listener");
  }
  if (response.status != 200)
    return fail(Code::kUnknown,
                node + " answered " + std::to_string(response.status) + ": " + escape(response.body, 200));
  auto pools = parse_pools(response.body);
  if (!pools) return fail(pools.error().within(node));
  return pools;
}

}  // namespace

int run(const Wanted& wanted, Terminal terminal) {
  const auto refuse = [&](const std::string& text) {
    terminal.err << "selvage: error: " << text << "\n";
    return 2;
  };
  if (wanted.diff ? wanted.nodes.size() != 2 : wanted.nodes.empty()) {
    return refuse(wanted.diff ? "trust diff compares two nodes: give --node twice"
                              : "name an operations listener with --node host:port");
  }
  auto tls = make_context(wanted);
  if (!tls) return refuse(to_string(tls.error()));
  std::vector<std::vector<Pool>> pools;
  for (const std::string& node : wanted.nodes) {
    auto got = pools_of(node, *tls);
    if (!got) return refuse(to_string(got.error()));
    if (!wanted.diff) terminal.out << to_text(node, *got);
    pools.push_back(std::move(*got));
  }
  if (!wanted.diff) return 0;
  const std::string lines = differences(wanted.nodes[0], pools[0], wanted.nodes[1], pools[1]);
  terminal.out << (lines.empty() ? "both believe the same\n" : lines);
  return lines.empty() ? 0 : 1;
}

}  // namespace selvage::tools::trust
