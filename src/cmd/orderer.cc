// orderer: an ordering node.
#include "node/orderer/program.h"

int main(int argc, char** argv) { return selvage::node::run_orderer({argv + 1, argv + argc}); }
