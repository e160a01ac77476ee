// HTTP/1.1 requests and responses as plain values; server.h and client.h move them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::http {

// Header fields in order; names as sent, compared case-insensitively.
class Headers {
 public:
  void add(std::string name, std::string value);
  void set(std::string name, std::string value);  // replaces
  // The first value; empty when there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Peer {
  std::string address;        // "host:port"
  bool tls = false;
  bool verified = false;      // sent a certificate, and it chains to our roots
  std::string subject;        // of its certificate, Go's RFC 2253 style
};

struct Request {
  std::string method;         // "GET"
  std::string path;           // percent-decoded, without the query
  std::string target;         // as sent
  std::string query;          // after '?', as sent
  Headers headers;
  Bytes body;
  Peer peer;
};

struct Response {
  int status = 200;
  Headers headers;
  Bytes body;
  [[nodiscard]] static Response text(int status, std::string body, std::string content_type = "text/plain; charset=utf-8");
  [[nodiscard]] static Response json(int status, std::string body);
};

// "Not Found"; "" for unknown numbers.
[[nodiscard]] std::string_view reason_of(int status);

// One part of a multipart/form-data body.
struct FormPart {
  std::string name;
  std::string file_name;
  std::string content_type;
  Bytes body;
};
// kInvalidArgument: not multipart/form-data, or its framing is broken. At most `parts_max` parts.
[[nodiscard]] Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, BytesView body,
                                                            size_t parts_max = 16);
// The other way: body and its Content-Type.
[[nodiscard]] std::pair<Bytes, std::string> encode_multipart(const std::vector<FormPart>& parts, BytesView boundary);
// "%41b" -> "Ab"; nullopt on a broken escape.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

}  // namespace selvage::http
