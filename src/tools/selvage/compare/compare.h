// selvage compare: walks two peers' ledgers, of either make, and reports the first block in which they differ.
#pragma once

#include <string>
#include <vector>

#include "tools/terminal.h"

namespace selvage::tools::compare {

struct Wanted {
  std::vector<std::string> peers;     // two, host:port
  std::vector<std::string> ca_files;  // of their TLS certificates; believed for both
  std::string tls_certificate, tls_key;
  std::string mspid, msp_folder;      // who asks: a reader of the channel
  std::string channel;
};

// Exit code 0: the same up to the lower height; 1: they differ; 2: it could not be found out.
int run(const Wanted& wanted, Terminal terminal);

}  // namespace selvage::tools::compare
