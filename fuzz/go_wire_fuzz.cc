// How Go reads a transaction's bytes where libprotobuf reads them otherwise. The first byte: which message.
#include "common/common.pb.h"
#include "input.h"
#include "ledger/rwset/rwset.pb.h"
#include "peer/transaction.pb.h"
#include "wire/go_wire_format.h"
#include "wire/protobuf_log.h"

namespace {

template <class M>
void read(selvage::BytesView input) {
  using namespace selvage;
  const auto& type = *M::descriptor();
  const wire::GoReading how = wire::how_go_reads(input, type);
  if (how != wire::GoReading::kLongTags) return;
  const Bytes fixed = wire::with_short_tags(input, type);
  if (fixed.size() > input.size() || wire::how_go_reads(fixed, type) != wire::GoReading::kSame) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  wire::route_protobuf_log();
  if (size == 0) return 0;
  const BytesView input = fuzz::view_of(bytes + 1, size - 1);
  switch (bytes[0] % 4) {
    case 0:
      read<::common::Envelope>(input);
      break;
    case 1:
      read<::common::Payload>(input);
      break;
    case 2:
      read<::protos::Transaction>(input);
      break;
    default:
      read<::rwset::TxReadWriteSet>(input);
  }
  return 0;
}
