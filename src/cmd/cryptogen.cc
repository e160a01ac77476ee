// cryptogen: key material for networks that are tried out or tested.
#include <iostream>

#include "tools/cryptogen/cryptogen.h"

int main(int argc, char** argv) {
  return selvage::tools::cryptogen::run({argv + 1, argv + argc}, {std::cout, std::cerr});
}
