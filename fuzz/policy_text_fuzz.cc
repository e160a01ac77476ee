// Policies as text on command lines and in configtx.yaml, and as bytes in configurations and approvals.
#include "common/policies.pb.h"
#include "golden.h"
#include "policy/signature_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const channel::BundlePtr bundle = fuzz::golden_bundle();
  const BytesView input(reinterpret_cast<const char*>(bytes), size);
  (void)policy::parse_implicit_meta_policy(input).has_value();
  if (auto parsed = policy::parse_signature_policy(input)) (void)policy::make_signature_policy(*parsed, bundle->msps()).has_value();
  (void)policy::make_signature_policy(input, bundle->msps()).has_value();
  return 0;
}
