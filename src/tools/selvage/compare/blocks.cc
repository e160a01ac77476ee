#include "tools/selvage/compare/blocks.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "peer/transaction.pb.h"
#include "wire/marshal.h"
#include "wire/views.h"

namespace selvage::tools::compare {
namespace {

std::string metadata_of(const ::common::Block& block, int index) {
  return index < block.metadata().metadata_size() ? block.metadata().metadata(index) : "";
}

std::string name_of_code(const std::string& codes, size_t index) {
  if (index >= codes.size()) return "none";
  const int code = static_cast<uint8_t>(codes[index]);
  const std::string& name = ::protos::TxValidationCode_Name(static_cast<::protos::TxValidationCode>(code));
  return name.empty() ? std::to_string(code) : name;
}

std::string transaction_id(const ::common::Block& block, size_t index) {
  const auto envelope = wire::open_envelope(block.data().data(static_cast<int>(index)));
  return envelope && !envelope->channel_header.tx_id.empty() ? escape(envelope->channel_header.tx_id, 64) : "no id";
}

// The hash over all that was committed up to this block; "" where there is none.
std::string commit_hash(const ::common::Block& block) {
  ::common::Metadata metadata;
  return wire::parse_into(metadata_of(block, ::common::COMMIT_HASH), metadata) ? metadata.value() : "";
}

std::string shown(const std::string& hash) { return hash.empty() ? "none" : to_hex(hash); }

}  // namespace

std::optional<std::string> difference(const ::common::Block& one, const ::common::Block& other) {
  const auto& a = one.header();
  const auto& b = other.header();
  if (a.number() != b.number() || a.previous_hash() != b.previous_hash() || a.data_hash() != b.data_hash()) {
    return fmt::format("the headers differ: previous hash {} and {}, data hash {} and {}", shown(a.previous_hash()),
                       shown(b.previous_hash()), shown(a.data_hash()), shown(b.data_hash()));
  }
  if (one.data().data_size() != other.data().data_size())
    return fmt::format("{} and {} transactions", one.data().data_size(), other.data().data_size());
  const std::string codes_one = metadata_of(one, ::common::TRANSACTIONS_FILTER);
  const std::string codes_other = metadata_of(other, ::common::TRANSACTIONS_FILTER);
  for (size_t i = 0; i < static_cast<size_t>(one.data().data_size()); ++i) {
    if (one.data().data(static_cast<int>(i)) != other.data().data(static_cast<int>(i)))
      return fmt::format("transaction {} has other bytes", i);
    const std::string left = name_of_code(codes_one, i);
    const std::string right = name_of_code(codes_other, i);
    if (left != right) return fmt::format("transaction {} ({}) is {} and {}", i, transaction_id(one, i), left, right);
  }
  const std::string left = commit_hash(one);
  const std::string right = commit_hash(other);
  if (left != right) return fmt::format("commit hash {} and {}", shown(left), shown(right));
  return std::nullopt;
}

}  // namespace selvage::tools::compare
