// discover: what a channel consists of, asked of a peer.
#include <iostream>

#include "tools/discover/discover.h"

int main(int argc, char** argv) {
  return selvage::tools::discover::run({argv + 1, argv + argc}, {std::cout, std::cerr});
}
