// `selvage rotate orderer`: gives a consenter another TLS pair without an outage. The update goes into every channel
// first; when all orderers that answer have it, the files are replaced, and the running node takes them up by itself.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tools/terminal.h"

namespace selvage::tools::rotate {

struct Wanted {
  std::string node;                             // --node: the consenter, host:port as the channels name it
  std::string new_cert, new_key;                // --new-cert, --new-key: the pair for its server
  std::string new_client_cert, new_client_key;  // --new-client-*: for its dialling; empty: the same pair
  std::vector<std::string> admins;              // --admin: admin listeners that are asked which channels there are
  std::vector<std::string> channels;            // --channel: only these; empty: all that the admin listeners name
  std::vector<std::string> orderers;      // --orderer: to ask and to submit to; others than `node` where there are any
  std::string ca_file;                    // --cafile: TLS CA of the orderers
  std::string tls_cert, tls_key;          // --certfile, --keyfile: our own TLS pair
  std::string msp_id, msp_folder;         // --mspid, --msp: an admin of the orderer organisation
  std::vector<std::string> signers;       // --sign MSPID:FOLDER: more admins, where the policy wants several
  std::string install_cert, install_key;  // --install-cert, --install-key: the node's files
  std::string install_client_cert, install_client_key;  // --install-client-*
  std::chrono::seconds timeout{120};                    // --timeout
  bool dry_run = false;                                 // --dry-run: print the plan
};

// Exit code 0: done, or planned; 1: not, with what was done so far.
int run(const Wanted& wanted, Terminal terminal);

}  // namespace selvage::tools::rotate
