#include "rpc/http2/message_reader.h"

#include <gtest/gtest.h>

#include "rpc/http2/gzip.h"

namespace selvage::rpc {
namespace {

Bytes framed(BytesView message, char flag = 0) {
  char prefix[kPrefixBytes];
  put_prefix(message.size(), prefix);
  prefix[0] = flag;
  return Bytes(prefix, kPrefixBytes) + Bytes(message);
}

// Feeds and opens at once.
class Plain {
 public:
  explicit Plain(size_t max, const char* encoding = "") : reader_(max) { reader_.set_encoding(encoding); }
  Status feed(BytesView bytes, std::deque<Bytes>* messages) {
    std::deque<InMessage> raw;
    Status status = reader_.feed(bytes, &raw);
    for (InMessage& message : raw) {
      if (Status bad = reader_.open(&message); !bad.ok()) return bad;
      messages->push_back(std::move(message.bytes));
    }
    return status;
  }
  [[nodiscard]] size_t partial_bytes() const { return reader_.partial_bytes(); }

 private:
  MessageReader reader_;
};

TEST(MessageReader, FindsMessagesHoweverTheBytesAreCut) {
  Bytes wire = framed("one") + framed("") + framed(Bytes(1000, 'x'));
  for (size_t step = 1; step <= wire.size(); step += step < 20 ? 1 : 97) {
    Plain reader(1 << 20);
    std::deque<Bytes> messages;
    for (size_t at = 0; at < wire.size(); at += step) {
      ASSERT_TRUE(reader.feed(BytesView(wire).substr(at, step), &messages).ok());
    }
    ASSERT_EQ(messages, (std::deque<Bytes>{"one", "", Bytes(1000, 'x')})) << "in steps of " << step;
    EXPECT_EQ(reader.partial_bytes(), 0u);
  }
}

TEST(MessageReader, RefusesAMessageThatIsAnnouncedTooLargeBeforeItsBytesCome) {
  Plain reader(10);
  std::deque<Bytes> messages;
  EXPECT_TRUE(reader.feed(framed("0123456789"), &messages).ok());
  Status status = reader.feed(framed("0123456789a").substr(0, 5), &messages);
  EXPECT_EQ(status.code, Code::kResourceExhausted);
  EXPECT_EQ(status.message, "grpc: received message larger than max (11 vs. 10)");
}

TEST(MessageReader, TakesNoMemoryForWhatIsOnlyAnnounced) {
  Plain reader(100u << 20);
  std::deque<Bytes> messages;
  Bytes wire = framed(Bytes(50u << 20, 'x')).substr(0, 100);
  ASSERT_TRUE(reader.feed(wire, &messages).ok());
  EXPECT_EQ(reader.partial_bytes(), 100u);
}

TEST(MessageReader, InflatesGzip) {
  Plain reader(1 << 20, "gzip");
  std::deque<Bytes> messages;
  ASSERT_TRUE(reader.feed(framed(gzip(Bytes(100000, 'x')), 1) + framed("plain"), &messages).ok());
  EXPECT_EQ(messages, (std::deque<Bytes>{Bytes(100000, 'x'), "plain"}));
}

TEST(MessageReader, LimitsWhatGzipMayGrowTo) {
  Plain reader(1 << 20, "gzip");
  std::deque<Bytes> messages;
  EXPECT_EQ(reader.feed(framed(gzip(Bytes(2 << 20, 'x')), 1), &messages).code, Code::kResourceExhausted);
}

TEST(MessageReader, KeepsWhatIsCompressedUntilItIsWanted) {
  MessageReader reader(100 << 20);
  reader.set_encoding("gzip");
  std::deque<InMessage> messages;
  Bytes bomb = framed(gzip(Bytes(10 << 20, 'x')), 1);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(reader.feed(bomb, &messages).ok());
  for (const InMessage& message : messages) EXPECT_EQ(message.bytes.size(), bomb.size() - kPrefixBytes);
  ASSERT_TRUE(reader.open(&messages.front()).ok());
  EXPECT_EQ(messages.front().bytes.size(), 10u << 20);
}

TEST(Gzip, GivesBackWhatItTook) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{3u << 20}}) {
    Bytes plain;
    for (size_t i = 0; i < size; ++i) plain.push_back(static_cast<char>(i * i >> 3));
    bool too_large = false;
    EXPECT_EQ(gunzip(gzip(plain), size, &too_large), plain) << size;
    EXPECT_FALSE(too_large);
  }
}

TEST(MessageReader, RefusesBrokenAndTruncatedGzip) {
  for (Bytes body : {Bytes("not gzip"), gzip("hello").substr(0, 12), Bytes()}) {
    Plain reader(1 << 20, "gzip");
    std::deque<Bytes> messages;
    EXPECT_EQ(reader.feed(framed(body, 1), &messages).code, Code::kInternal);
  }
}

TEST(MessageReader, RefusesCompressionThatWasNotAnnouncedOrIsNotKnown) {
  std::deque<Bytes> messages;
  Plain plain(100);
  EXPECT_EQ(plain.feed(framed("x", 1), &messages).code, Code::kInternal);
  Plain snappy(100, "snappy");
  EXPECT_EQ(snappy.feed(framed("x", 1), &messages).code, Code::kUnimplemented);
  Plain odd(100);
  EXPECT_EQ(odd.feed(framed("x", 2), &messages).code, Code::kInternal);
}

}  // namespace
}  // namespace selvage::rpc
