// The table that a shared object gives for one kind of plugin. Private to plugin/.
#pragma once

#include <string>

#include "base/result.h"
#include "plugin/plugin_abi.h"
#include "plugin/posix_library.h"

namespace selvage::plugin {

// Errors as of load_function(), and kInvalidArgument for no table or one of another version. The table lives on.
template <class Table>
[[nodiscard]] Result<const Table*> load_table(const std::string& path, const char* symbol) {
  SELVAGE_TRY(void* const function, load_function(path, symbol));
  const Table* const table = reinterpret_cast<const Table* (*)()>(function)();
  if (table == nullptr) return fail(Code::kInvalidArgument, "plugin " + path + ": " + symbol + " gives no table");
  if (table->abi_version != SELVAGE_PLUGIN_ABI_VERSION) {
    return fail(Code::kInvalidArgument,
                "plugin " + path + " was built for version " + std::to_string(table->abi_version) +
                    " of the plugin interface, this peer has version " + std::to_string(SELVAGE_PLUGIN_ABI_VERSION),
                "", "build the plugin against this release's plugin/plugin_abi.h");
  }
  return table;
}

}  // namespace selvage::plugin
