// osnadmin: channels of one orderer.
#include <iostream>

#include "tools/osnadmin/osnadmin.h"

int main(int argc, char** argv) {
  return selvage::tools::osnadmin::run({argv + 1, argv + argc}, {std::cout, std::cerr});
}
