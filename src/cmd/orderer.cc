// orderer: an ordering node.
#include "node/allocator.h"
#include "node/orderer/program.h"

extern "C" {
const char* malloc_conf = selvage::node::kAllocatorSettings;  // jemalloc looks for this name
}

int main(int argc, char** argv) { return selvage::node::run_orderer({argv + 1, argv + argc}); }
