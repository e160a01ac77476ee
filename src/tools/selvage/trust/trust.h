// `selvage trust show|diff`: whom running nodes believe, from /tls/trust of their operations listeners.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/terminal.h"

namespace selvage::tools::trust {

struct Root {
  std::string sha256, subject, not_after;
  std::string from;  // where it came from
};

struct Pool {
  std::string name;    // "PeerServer"
  std::string judges;  // "clients", "servers"
  std::vector<Root> roots;
};

// The body of GET /tls/trust. kInvalidArgument when it is something else.
[[nodiscard]] Result<std::vector<Pool>> parse_pools(const std::string& json);

[[nodiscard]] std::string to_text(const std::string& node, const std::vector<Pool>& pools);

// What one node's client roots have and another's have not, a line each: "only localhost:9443: CN=... [from]"; empty
// when they believe the same. Servers' roots are compared too, under their own heading.
[[nodiscard]] std::string differences(const std::string& a, const std::vector<Pool>& of_a, const std::string& b,
                                      const std::vector<Pool>& of_b);

struct Wanted {
  std::vector<std::string> nodes;  // --node H:P of operations listeners; two for diff
  std::string ca_file;             // --cafile
  std::string cert_file;           // --certfile
  std::string key_file;            // --keyfile
  bool diff = false;
};

// Exit code 0: shown, or no difference; 1: they differ; 2: it could not be looked at.
int run(const Wanted& wanted, Terminal terminal);

}  // namespace selvage::tools::trust
