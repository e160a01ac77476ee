#include "deliver/serve/seek.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::deliver {
namespace {

orderer::SeekPosition oldest() {
  orderer::SeekPosition position;
  position.mutable_oldest();
  return position;
}
orderer::SeekPosition newest() {
  orderer::SeekPosition position;
  position.mutable_newest();
  return position;
}
orderer::SeekPosition next_commit() {
  orderer::SeekPosition position;
  position.mutable_next_commit();
  return position;
}
orderer::SeekPosition at(uint64_t number) {
  orderer::SeekPosition position;
  position.mutable_specified()->set_number(number);
  return position;
}

std::string range(const orderer::SeekPosition& start, const orderer::SeekPosition& stop, uint64_t height = 5) {
  orderer::SeekInfo info;
  *info.mutable_start() = start;
  *info.mutable_stop() = stop;
  const auto found = resolve(info, height, height - 1);
  if (!found) return found.error().message;
  return found->not_found ? "not found" : std::to_string(found->first) + " to " + std::to_string(found->last);
}

TEST(Seek, KnowsEveryFormOfPosition) {
  EXPECT_EQ(range(oldest(), newest()), "0 to 4");
  EXPECT_EQ(range(oldest(), oldest()), "0 to 0");
  EXPECT_EQ(range(newest(), newest()), "4 to 4");
  EXPECT_EQ(range(at(2), at(3)), "2 to 3");
  EXPECT_EQ(range(at(2), newest()), "2 to 4");
  EXPECT_EQ(range(next_commit(), at(9)), "5 to 9");
  EXPECT_EQ(range(at(5), at(UINT64_MAX)), "5 to 18446744073709551615");
}

TEST(Seek, WhatLiesBeyondTheNextBlockIsNotFound) {
  EXPECT_EQ(range(at(6), at(7)), "not found");
  EXPECT_EQ(range(orderer::SeekPosition(), newest()), "not found");
}

TEST(Seek, RefusesAStopBeforeTheStart) { EXPECT_EQ(range(at(3), at(2)), "start number 3 greater than stop number 2"); }

TEST(Seek, RefusesWhatHasNoStartOrStop) {
  orderer::SeekInfo info;
  *info.mutable_start() = oldest();
  EXPECT_FALSE(resolve(info, 5, 4));
}

SystemTime now() { return SystemTime(std::chrono::hours(24 * 20000)); }

SeekRequest good() {
  SeekRequest request;
  request.channel.mutable_timestamp()->set_seconds(std::chrono::floor<std::chrono::seconds>(now()).time_since_epoch().count());
  request.channel.set_tls_cert_hash(crypto::sha256("certificate"));
  return request;
}
constexpr RequestRules kRules{.time_window = std::chrono::minutes(15), .bind_to_tls_certificate = true};

TEST(SeekRequest, OfNowAndFromThisConnectionIsFine) {
  EXPECT_TRUE(check_request(good(), kRules, now(), {crypto::sha256("certificate"), ""}));
}

TEST(SeekRequest, IsRefusedWithAnotherCertificatesHash) {
  const Bytes of_proxy = crypto::sha256("another");
  const auto checked = check_request(good(), kRules, now(), {of_proxy, "CN=proxy\n"});
  ASSERT_FALSE(checked);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "claimed TLS cert hash is", checked.error().message);
  EXPECT_EQ(checked.error().cause, "TLS-50: claimed " + to_hex(crypto::sha256("certificate")) + ", the certificate of the connection, CN=proxy\\x0a, has " +
                                       to_hex(crypto::sha256("another")));
  auto request = good();
  request.channel.clear_tls_cert_hash();
  EXPECT_EQ(check_request(request, kRules, now(), {crypto::sha256("certificate"), ""}).error().message,
            "client didn't include its TLS cert hash");
  EXPECT_EQ(check_request(good(), kRules, now(), {"", ""}).error().message, "client didn't send a TLS certificate");
}

TEST(SeekRequest, NeedsNoHashWithoutClientAuthentication) {
  auto request = good();
  request.channel.clear_tls_cert_hash();
  EXPECT_TRUE(check_request(request, {.time_window = std::chrono::minutes(15), .bind_to_tls_certificate = false}, now(), {"", ""}));
}

TEST(SeekRequest, IsRefusedOutsideTheTimeWindow) {
  const Bytes hash = crypto::sha256("certificate");
  EXPECT_TRUE(check_request(good(), kRules, now() + std::chrono::minutes(15), {hash, ""}));
  EXPECT_FALSE(check_request(good(), kRules, now() + std::chrono::minutes(15) + std::chrono::nanoseconds(1), {hash, ""}));
  EXPECT_FALSE(check_request(good(), kRules, now() - std::chrono::minutes(16), {hash, ""}));
  for (int64_t seconds : {INT64_MAX, INT64_MIN, int64_t{0}}) {
    auto request = good();
    request.channel.mutable_timestamp()->set_seconds(seconds);
    EXPECT_FALSE(check_request(request, kRules, now(), {hash, ""})) << seconds;
  }
  auto request = good();
  request.channel.clear_timestamp();
  EXPECT_EQ(check_request(request, kRules, now(), {hash, ""}).error().message,
            "channel header in envelope must contain timestamp");
}

TEST(SeekRequest, WithoutHeaderIsNone) {
  common::Envelope envelope;
  EXPECT_EQ(parse_request(envelope).error().message, "envelope has no header");
  envelope.set_payload("\xff");
  EXPECT_FALSE(parse_request(envelope));
}

TEST(HeaderOnly, DropsTransactions) {
  auto block = wire::make_block(3, "previous");
  block.mutable_data()->add_data("transaction");
  const auto bare = header_only(block);
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->has_data());
  EXPECT_EQ(bare->header().number(), 3u);
  EXPECT_EQ(bare->metadata().metadata_size(), 5);
}

}  // namespace
}  // namespace selvage::deliver
