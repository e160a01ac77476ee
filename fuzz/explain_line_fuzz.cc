// `selvage explain`: lines of logs that somebody pastes.
#include "input.h"
#include "tls/catalogue/catalogue.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  for (const tls::Recognised& one : tls::recognise(fuzz::view_of(bytes, size))) {
    if (one.codes.empty()) __builtin_trap();
    for (const int code : one.codes) {
      if (tls::find_code(code) == nullptr) __builtin_trap();
    }
  }
  return 0;
}
