#include "rpc/http2/message_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace selvage::rpc {
namespace {

Bytes framed(BytesView message, char flag = 0) {
  char prefix[kPrefixBytes];
  put_prefix(message.size(), prefix);
  prefix[0] = flag;
  return Bytes(prefix, kPrefixBytes) + Bytes(message);
}

Bytes gzipped(const Bytes& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, plain.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(MessageReader, FindsMessagesHoweverTheBytesAreCut) {
  Bytes wire = framed("one") + framed("") + framed(Bytes(1000, 'x'));
  for (size_t step = 1; step <= wire.size(); step += step < 20 ? 1 : 97) {
    MessageReader reader(1 << 20);
    std::deque<Bytes> messages;
    for (size_t at = 0; at < wire.size(); at += step) {
      ASSERT_TRUE(reader.feed(BytesView(wire).substr(at, step), &messages).ok());
    }
    ASSERT_EQ(messages, (std::deque<Bytes>{"one", "", Bytes(1000, 'x')})) << "in steps of " << step;
    EXPECT_EQ(reader.partial_bytes(), 0u);
  }
}

TEST(MessageReader, RefusesAMessageThatIsAnnouncedTooLargeBeforeItsBytesCome) {
  MessageReader reader(10);
  std::deque<Bytes> messages;
  EXPECT_TRUE(reader.feed(framed("0123456789"), &messages).ok());
  Status status = reader.feed(framed("0123456789a").substr(0, 5), &messages);
  EXPECT_EQ(status.code, Code::kResourceExhausted);
  EXPECT_EQ(status.message, "grpc: received message larger than max (11 vs. 10)");
}

TEST(MessageReader, TakesNoMemoryForWhatIsOnlyAnnounced) {
  MessageReader reader(100u << 20);
  std::deque<Bytes> messages;
  Bytes wire = framed(Bytes(50u << 20, 'x')).substr(0, 100);
  ASSERT_TRUE(reader.feed(wire, &messages).ok());
  EXPECT_EQ(reader.partial_bytes(), 100u);
}

TEST(MessageReader, InflatesGzip) {
  MessageReader reader(1 << 20);
  reader.set_encoding("gzip");
  std::deque<Bytes> messages;
  ASSERT_TRUE(reader.feed(framed(gzipped(Bytes(100000, 'x')), 1) + framed("plain"), &messages).ok());
  EXPECT_EQ(messages, (std::deque<Bytes>{Bytes(100000, 'x'), "plain"}));
}

TEST(MessageReader, LimitsWhatGzipMayGrowTo) {
  MessageReader reader(1 << 20);
  reader.set_encoding("gzip");
  std::deque<Bytes> messages;
  EXPECT_EQ(reader.feed(framed(gzipped(Bytes(2 << 20, 'x')), 1), &messages).code, Code::kResourceExhausted);
}

TEST(MessageReader, RefusesBrokenAndTruncatedGzip) {
  for (Bytes body : {Bytes("not gzip"), gzipped("hello").substr(0, 12), Bytes()}) {
    MessageReader reader(1 << 20);
    reader.set_encoding("gzip");
    std::deque<Bytes> messages;
    EXPECT_EQ(reader.feed(framed(body, 1), &messages).code, Code::kInternal);
  }
}

TEST(MessageReader, RefusesCompressionThatWasNotAnnouncedOrIsNotKnown) {
  std::deque<Bytes> messages;
  MessageReader plain(100);
  EXPECT_EQ(plain.feed(framed("x", 1), &messages).code, Code::kInternal);
  MessageReader snappy(100);
  snappy.set_encoding("snappy");
  EXPECT_EQ(snappy.feed(framed("x", 1), &messages).code, Code::kUnimplemented);
  MessageReader odd(100);
  EXPECT_EQ(odd.feed(framed("x", 2), &messages).code, Code::kInternal);
}

}  // namespace
}  // namespace selvage::rpc
