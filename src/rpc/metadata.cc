#include "rpc/metadata.h"

namespace selvage::rpc {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

}  // namespace

Metadata::Metadata(std::initializer_list<Entry> entries) {
  for (const Entry& entry : entries) add(entry.first, entry.second);
}

void Metadata::add(std::string_view key, Bytes value) { entries_.emplace_back(lower(key), std::move(value)); }

std::optional<BytesView> Metadata::first(std::string_view key) const {
  for (const Entry& entry : entries_) {
    if (entry.first == key) return entry.second;
  }
  return std::nullopt;
}

std::vector<BytesView> Metadata::all(std::string_view key) const {
  std::vector<BytesView> out;
  for (const Entry& entry : entries_) {
    if (entry.first == key) out.push_back(entry.second);
  }
  return out;
}

bool Metadata::allowed(std::string_view key) {
  if (key.empty() || key.starts_with("grpc-") || key == "te" || key == "content-type" || key == "user-agent" ||
      key == "connection" || key == "keep-alive" || key == "proxy-connection" || key == "transfer-encoding" ||
      key == "upgrade" || key == "host") {
    return false;
  }
  for (char c : key) {
    bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!fine) return false;
  }
  return true;
}

}  // namespace selvage::rpc
