// `selvage doctor tls watch`: before client authentication is switched on, who connects and who would be refused. Reads
// /tls/visitors of nodes' operations listeners; refuses nobody.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/terminal.h"

namespace selvage::tools::doctor {

struct WatchWanted {
  std::vector<std::string> nodes;  // --node: operations listeners, host:port
  std::string ca_file, cert_file, key_file;
  bool once = false;               // --once: one look; otherwise every two seconds until interrupted
};

// Exit code 0: nobody would be refused; 1: somebody would; 2: a node cannot be asked.
int watch(const WatchWanted& wanted, Terminal terminal);

// What changed: a line for each visitor who is new or is judged otherwise than `known` says (key: node, source, certificate;
// value: code). kInvalidArgument: no such page.
struct Seen {
  std::string lines;
  size_t refused = 0;  // of all who are on the page
};
[[nodiscard]] Result<Seen> news(const std::string& node, const std::string& page, std::map<std::string, std::string>& known);

}  // namespace selvage::tools::doctor
