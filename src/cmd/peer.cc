// `peer`: the node (`peer node start`).
#include <cstdio>
#include <cstring>

#include "node/peer/peer_node.h"

int main(int count, char** arguments) {
  if (count >= 3 && std::strcmp(arguments[1], "node") == 0 && std::strcmp(arguments[2], "start") == 0) {
    return selvage::node::run_peer_node();
  }
  std::fprintf(stderr, "Usage:\n  peer node start\n");
  return 1;
}
