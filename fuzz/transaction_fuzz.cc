// Transactions in a block, as a peer judges them: hostile orderers and clients both write them.
#include "base/log.h"
#include "golden.h"
#include "validate/transaction_check.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const channel::BundlePtr bundle = (wire::route_protobuf_log(), (void)log::set_spec("fatal"), fuzz::golden_bundle());
  (void)validate::check_transaction(BytesView(reinterpret_cast<const char*>(bytes), size), *bundle, nullptr);
  return 0;
}
