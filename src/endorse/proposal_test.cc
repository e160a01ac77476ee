#include "endorse/proposal.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "kit/identities.h"
#include "kit/random.h"
#include "peer/proposal.pb.h"
#include "wire/proposal.h"

namespace selvage::endorse {
namespace {

constexpr SystemTime kNow = SystemTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + std::chrono::hours(12));

// A proposal as a client makes it; each test spoils one thing of it and takes it apart again.
struct Good {
  Good() {
    test::SeededRandom random(1);
    std::vector<Bytes> args{"put", "k", "v"};
    auto made = wire::make_proposal("ch", wire::make_call("basic", args), "creator bytes", kNow, random,
                                    {{"secret", "not in the hash"}});
    proposal = made.proposal;
    header.ParseFromString(proposal.header());
    channel.ParseFromString(header.channel_header());
    signature.ParseFromString(header.signature_header());
  }
  protos::SignedProposal pack() {
    header.set_channel_header(channel.SerializeAsString());
    header.set_signature_header(signature.SerializeAsString());
    proposal.set_header(header.SerializeAsString());
    protos::SignedProposal out;
    out.set_proposal_bytes(proposal.SerializeAsString());
    out.set_signature("signature");
    return out;
  }
  protos::Proposal proposal;
  common::Header header;
  common::ChannelHeader channel;
  common::SignatureHeader signature;
};

std::string headers_say(Good& good) {
  auto unpacked = unpack(good.pack());
  if (!unpacked) return "unpack: " + unpacked.error().message;
  auto checked = check_headers(*unpacked);
  return checked ? "fine" : checked.error().message;
}

TEST(Proposal, AGoodOneIsTakenApart) {
  Good good;
  auto unpacked = unpack(good.pack());
  ASSERT_TRUE(unpacked) << to_string(unpacked.error());
  EXPECT_EQ(unpacked->chaincode, "basic");
  EXPECT_EQ(unpacked->channel_id(), "ch");
  EXPECT_EQ(unpacked->input.args(2), "v");
  EXPECT_TRUE(check_headers(*unpacked));
}

TEST(Proposal, TheHashLeavesTransientDataOut) {
  Good good;
  auto unpacked = unpack(good.pack());
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(unpacked->hash, *wire::proposal_hash(good.header.channel_header(), good.header.signature_header(),
                                                 good.proposal.payload()));
  protos::ChaincodeProposalPayload payload;
  payload.ParseFromString(good.proposal.payload());
  ASSERT_EQ(payload.transientmap().size(), 1U);
  payload.clear_transientmap();
  good.proposal.set_payload(payload.SerializeAsString());
  EXPECT_EQ(unpack(good.pack())->hash, unpacked->hash);
}

TEST(Proposal, EachSpoiledHeaderIsRefusedInFabricsWords) {
  {
    Good good;
    good.channel.set_type(common::MESSAGE);
    EXPECT_EQ(headers_say(good), "invalid header type MESSAGE");
  }
  {
    Good good;
    good.channel.set_epoch(1);
    EXPECT_EQ(headers_say(good), "epoch is non-zero");
  }
  {
    Good good;
    good.signature.clear_nonce();
    EXPECT_EQ(headers_say(good), "nonce is empty");
  }
  {
    Good good;
    good.signature.clear_creator();
    EXPECT_EQ(headers_say(good), "creator is empty");
  }
  {
    Good good;
    const std::string right = good.channel.tx_id();
    good.channel.set_tx_id("abc");
    EXPECT_EQ(headers_say(good), "incorrectly computed txid 'abc' -- expected '" + right + "'");
  }
  {
    Good good;
    good.channel.clear_extension();
    EXPECT_EQ(headers_say(good), "unpack: ChaincodeHeaderExtension.ChaincodeId is nil");
  }
  {
    Good good;
    good.proposal.clear_payload();
    EXPECT_EQ(headers_say(good), "unpack: chaincode invocation spec did not contain chaincode spec");
  }
  {
    Good good;
    auto packed = good.pack();
    packed.clear_signature();
    EXPECT_EQ(check_headers(*unpack(packed)).error().message, "empty signature bytes");
  }
  {
    protos::SignedProposal garbage;
    garbage.set_proposal_bytes("\xff\xff");
    EXPECT_EQ(unpack(garbage).error().message,
              "error unmarshalling Proposal: proto: cannot parse invalid wire-format data");
  }
}

TEST(Proposal, ATimestampOutsideTheWindowIsRefusedOnBothSides) {
  Good good;
  auto unpacked = unpack(good.pack());
  ASSERT_TRUE(unpacked);
  const auto window = std::chrono::minutes(15);
  EXPECT_TRUE(check_time_window(*unpacked, kNow + window, window));
  EXPECT_TRUE(check_time_window(*unpacked, kNow - window, window));
  auto late = check_time_window(*unpacked, kNow + window + std::chrono::seconds(1), window);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message,
            "request unauthorized due to incorrect timestamp 2026-11-23T12:00:00Z, peer time 2026-11-23T12:15:01Z, "
            "peer.authentication.timewindow 15m0s");
  EXPECT_FALSE(check_time_window(*unpacked, kNow - window - std::chrono::seconds(1), window));
  good.channel.mutable_timestamp()->set_seconds(INT64_MAX);
  EXPECT_FALSE(check_time_window(*unpack(good.pack()), kNow, window));
  good.channel.mutable_timestamp()->set_seconds(INT64_MIN);
  EXPECT_FALSE(check_time_window(*unpack(good.pack()), kNow, window));
}

}  // namespace
}  // namespace selvage::endorse
