#include "wire/marshal.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>

#include "wire/go_wire_format.h"

namespace selvage::wire {
namespace {

// libprotobuf writes to stderr when bytes from outside do not parse; the caller already gets an error.
[[maybe_unused]] const bool quiet = [] {
  google::protobuf::SetLogHandler(
      [](google::protobuf::LogLevel level, const char* file, int line, const std::string& message) {
        if (level == google::protobuf::LOGLEVEL_FATAL) fprintf(stderr, "%s:%d %s\n", file, line, message.c_str());
      });
  return true;
}();

}  // namespace

Status parse_into(BytesView bytes, google::protobuf::Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const GoReading reading = how_go_reads(bytes, type);
  Bytes shorter;
  if (reading == GoReading::kLongTags) bytes = shorter = with_short_tags(bytes, type);
  if (reading != GoReading::kRefuses && bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) &&
      message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return {};
  return fail(Code::kInvalidArgument, "error unmarshalling " + type.name() + ": " + kBadWireFormat);
}

Bytes marshal(const google::protobuf::Message& message) {
  Bytes out;
  out.reserve(message.ByteSizeLong());
  {
    google::protobuf::io::StringOutputStream sink(&out);
    google::protobuf::io::CodedOutputStream coded(&sink);
    coded.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&coded);
  }
  return out;
}

}  // namespace selvage::wire
