// The program `orderer`: command line, logging, settings, signals.
#pragma once

#include <string>
#include <vector>

namespace selvage::node {

// `arguments` without the program's name. Returns the exit status. Call it before any thread is started.
int run_orderer(const std::vector<std::string>& arguments);

}  // namespace selvage::node
