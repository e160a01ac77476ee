#include "chaincode/ccaas/connection.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kit/certificates.h"

namespace selvage::chaincode {
namespace {

using nlohmann::json;

// A connection that is as it should be; each test spoils one thing.
json good() {
  static const test::Authority ca("tlsca");
  static const test::Identity client = ca.client("peer0");
  return {{"address", "cc.example:9999"},
          {"dial_timeout", "10s"},
          {"tls_required", true},
          {"client_auth_required", true},
          {"client_key", client.key_pem()},
          {"client_cert", client.certificate_pem()},
          {"root_cert", ca.pem()}};
}

std::string why(const json& connection, std::string_view config = "") {
  auto parsed = parse_connection(connection.dump(), config);
  return parsed ? "fine" : to_string(parsed.error());
}

void expect_says(const json& connection, const std::string& part) {
  EXPECT_NE(why(connection).find(part), std::string::npos) << why(connection);
}

TEST(Connection, OneWithMutualTlsIsTakenAsItIs) {
  auto parsed = parse_connection(good().dump(), "");
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(parsed->address, "cc.example:9999");
  EXPECT_EQ(parsed->dial_timeout, std::chrono::seconds(10));
  EXPECT_TRUE(parsed->tls_required);
  EXPECT_TRUE(parsed->client_auth_required);
  EXPECT_NE(parsed->client_key.find("PRIVATE KEY"), std::string::npos);
}

TEST(Connection, DurationsAreGos) {
  const std::map<std::string, std::chrono::nanoseconds> known = {
      {"500ms", std::chrono::milliseconds(500)}, {"1m30s", std::chrono::seconds(90)}, {"1.5s", std::chrono::milliseconds(1500)},
      {"2h", std::chrono::hours(2)},             {"", std::chrono::seconds(3)},       {"0", std::chrono::seconds(3)}};
  for (const auto& [text, value] : known) {
    json connection = good();
    connection["dial_timeout"] = text;
    auto parsed = parse_connection(connection.dump(), "");
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->dial_timeout, value) << text;
  }
  for (const char* text : {"10", "s", "10 s", "-3s", "1e400s", "nans"}) {
    json connection = good();
    connection["dial_timeout"] = text;
    expect_says(connection, "dial_timeout");
  }
}

TEST(Connection, EachMissingPartIsNamedInFabricsWords) {
  const std::map<std::string, std::string> words = {{"address", "chaincode address not provided"},
                                                    {"client_key", "chaincode tls key not provided"},
                                                    {"client_cert", "chaincode tls cert not provided"},
                                                    {"root_cert", "chaincode tls root cert not provided"}};
  for (const auto& [field, text] : words) {
    json connection = good();
    connection.erase(field);
    expect_says(connection, text);
  }
}

TEST(Connection, MaterialThatIsNoPemIsToldFromBase64AndFromPaths) {
  json connection = good();
  connection["root_cert"] = "/etc/tls/ca.pem";
  expect_says(connection, "\"root_cert\" is not PEM");
  expect_says(connection, "not its path");
  connection = good();
  connection["client_cert"] = to_base64(good()["client_cert"].get<std::string>());
  expect_says(connection, "\"client_cert\" is base64 of PEM");
  connection = good();
  connection["client_key"] = connection["client_cert"];
  expect_says(connection, "\"client_key\" holds no PRIVATE KEY");
}

TEST(Connection, MistakesOfFormNameTheField) {
  json connection = good();
  connection["tls_required"] = "true";
  expect_says(connection, "\"tls_required\" is not true or false");
  connection = good();
  connection["address"] = "cc.example";
  expect_says(connection, "\"address\" is not host:port");
  connection = good();
  connection["tls_required"] = false;
  expect_says(connection, "\"client_auth_required\" needs");
  EXPECT_FALSE(parse_connection("[]", ""));
  EXPECT_FALSE(parse_connection("{", ""));
}

TEST(Connection, FieldsAreTemplatesOverTheBuildersConfiguration) {
  json connection = good();
  connection["address"] = "{{.peername}}-cc:9{{- .ports.cc -}}9";
  auto parsed = parse_connection(connection.dump(), R"({"peername":"org1peer0","ports":{"cc":99}})");
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(parsed->address, "org1peer0-cc:9999");
  EXPECT_NE(why(connection, R"({"ports":{"cc":99}})").find("map has no entry for key \"peername\""), std::string::npos);
  EXPECT_NE(why(connection).find("map has no entry for key"), std::string::npos);
  EXPECT_NE(why(connection, "nonsense").find("Failed to unmarshal"), std::string::npos);
}

TEST(Connection, UnclosedAndUnknownActionsAreErrors) {
  EXPECT_FALSE(expand_template("{{.a", R"({"a":"1"})"));
  EXPECT_FALSE(expand_template("{{if .a}}", R"({"a":"1"})"));
  EXPECT_EQ(*expand_template("plain }} text", ""), "plain }} text");
  EXPECT_EQ(*expand_template("a{{/* comment */}}b", ""), "ab");
}

}  // namespace
}  // namespace selvage::chaincode
