#include "rpc/status.h"

#include <fmt/format.h>

namespace selvage::rpc {
namespace {

// The two messages concerned have five fields between them, so they are written by hand: google.rpc.Status {1: code,
// 2: message, 3: repeated Any}, Any {1: type_url, 2: value}.
void put_varint(Bytes* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void put_bytes(Bytes* out, int field, BytesView bytes) {
  if (bytes.empty()) return;
  out->push_back(static_cast<char>(field << 3 | 2));
  put_varint(out, bytes.size());
  out->append(bytes);
}

bool take_varint(BytesView* in, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in->empty()) return false;
    auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

struct Field {
  uint64_t number = 0;
  uint64_t varint = 0;
  BytesView bytes;
};

bool take_field(BytesView* in, Field* field) {
  uint64_t tag, length;
  if (!take_varint(in, &tag)) return false;
  field->number = tag >> 3;
  switch (tag & 7) {
    case 0:
      return take_varint(in, &field->varint);
    case 1:
    case 5:
      length = (tag & 7) == 1 ? 8 : 4;
      break;
    case 2:
      if (!take_varint(in, &length)) return false;
      break;
    default:
      return false;
  }
  if (length > in->size()) return false;
  field->bytes = in->substr(0, length);
  in->remove_prefix(length);
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string Status::to_string() const {
  return fmt::format("rpc error: code = {} desc = {}", name_of(code), message);
}

Bytes encode_details(const Status& status) {
  Bytes out;
  if (status.code != Code::kOk) {
    out.push_back(1 << 3);
    put_varint(&out, static_cast<uint64_t>(status.code));
  }
  put_bytes(&out, 2, status.message);
  for (const Detail& detail : status.details) {
    Bytes any;
    put_bytes(&any, 1, detail.type_url);
    put_bytes(&any, 2, detail.value);
    out.push_back(3 << 3 | 2);
    put_varint(&out, any.size());
    out += any;
  }
  return out;
}

bool parse_details(BytesView bytes, Status* status) {
  Status read;
  Field field;
  while (!bytes.empty()) {
    if (!take_field(&bytes, &field)) return false;
    if (field.number == 1) read.code = static_cast<Code>(field.varint);
    if (field.number == 2) read.message = std::string(field.bytes);
    if (field.number != 3) continue;
    Detail detail;
    Field inner;
    for (BytesView any = field.bytes; !any.empty();) {
      if (!take_field(&any, &inner)) return false;
      if (inner.number == 1) detail.type_url = std::string(inner.bytes);
      if (inner.number == 2) detail.value = Bytes(inner.bytes);
    }
    read.details.push_back(std::move(detail));
  }
  *status = std::move(read);
  return true;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    int high = -1, low = -1;
    if (text[i] == '%' && i + 2 < text.size()) {
      high = hex_digit(text[i + 1]);
      low = hex_digit(text[i + 2]);
    }
    if (high >= 0 && low >= 0) {
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace selvage::rpc
