#include "http/message.h"

#include <gtest/gtest.h>

namespace selvage::http {
namespace {

constexpr char kType[] = "multipart/form-data; boundary=xyz";
constexpr char kForm[] =
    "--xyz\r\nContent-Disposition: form-data; name=\"config-block\"; filename=\"a b.block\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\nline\r\n--not the end\r\n"
    "--xyz\r\ncontent-disposition: form-data; name=second\r\n\r\n\r\n--xyz--\r\n";

TEST(Headers, NamesAreCaseInsensitive) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.set("content-TYPE", "b");
  EXPECT_EQ(headers.get("CONTENT-type"), "b");
  EXPECT_EQ(headers.all().size(), 1u);
  EXPECT_EQ(headers.get("none"), "");
}

TEST(Multipart, PartsComeWithNamesAndExactBodies) {
  const auto parts = parse_multipart(kType, kForm);
  ASSERT_TRUE(parts) << to_string(parts.error());
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "config-block");
  EXPECT_EQ((*parts)[0].file_name, "a b.block");
  EXPECT_EQ((*parts)[0].content_type, "application/octet-stream");
  EXPECT_EQ((*parts)[0].body, "line\r\n--not the end");
  EXPECT_EQ((*parts)[1].name, "second");
  EXPECT_EQ((*parts)[1].body, "");
}

TEST(Multipart, WhatWeEncodeIsWhatWeParse) {
  const std::vector<FormPart> sent{{"config-block", "config.block", "application/octet-stream", Bytes("\0\r\n--\xff", 6)}};
  const auto [body, type] = encode_multipart(sent, "boundary0123");
  const auto got = parse_multipart(type, body);
  ASSERT_TRUE(got) << to_string(got.error());
  ASSERT_EQ(got->size(), 1u);
  EXPECT_EQ((*got)[0].body, sent[0].body);
}

TEST(Multipart, BrokenFramingIsRefused) {
  const std::string good = kForm;
  for (size_t length = 0; length < good.size() - 4; ++length) {
    EXPECT_FALSE(parse_multipart(kType, good.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse_multipart("application/json", good));
  EXPECT_FALSE(parse_multipart("multipart/form-data", good));
  EXPECT_FALSE(parse_multipart(kType, good, 1));
}

TEST(PercentDecode, DecodesAndRefusesBrokenEscapes) {
  EXPECT_EQ(percent_decode("/a%20b%2Fc"), "/a b/c");
  EXPECT_FALSE(percent_decode("%4"));
  EXPECT_FALSE(percent_decode("%zz"));
}

}  // namespace
}  // namespace selvage::http
