// selvage: what Fabric's own programs have no command for.
#include <iostream>

#include "tools/selvage/selvage.h"

int main(int argc, char** argv) {
  return selvage::tools::selvage_program::run({argv + 1, argv + argc}, {std::cout, std::cerr});
}
