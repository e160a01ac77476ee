// A shared object as a source of plugin tables: the one place that loads code into this process.
#pragma once

#include <string>

#include "base/result.h"

namespace selvage::plugin {

// The function `symbol` of the shared object at `path`, which stays loaded until the process ends. Runs the object's
// own initialisers. kNotFound: no such file. kInvalidArgument: not an object for this program (among them Go plugins,
// which are told from their bytes and not loaded), or no such function. Message and hint are one line each.
[[nodiscard]] Result<void*> load_function(const std::string& path, const char* symbol);

}  // namespace selvage::plugin
