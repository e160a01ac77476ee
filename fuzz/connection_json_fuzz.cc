// connection.json of a chaincode package, with its template: written by whoever packed it.
#include <algorithm>

#include "chaincode/ccaas/connection.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const size_t cut = std::min(input.find('\0'), input.size());
  const std::string_view rest = input.substr(std::min(cut + 1, input.size()));
  (void)chaincode::parse_connection(input.substr(0, cut), rest).has_value();
  (void)chaincode::expand_template(input.substr(0, cut), rest).has_value();
  return 0;
}
