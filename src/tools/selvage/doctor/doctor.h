// `selvage doctor tls`: everything about a node's mutual TLS that can be known without asking the node: own files,
// trust, a channel's configuration, live handshakes, expiry, in which order to renew.
#pragma once

#include <string>
#include <vector>

#include "config/tree.h"
#include "tools/terminal.h"

namespace selvage::tools::doctor {

struct Wanted {
  std::string config_file;            // --config; empty: where the node would look
  std::vector<std::string> peers;     // --peer H:P
  std::vector<std::string> orderers;  // --orderer H:P
  std::string channel;                // --channel
  std::string block_file;             // --config-block: its configuration from a file in place of a live node
  std::vector<std::string> ca_files;  // --cafile: more roots to believe
  bool json = false;                  // --json
};

// Exit code 0: all well; 1: warnings; 2: failures, or it could not be looked at.
int run(const Wanted& wanted, const config::Environment& environment, Terminal terminal);

}  // namespace selvage::tools::doctor
