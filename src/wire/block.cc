#include "wire/block.h"

#include "crypto/hash.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/views.h"

namespace selvage::wire {
namespace {

using ::common::BlockMetadataIndex;

constexpr int kSlots = ::common::COMMIT_HASH + 1;

void append_der(Bytes& out, uint8_t tag, BytesView content) {
  out.push_back(static_cast<char>(tag));
  if (content.size() < 0x80) {
    out.push_back(static_cast<char>(content.size()));
  } else {
    Bytes length;
    for (size_t rest = content.size(); rest > 0; rest >>= 8) length.insert(length.begin(), static_cast<char>(rest));
    out.push_back(static_cast<char>(0x80 | length.size()));
    out += length;
  }
  out += content;
}

// Big-endian, as short as it goes, and positive: a leading zero where the top bit is set.
Bytes der_unsigned(uint64_t number) {
  Bytes out;
  do {
    out.insert(out.begin(), static_cast<char>(number));
    number >>= 8;
  } while (number > 0);
  if (static_cast<uint8_t>(out.front()) >= 0x80) out.insert(out.begin(), '\0');
  return out;
}

Error well_formed_error(std::string text) { return Error{Code::kInvalidArgument, std::move(text), "", ""}; }

}  // namespace

Bytes header_bytes(const ::common::BlockHeader& header) {
  Bytes content;
  append_der(content, 0x02, der_unsigned(header.number()));
  append_der(content, 0x04, header.previous_hash());
  append_der(content, 0x04, header.data_hash());
  Bytes out;
  append_der(out, 0x30, content);
  return out;
}

Bytes header_hash(const ::common::BlockHeader& header) { return crypto::sha256(header_bytes(header)); }

Bytes data_hash(const ::common::BlockData& data) {
  crypto::Sha256 hash;
  for (const Bytes& transaction : data.data()) hash.update(transaction);
  return hash.finish();
}

::common::Block make_block(uint64_t number, BytesView previous_hash) {
  ::common::Block block;
  block.mutable_header()->set_number(number);
  block.mutable_header()->set_previous_hash(Bytes(previous_hash));
  block.mutable_data();
  init_metadata(block);
  return block;
}

void init_metadata(::common::Block& block) {
  auto* metadata = block.mutable_metadata();
  while (metadata->metadata_size() < kSlots) metadata->add_metadata();
}

Status check_canonical_envelope(BytesView envelope, size_t index) {
  // Go writes the fields it knows in order and then, untouched, those that it does not know.
  const std::string transaction = "transaction " + std::to_string(index);
  EnvelopeView view;
  Bytes unknown;
  FieldReader fields(envelope);
  for (Field field; fields.next(field);) {
    if (field.is_bytes(1)) {
      view.payload = field.bytes;
    } else if (field.is_bytes(2)) {
      view.signature = field.bytes;
    } else {
      unknown += field.raw;
    }
  }
  if (fields.failed()) return fail(well_formed_error(transaction + " is invalid: " + kBadWireFormat));
  if (view.payload.empty()) return fail(well_formed_error(transaction + " has no payload"));
  if (view.signature.empty()) return fail(well_formed_error(transaction + " has no signature"));
  Bytes expected;
  expected.reserve(envelope.size());
  append_bytes_field(expected, 1, view.payload);
  append_bytes_field(expected, 2, view.signature);
  expected += unknown;
  if (expected.size() < envelope.size())
    return fail(well_formed_error(transaction + " has " + std::to_string(envelope.size() - expected.size()) +
                                  " trailing bytes"));
  if (expected != envelope)
    return fail(well_formed_error(transaction + " (" + to_base64(expected) + ") does not match its raw form (" +
                                  to_base64(envelope) + ")"));
  return {};
}

Status check_well_formed(const ::common::BlockData& data) {
  if (data.data_size() == 0) return fail(well_formed_error("empty block"));
  if (has_config_transaction(data)) return {};
  for (int i = 0; i < data.data_size(); ++i)
    SELVAGE_CHECK(check_canonical_envelope(data.data(i), static_cast<size_t>(i)));
  return {};
}

bool has_config_transaction(const ::common::BlockData& data) {
  if (data.data_size() != 1) return false;
  auto envelope = read_envelope(data.data(0));
  if (!envelope) return false;
  auto payload = read_payload(envelope->payload);
  if (!payload || !payload->has_header) return false;
  auto header = read_channel_header(payload->header.channel_header);
  return header && header->type == ::common::CONFIG;
}

bool is_config_block(const ::common::Block& block) { return has_config_transaction(block.data()); }

Result<std::string> channel_id_of(const ::common::Block& block) {
  if (block.data().data_size() == 0)
    return fail(Code::kInvalidArgument, "failed to retrieve channel id - block is empty");
  SELVAGE_TRY(auto envelope, read_envelope(block.data().data(0)));
  SELVAGE_TRY(auto payload, read_payload(envelope.payload));
  if (!payload.has_header)
    return fail(Code::kInvalidArgument, "failed to retrieve channel id - payload header is empty");
  SELVAGE_TRY(auto header, read_channel_header(payload.header.channel_header));
  return std::string(header.channel_id);
}

Result<::common::Metadata> metadata_of(const ::common::Block& block, BlockMetadataIndex index) {
  if (!block.has_metadata()) return fail(Code::kInvalidArgument, "no metadata in block");
  const std::string slot = "[" + ::common::BlockMetadataIndex_Name(index) + "]";
  if (block.metadata().metadata_size() <= static_cast<int>(index))
    return fail(Code::kInvalidArgument, "no metadata at index " + slot);
  ::common::Metadata metadata;
  if (!parse_into(block.metadata().metadata(index), metadata))
    return fail(Code::kInvalidArgument, "error unmarshalling metadata at index " + slot + ": " + kBadWireFormat);
  return metadata;
}

Result<uint64_t> last_config_index(const ::common::Block& block) {
  auto signatures = metadata_of(block, ::common::SIGNATURES);
  if (!signatures) return fail(signatures.error().within("failed to retrieve metadata"));
  if (signatures->value().empty()) {
    auto slot = metadata_of(block, ::common::LAST_CONFIG);
    if (!slot) return fail(slot.error().within("failed to retrieve metadata"));
    SELVAGE_TRY(auto last, parse<::common::LastConfig>(slot->value()));
    return last.index();
  }
  ::common::OrdererBlockMetadata value;
  if (!parse_into(signatures->value(), value))
    return fail(Code::kInvalidArgument, std::string("failed to unmarshal orderer block metadata: ") + kBadWireFormat);
  return value.last_config().index();
}

Result<Bytes> consenter_metadata(const ::common::Block& block) {
  auto signatures = metadata_of(block, ::common::SIGNATURES);
  if (!signatures) return fail(signatures.error().within("failed to retrieve metadata"));
  if (signatures->value().empty()) {
    SELVAGE_TRY(auto slot, metadata_of(block, ::common::ORDERER));
    return std::move(*slot.mutable_value());
  }
  ::common::OrdererBlockMetadata value;
  if (!parse_into(signatures->value(), value))
    return fail(Code::kInvalidArgument, std::string("failed to unmarshal orderer block metadata: ") + kBadWireFormat);
  ::common::Metadata wrapped;
  if (!parse_into(value.consenter_metadata(), wrapped))
    return fail(Code::kInvalidArgument, std::string("failed to unmarshal consenter metadata: ") + kBadWireFormat);
  return std::move(*wrapped.mutable_value());
}

Bytes orderer_metadata_value(uint64_t last_config, BytesView consenter_metadata) {
  ::common::Metadata wrapped;
  wrapped.set_value(Bytes(consenter_metadata));
  ::common::OrdererBlockMetadata value;
  value.mutable_last_config()->set_index(last_config);
  value.set_consenter_metadata(marshal(wrapped));
  return marshal(value);
}

Bytes orderer_signed_bytes(BytesView value, BytesView header_of_signature, const ::common::BlockHeader& header) {
  Bytes out(value);
  out += header_of_signature;
  out += header_bytes(header);
  return out;
}

}  // namespace selvage::wire
