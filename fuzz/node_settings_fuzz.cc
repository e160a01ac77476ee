// core.yaml and orderer.yaml down to their values: refused in one line, or settings. The first byte: which of the two.
#include "config/core_settings.h"
#include "config/orderer_settings.h"
#include "config/tree.h"
#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  fuzz::be_quiet();
  if (size == 0) return 0;
  const bool core = (bytes[0] & 1) != 0;
  auto tree = config::Tree::parse(fuzz::view_of(bytes + 1, size - 1), core ? "core.yaml" : "orderer.yaml",
                                  core ? "CORE" : "ORDERER", {});
  if (!tree) return 0;
  if (!core) {
    (void)config::read_orderer_settings(*tree).has_value();
  } else if (auto settings = config::read_core_settings(*tree)) {
    (void)config::advertised_address(*settings).has_value();
  }
  return 0;
}
