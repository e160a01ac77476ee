// Chaincode packages: what `peer lifecycle chaincode install` hands over.
#include "lifecycle/package.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  const BytesView input(reinterpret_cast<const char*>(bytes), size);
  constexpr size_t kUnpackedBytesMax = 1 << 20;
  (void)lifecycle::read_tar_gz(input, kUnpackedBytesMax).has_value();
  if (auto package = lifecycle::parse_package(input)) {
    (void)lifecycle::read_tar_gz(package->code, kUnpackedBytesMax).has_value();
  }
  (void)lifecycle::package_id_of_file(input);
  return 0;
}
