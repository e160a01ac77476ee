// core.yaml, configtx.yaml and the like: refused in words, or a tree that can be asked and printed. The first line may set
// a variable, NAME=value.
#include <algorithm>

#include "config/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const size_t equals = input.substr(0, line).find('=');
  config::Environment environment;
  if (equals != std::string_view::npos) {
    environment["CORE_" + std::string(input.substr(0, equals))] = std::string(input.substr(equals + 1, line - equals - 1));
  }
  auto tree = config::Tree::parse(input.substr(std::min(line + 1, input.size())), "core.yaml", "CORE", environment);
  if (!tree) return 0;
  (void)tree->find("peer.tls.cert.file");
  (void)tree->is_set("peer.id");
  (void)tree->to_yaml();
  return 0;
}
