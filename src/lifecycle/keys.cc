#include "lifecycle/keys.h"

namespace selvage::lifecycle {
namespace {

std::string join(std::string_view a, std::string_view b, std::string_view c) {
  std::string out;
  out.reserve(a.size() + b.size() + c.size() + 2);
  out.append(a).append("/").append(b).append("/").append(c);
  return out;
}

}  // namespace

std::string metadata_key(std::string_view name_space, std::string_view name) { return join(name_space, "metadata", name); }

std::string field_key(std::string_view name_space, std::string_view name, std::string_view field) {
  return join(name_space, "fields", name).append("/").append(field);
}

std::string private_name(std::string_view chaincode, int64_t sequence) {
  return std::string(chaincode) + "#" + std::to_string(sequence);
}

std::string implicit_collection(std::string_view mspid) { return std::string(kImplicitCollectionPrefix).append(mspid); }

std::string_view mspid_of_implicit_collection(std::string_view collection) {
  if (!collection.starts_with(kImplicitCollectionPrefix)) return {};
  return collection.substr(kImplicitCollectionPrefix.size());
}

std::string_view chaincode_of_sequence_key(std::string_view key) {
  constexpr std::string_view kPrefix = "namespaces/fields/", kSuffix = "/Sequence";
  if (key.size() <= kPrefix.size() + kSuffix.size() || !key.starts_with(kPrefix) || !key.ends_with(kSuffix)) return {};
  const std::string_view name = key.substr(kPrefix.size(), key.size() - kPrefix.size() - kSuffix.size());
  return name.find('/') == std::string_view::npos ? name : std::string_view();
}

}  // namespace selvage::lifecycle
