// The body of PUT /logspec, and FABRIC_LOGGING_SPEC: refused, or a spec that says itself again.
#include <cstdlib>

#include "base/log.h"
#include "ops/logspec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  (void)ops::parse_logspec_body(std::string_view(reinterpret_cast<const char*>(bytes), size));
  static log::Logger logger("gossip.state.fuzz");
  if (!log::set_spec(std::string_view(reinterpret_cast<const char*>(bytes), size))) return 0;
  (void)logger.enabled(log::Level::kInfo);
  const std::string spec = log::spec();
  if (!log::set_spec(spec) || log::spec() != spec) std::abort();
  return 0;
}
