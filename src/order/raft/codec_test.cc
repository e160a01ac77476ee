#include "order/raft/codec.h"

#include <gtest/gtest.h>

namespace selvage::order::raft {
namespace {

Message an_append() {
  Message message;
  message.type = Type::kAppend;
  message.to = 2;
  message.from = 1;
  message.term = 3;
  message.log_term = 2;
  message.index = 7;
  message.commit = 6;
  message.entries.push_back({Entry::Kind::kNormal, 3, 8, std::make_shared<const Bytes>("block")});
  message.entries.push_back({Entry::Kind::kNormal, 3, 9, nullptr});
  return message;
}

// Bytes that go.etcd.io/raft/v3 v3.6.0 makes of the same values.
TEST(RaftCodec, WritesZeroesAsGoDoes) {
  Message vote;
  vote.type = Type::kVote;
  vote.to = 2;
  vote.from = 1;
  vote.term = 1;
  vote.log_term = 1;
  vote.index = 3;
  EXPECT_EQ(to_hex(encode(vote)), "08051002180120012801300340005000580068" "00");
  EXPECT_EQ(encode(vote).size(), 20u);
  EXPECT_EQ(to_hex(encode(HardState{1, 0, 2})), "080110001802");
  EXPECT_EQ(to_hex(encode(Change{0, Change::Kind::kAdd, 4, nullptr})), "080010001804");
  EXPECT_EQ(to_hex(encode(Entry{Entry::Kind::kNormal, 2, 5, std::make_shared<const Bytes>("ab")})), "08001002180522026162");
}

TEST(RaftCodec, WritesEntriesAndSnapshotsAsGoDoes) {
  EXPECT_EQ(to_hex(encode(an_append())),
            "0803100218012003280230073a0d0800100318082205626c6f636b3a060800100318094006500058006800");
  Message message;
  message.type = Type::kSnapshot;
  message.to = 2;
  message.from = 1;
  message.term = 3;
  message.context = "x";
  message.snapshot = Snapshot{{{1, 2, 300}}, 9, 2, std::make_shared<const Bytes>("b")};
  EXPECT_EQ(to_hex(encode(message)),
            "08071002180120032800300040004a140a0162120f0a090801080208ac02280010091802500058006201786800");
}

TEST(RaftCodec, ReadsBackWhatItWrote) {
  Message message = an_append();
  message.context = "x";
  const auto read = decode_message(encode(message));
  ASSERT_TRUE(read);
  EXPECT_EQ(encode(*read), encode(message));
  EXPECT_EQ(*read->entries[0].data, "block");
  EXPECT_EQ(read->entries[1].data, nullptr);
}

TEST(RaftCodec, KnowsTheSizeOfAnEntry) {
  const Entry entry{Entry::Kind::kNormal, 300, 70000, std::make_shared<const Bytes>(Bytes(5000, 'x'))};
  EXPECT_EQ(entry.encoded_bytes(), encode(entry).size());
}

TEST(RaftCodec, ReadsPackedAndUnpackedVoters) {
  const Snapshot snapshot{{{1, 2, 300}}, 9, 2, std::make_shared<const Bytes>("b")};
  const auto read = decode_snapshot(encode(snapshot));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->membership.voters, (std::vector<NodeId>{1, 2, 300}));
  // {metadata {conf_state {voters [1 2 300], packed}, index 9, term 2}}
  const auto packed = decode_snapshot(*from_hex("120c0a060a040102ac021009" "1802"));
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->membership.voters, (std::vector<NodeId>{1, 2, 300}));
}

TEST(RaftCodec, RefusesMessagesThatAreLocalToANode) {
  for (Type type : {Type::kHup, Type::kBeat, Type::kUnreachable, Type::kSnapshotStatus, Type::kCheckQuorum,
                    Type::kPropose, Type::kReadIndex, static_cast<Type>(19)}) {
    Message message;
    message.type = type;
    EXPECT_FALSE(decode_message(encode(message))) << static_cast<int>(type);
  }
}

TEST(RaftCodec, RefusesEntriesThatDoNotFollowEachOther) {
  Message message = an_append();
  message.entries[1].index = 11;
  EXPECT_FALSE(decode_message(encode(message)));
}

TEST(RaftCodec, SurvivesEveryTruncation) {
  const Bytes whole = encode(an_append());
  for (size_t size = 0; size < whole.size(); ++size) (void)decode_message(BytesView(whole).substr(0, size));
  EXPECT_FALSE(decode_message(BytesView(whole).substr(0, whole.size() - 1)));
}

}  // namespace
}  // namespace selvage::order::raft
