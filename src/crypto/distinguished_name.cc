#include "crypto/distinguished_name.h"

#include <algorithm>

#include "crypto/der.h"

namespace selvage::crypto {
namespace {

struct Known {
  std::string_view oid;
  std::string_view name;
};
// In the order in which Go writes them.
constexpr Known kKnown[] = {{"2.5.4.6", "C"},           {"2.5.4.8", "ST"}, {"2.5.4.7", "L"},   {"2.5.4.9", "STREET"},
                            {"2.5.4.17", "POSTALCODE"}, {"2.5.4.10", "O"}, {"2.5.4.11", "OU"}, {"2.5.4.3", "CN"},
                            {"2.5.4.5", "SERIALNUMBER"}};

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

bool printable(BytesView text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '\'' ||
           c == '(' || c == ')' || c == '+' || c == ',' || c == '-' || c == '.' || c == '/' || c == ':' || c == '=' ||
           c == '?';
  });
}

// A string of one of the types that names are made of.
bool read_string(const der::Element& element, std::string& text) {
  switch (element.tag) {
    case der::kUtf8String:
    case der::kPrintableString:
    case der::kIa5String:
    case der::kNumericString: text = Bytes(element.content); return true;
    case der::kT61String:
      text.clear();
      for (char c : element.content) append_utf8(text, static_cast<uint8_t>(c));
      return true;
    case der::kBmpString:
      if (element.content.size() % 2 != 0) return false;
      text.clear();
      for (size_t i = 0; i < element.content.size(); i += 2) {
        append_utf8(text, (static_cast<uint32_t>(static_cast<uint8_t>(element.content[i])) << 8) |
                              static_cast<uint8_t>(element.content[i + 1]));
      }
      return true;
    default: return false;
  }
}

Bytes encode_string(std::string_view text) {
  return der::wrap(printable(text) ? der::kPrintableString : der::kUtf8String, text);
}

std::string escape_value(const std::string& value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    bool special = c == ',' || c == '+' || c == '"' || c == '\\' || c == '<' || c == '>' || c == ';' ||
                   (c == ' ' && (i == 0 || i + 1 == value.size())) || (c == '#' && i == 0);
    if (special) out += '\\';
    out += c;
  }
  return out;
}

bool known(std::string_view oid) {
  return std::any_of(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.oid == oid; });
}

std::string to_text(const std::vector<NameAttribute>& attributes) {
  std::vector<std::string> parts;  // in Go's order; printed last first
  for (const NameAttribute& attribute : attributes) {
    if (!known(attribute.oid)) parts.push_back(attribute.oid + "=#" + to_hex(encode_string(attribute.value)));
  }
  for (const Known& kind : kKnown) {
    std::string part;
    bool single = kind.name == "CN" || kind.name == "SERIALNUMBER";
    for (const NameAttribute& attribute : attributes) {
      if (attribute.oid != kind.oid) continue;
      if (single) part.clear();  // the last one counts
      if (!part.empty()) part += '+';
      if (!single || !attribute.value.empty()) part += std::string(kind.name) + "=" + escape_value(attribute.value);
    }
    if (!part.empty()) parts.push_back(std::move(part));
  }
  std::string text;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!text.empty()) text += ',';
    text += *part;
  }
  return text;
}

void append_set(Bytes& out, std::string_view oid, const std::vector<std::string>& values) {
  if (values.empty()) return;
  std::vector<Bytes> attributes;
  for (const std::string& value : values) {
    attributes.push_back(der::wrap(der::kSequence, der::oid(oid) + encode_string(value)));
  }
  std::sort(attributes.begin(), attributes.end());  // DER: a SET OF is ordered
  Bytes set;
  for (const Bytes& attribute : attributes) set += attribute;
  out += der::wrap(der::kSet, set);
}

}  // namespace

bool parse_name(BytesView whole, ParsedName& name) {
  der::Reader outer(whole);
  BytesView sequence;
  if (!outer.read(der::kSequence, sequence)) return false;
  der::Reader sets(sequence);
  while (!sets.empty()) {
    BytesView set;
    if (!sets.read(der::kSet, set)) return false;
    der::Reader attributes(set);
    while (!attributes.empty()) {
      BytesView attribute;
      NameAttribute parsed;
      der::Element value;
      if (!attributes.read(der::kSequence, attribute)) return false;
      der::Reader fields(attribute);
      if (!fields.read_oid(parsed.oid) || !fields.read(value) || !fields.empty()) return false;
      if (!read_string(value, parsed.value)) return false;
      name.attributes.push_back(std::move(parsed));
    }
  }
  name.text = to_text(name.attributes);
  return true;
}

Bytes encode_name(const DistinguishedName& name) {
  Bytes out;
  append_set(out, "2.5.4.6", name.country);
  append_set(out, "2.5.4.8", name.province);
  append_set(out, "2.5.4.7", name.locality);
  append_set(out, "2.5.4.9", name.street_address);
  append_set(out, "2.5.4.17", name.postal_code);
  append_set(out, "2.5.4.10", name.organization);
  append_set(out, "2.5.4.11", name.organizational_unit);
  if (!name.common_name.empty()) append_set(out, "2.5.4.3", {name.common_name});
  if (!name.serial_number.empty()) append_set(out, "2.5.4.5", {name.serial_number});
  return der::wrap(der::kSequence, out);
}

}  // namespace selvage::crypto
