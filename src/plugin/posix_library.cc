#include "plugin/posix_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace selvage::plugin {
namespace {

constexpr char kRemedy[] =
    "build the plugin against plugin/plugin_abi.h (samples/README.md has one), or remove the setting";

// Go's linker exports such a symbol from a plugin for each package (older ones: with a dot), and none from a library of
// -buildmode=c-shared.
bool is_go_plugin(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return bytes.find("go:link.pkghashbytes.") != std::string::npos ||
         bytes.find("go.link.pkghashbytes.") != std::string::npos;
}

}  // namespace

Result<void*> load_function(const std::string& path, const char* symbol) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return fail(Code::kNotFound, "Could not find plugin at path " + path, "", "set the path of a shared object");
  }
  if (is_go_plugin(path)) {
    return fail(Code::kInvalidArgument, path + " is a Go plugin, which only Go Fabric's peer can load", "", kRemedy);
  }
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(Code::kInvalidArgument,
                "Error opening plugin at path " + path + ": " + (why != nullptr ? why : "unknown"), "", kRemedy);
  }
  void* function = ::dlsym(library, symbol);
  if (function == nullptr) {
    return fail(Code::kInvalidArgument, "plugin " + path + " exports no function " + symbol, "", kRemedy);
  }
  return function;
}

}  // namespace selvage::plugin
