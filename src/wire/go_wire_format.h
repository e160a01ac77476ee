// Whether Go's protobuf would read some bytes as a message, where libprotobuf judges otherwise. A peer in Go and one of
// ours must never differ on whether a transaction makes sense.
//
// Three differences are known: Go refuses a varint of more than 64 bits and a field's number of more than 29, which
// libprotobuf cuts; and Go reads a tag written in six to ten bytes, at which libprotobuf stops.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace google::protobuf {
class Descriptor;
}

namespace selvage::wire {

enum class GoReading {
  kSame,     // libprotobuf may read the bytes as they are (and may still refuse them, as Go does)
  kRefuses,  // Go refuses them
  kLongTags  // Go reads them; libprotobuf does after with_short_tags()
};

// Walks the fields, and those of messages inside, without copying.
[[nodiscard]] GoReading how_go_reads(BytesView bytes, const google::protobuf::Descriptor& type);
// The same fields, each tag written as short as it goes. For bytes that how_go_reads() found to have long ones.
[[nodiscard]] Bytes with_short_tags(BytesView bytes, const google::protobuf::Descriptor& type);

}  // namespace selvage::wire
