// configtxgen: genesis blocks of channels, and blocks as JSON.
#include <iostream>

#include "os/log_sink.h"
#include "tools/configtxgen/configtxgen.h"

int main(int argc, char** argv) {
  if (auto ready = selvage::os::start_logging(); !ready) {
    std::cerr << selvage::to_string(ready.error()) << "\n";
    return 1;
  }
  return selvage::tools::configtxgen::run(argv[0], {argv + 1, argv + argc}, {std::cout, std::cerr});
}
