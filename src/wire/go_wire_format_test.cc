// What Go's protobuf 1.36 answered to the same bytes stands beside each of them.
#include "wire/go_wire_format.h"

#include <gtest/gtest.h>

#include "common/common.pb.h"
#include "peer/chaincode_event.pb.h"
#include "raftpb/raft.pb.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/views.h"

namespace selvage::wire {
namespace {

const Bytes kTooManyBits("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");  // epoch, 70 bits: Go refuses
const Bytes kAllBits("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");      // epoch 2^64-1: Go reads
const Bytes kTagOfSixBytes("\xb0\x80\x80\x80\x80\x00\x05", 7);             // epoch 5: Go reads
const Bytes kTagOfFiveBytes("\xb0\x80\x80\x80\x00\x05", 6);                // epoch 5: Go reads
const Bytes kNumberTooHigh("\x80\x80\x80\x80\x10\x00", 6);                 // field 2^29: Go refuses

TEST(GoWireFormat, HeadersAreReadAsGoReadsThem) {
  for (const auto& [bytes, epoch] :
       {std::pair{kAllBits, UINT64_MAX}, {kTagOfSixBytes, uint64_t{5}}, {kTagOfFiveBytes, uint64_t{5}}}) {
    auto header = parse<::common::ChannelHeader>(bytes);
    ASSERT_TRUE(header.has_value()) << to_hex(bytes);
    EXPECT_EQ(header->epoch(), epoch);
    EXPECT_EQ(read_channel_header(bytes)->epoch, epoch);
  }
  for (const Bytes& bytes : {kTooManyBits, kNumberTooHigh}) {
    EXPECT_FALSE(parse<::common::ChannelHeader>(bytes).has_value()) << to_hex(bytes);
    EXPECT_FALSE(read_channel_header(bytes).has_value()) << to_hex(bytes);
  }
}

TEST(GoWireFormat, MessagesInsideAreHeldToItToo) {
  auto around = [](const Bytes& inside) {
    Bytes bytes;
    append_bytes_field(bytes, 1, inside);  // Block.header
    append_bytes_field(bytes, 9, "unknown");
    return bytes;
  };
  // BlockHeader.number
  const Bytes number_in_long_tag("\x88\x80\x80\x80\x80\x00\x07", 7);
  auto block = parse<::common::Block>(around(number_in_long_tag));
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(block->header().number(), 7u);
  EXPECT_FALSE(parse<::common::Block>(around("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")).has_value());
}

TEST(GoWireFormat, BytesThatOnlyLookLikeMessagesAreLeftAlone) {
  ::common::Envelope envelope;
  envelope.set_payload(kTooManyBits);
  envelope.set_signature(kNumberTooHigh);
  EXPECT_EQ(how_go_reads(marshal(envelope), *::common::Envelope::descriptor()), GoReading::kSame);
  EXPECT_EQ(parse<::common::Envelope>(marshal(envelope))->payload(), kTooManyBits);
}

TEST(GoWireFormat, PackedNumbersHaveNoMoreBitsThanOthers) {
  Bytes packed;
  append_bytes_field(packed, 1, Bytes("\x01\x02"));  // raftpb.ConfState.voters, packed
  ASSERT_TRUE(parse<::raftpb::ConfState>(packed).has_value());
  EXPECT_EQ(parse<::raftpb::ConfState>(packed)->voters_size(), 2);
  packed.clear();
  append_bytes_field(packed, 1, kTooManyBits.substr(1));
  EXPECT_FALSE(parse<::raftpb::ConfState>(packed).has_value());
}

}  // namespace
}  // namespace selvage::wire
