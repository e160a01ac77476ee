// Headers and trailers of a call as the application sees them. Values of keys that end in "-bin" are raw bytes here and
// base64 on the wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace selvage::rpc {

class Metadata {
 public:
  using Entry = std::pair<std::string, Bytes>;

  Metadata() = default;
  Metadata(std::initializer_list<Entry> entries);

  // Keys are lower-cased. A key that gRPC keeps for itself (":...", "grpc-...", "te", "content-type", "user-agent") or
  // that HTTP/2 forbids is left out when the metadata is sent; see allowed().
  void add(std::string_view key, Bytes value);
  // The first value; nullopt when there is none. The view lives as long as this object is not changed.
  [[nodiscard]] std::optional<BytesView> first(std::string_view key) const;
  [[nodiscard]] std::vector<BytesView> all(std::string_view key) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

  // True for a key that an application may send: [0-9a-z_.-]+ and not one of gRPC's own.
  [[nodiscard]] static bool allowed(std::string_view key);
  [[nodiscard]] static bool binary(std::string_view key) { return key.ends_with("-bin"); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace selvage::rpc
