// configtxlator: configuration as JSON and back, and the update between two configurations.
#include <iostream>

#include "os/log_sink.h"
#include "tools/configtxlator/configtxlator.h"

int main(int argc, char** argv) {
  if (auto ready = selvage::os::start_logging(); !ready) {
    std::cerr << selvage::to_string(ready.error()) << "\n";
    return 1;
  }
  return selvage::tools::configtxlator::run({argv + 1, argv + argc}, {std::cout, std::cerr});
}
