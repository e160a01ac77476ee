#include "crypto/certificate_parser.h"

#include <algorithm>
#include <set>

#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/native.h"

namespace selvage::crypto {
namespace {

tl::unexpected<Error> malformed(const char* what) {
  return fail(Code::kInvalidArgument, std::string("x509: malformed ") + what);
}

bool ia5(BytesView text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

bool parse_basic_constraints(BytesView value, Certificate::Parsed& out) {
  der::Reader reader(value);
  BytesView sequence;
  if (!reader.read(der::kSequence, sequence)) return false;
  der::Reader fields(sequence);
  if (fields.next_is(der::kBoolean) && !fields.read_boolean(out.is_ca)) return false;
  if (fields.next_is(der::kInteger)) {
    BytesView number;
    if (!fields.read_integer(number) || number.size() > 2 || (static_cast<uint8_t>(number[0]) & 0x80)) return false;
    int length = 0;
    for (char c : number) length = length * 256 + static_cast<uint8_t>(c);
    out.max_path_length = length;
  }
  out.has_basic_constraints = true;
  return true;
}

bool parse_key_usage(BytesView value, uint32_t& usage) {
  der::Reader reader(value);
  BytesView bits;
  if (!reader.read(der::kBitString, bits) || bits.empty()) return false;
  usage = 0;
  for (int i = 0; i < 9; ++i) {
    size_t at = 1 + static_cast<size_t>(i) / 8;
    if (at < bits.size() && (static_cast<uint8_t>(bits[at]) >> (7 - i % 8)) & 1) usage |= 1u << i;
  }
  return true;
}

bool parse_extended_key_usage(BytesView value, std::vector<std::string>& out) {
  der::Reader reader(value);
  BytesView sequence;
  if (!reader.read(der::kSequence, sequence)) return false;
  der::Reader oids(sequence);
  while (!oids.empty()) {
    std::string oid;
    if (!oids.read_oid(oid)) return false;
    out.push_back(std::move(oid));
  }
  return true;
}

bool parse_san(BytesView value, Certificate::Parsed& out) {
  der::Reader reader(value);
  BytesView sequence;
  if (!reader.read(der::kSequence, sequence)) return false;
  der::Reader names(sequence);
  while (!names.empty()) {
    der::Element name;
    if (!names.read(name)) return false;
    switch (name.tag) {
      case der::context(1):
        if (!ia5(name.content)) return false;
        out.email_addresses.emplace_back(name.content);
        break;
      case der::context(2):
        if (!ia5(name.content)) return false;
        out.dns_names.emplace_back(name.content);
        break;
      case der::context(6):
        if (!ia5(name.content)) return false;
        out.uris.emplace_back(name.content);
        break;
      case der::context(7):
        if (name.content.size() != 4 && name.content.size() != 16) return false;
        out.ip_addresses.emplace_back(name.content);
        break;
      default: break;  // other kinds of names are of no use here
    }
  }
  return true;
}

bool parse_authority_key_id(BytesView value, BytesView& id) {
  der::Reader reader(value);
  BytesView sequence;
  std::optional<BytesView> found;
  if (!reader.read(der::kSequence, sequence)) return false;
  der::Reader fields(sequence);
  if (!fields.read_optional(der::context(0), found)) return false;
  if (found) id = *found;
  return true;
}

// The extension's meaning goes into `out`. An error text, or null.
const char* parse_extension(const Extension& extension, Certificate::Parsed& out, bool& handled) {
  handled = true;
  if (extension.oid == "2.5.29.15") return parse_key_usage(extension.value, out.key_usage) ? nullptr : "key usage";
  if (extension.oid == "2.5.29.19") {
    return parse_basic_constraints(extension.value, out) ? nullptr : "basic constraints";
  }
  if (extension.oid == "2.5.29.37") {
    return parse_extended_key_usage(extension.value, out.extended_key_usages) ? nullptr : "extended key usages";
  }
  if (extension.oid == "2.5.29.17") {
    out.has_san = true;
    if (!parse_san(extension.value, out)) return "subject alternative name";
    handled = !out.dns_names.empty() || !out.email_addresses.empty() || !out.ip_addresses.empty() || !out.uris.empty();
    return nullptr;
  }
  if (extension.oid == "2.5.29.14") {
    der::Reader reader(extension.value);
    return reader.read(der::kOctetString, out.subject_key_id) ? nullptr : "subject key identifier";
  }
  if (extension.oid == "2.5.29.35") {
    return parse_authority_key_id(extension.value, out.authority_key_id) ? nullptr : "authority key identifier";
  }
  // Name constraints are enforced by crypto/chain.h. Policies bind nobody here: without policyConstraints (which stays
  // unhandled) any policy is acceptable.
  handled = extension.oid == "2.5.29.30" || extension.oid == "2.5.29.32" || extension.oid == "1.3.6.1.5.5.7.1.1";
  return nullptr;
}

const char* parse_extensions(BytesView explicit_content, Certificate::Parsed& out) {
  der::Reader reader(explicit_content);
  BytesView sequence;
  if (!reader.read(der::kSequence, sequence)) return "extensions";
  der::Reader list(sequence);
  std::set<std::string> seen;
  while (!list.empty()) {
    BytesView content;
    Extension extension;
    if (!list.read(der::kSequence, content)) return "extension";
    der::Reader fields(content);
    if (!fields.read_oid(extension.oid)) return "extension OID field";
    if (fields.next_is(der::kBoolean) && !fields.read_boolean(extension.critical)) return "extension critical field";
    if (!fields.read(der::kOctetString, extension.value)) return "extension value field";
    if (!seen.insert(extension.oid).second) return "certificate: contains duplicate extensions";
    bool handled = false;
    if (const char* what = parse_extension(extension, out, handled)) return what;
    if (extension.critical && !handled) out.unhandled.push_back(extension.oid);
    out.extensions.push_back(std::move(extension));
  }
  return nullptr;
}

std::optional<std::string> parse_tbs(BytesView content, Certificate::Parsed& out) {
  der::Reader tbs(content);
  std::optional<BytesView> version;
  if (!tbs.read_optional(der::context_constructed(0), version)) return "version";
  if (version) {
    der::Reader reader(*version);
    BytesView number;
    if (!reader.read_integer(number) || number.size() != 1 || number[0] < 0 || number[0] > 2) return "version";
    out.version = number[0] + 1;
  }
  if (!tbs.read_integer(out.serial)) return "serial number";
  if (static_cast<uint8_t>(out.serial[0]) & 0x80) return "serial number: negative";
  der::Element algorithm, issuer, validity, subject, key;
  if (!tbs.read(algorithm) || algorithm.tag != der::kSequence) return "signature algorithm identifier";
  if (algorithm.whole != out.algorithm_der) return "certificate: inner and outer signature algorithm identifiers don't match";
  if (!tbs.read(issuer) || issuer.tag != der::kSequence || !parse_name(issuer.whole, out.issuer)) return "issuer";
  out.issuer_der = issuer.whole;
  if (!tbs.read(validity) || validity.tag != der::kSequence) return "validity";
  der::Reader times(validity.content);
  der::Element before, after;
  if (!times.read(before) || !times.read(after) || !parse_time(before.tag, before.content, out.not_before) ||
      !parse_time(after.tag, after.content, out.not_after)) {
    return "validity";
  }
  if (!tbs.read(subject) || subject.tag != der::kSequence || !parse_name(subject.whole, out.subject)) return "subject";
  out.subject_der = subject.whole;
  if (!tbs.read(key) || key.tag != der::kSequence) return "spki";
  auto public_key = PublicKey::from_spki_der(key.whole);
  if (!public_key) return public_key.error().message;
  out.public_key = std::move(*public_key);
  std::optional<BytesView> unused, extensions;
  if (!tbs.read_optional(der::context(1), unused)) return "issuerUniqueID";
  if (!tbs.read_optional(der::context(2), unused)) return "subjectUniqueID";
  if (!tbs.read_optional(der::context_constructed(3), extensions)) return "extensions";
  if (extensions && out.version == 3) {
    if (const char* what = parse_extensions(*extensions, out)) return what;
  }
  return std::nullopt;
}

}  // namespace

bool parse_time(uint8_t tag, BytesView text, std::chrono::sys_seconds& time) {
  if (tag != der::kUtcTime && tag != der::kGeneralizedTime) return false;
  size_t year_digits = tag == der::kUtcTime ? 2 : 4;
  // Seconds may be missing in a UTCTime, as Go has it.
  bool seconds = text.size() == year_digits + 11;
  if (text.empty() || text.back() != 'Z' || (!seconds && !(tag == der::kUtcTime && text.size() == 11))) return false;
  if (!std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; })) return false;
  size_t at = 0;
  auto number = [&](size_t digits) {
    int value = 0;
    for (size_t i = 0; i < digits; ++i) value = value * 10 + (text[at++] - '0');
    return value;
  };
  int year = number(year_digits);
  if (tag == der::kUtcTime) year += year >= 50 ? 1900 : 2000;
  unsigned month = static_cast<unsigned>(number(2)), day = static_cast<unsigned>(number(2));
  int hour = number(2), minute = number(2), second = seconds ? number(2) : 0;
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  time = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
  return true;
}

Result<std::shared_ptr<const Certificate::Parsed>> parse_certificate(BytesView bytes) {
  auto parsed = std::make_shared<Certificate::Parsed>();
  parsed->der = Bytes(bytes);
  der::Reader outer(parsed->der);
  BytesView content;
  der::Element tbs, algorithm;
  if (!outer.read(der::kSequence, content)) return malformed("certificate");
  if (!outer.empty()) return fail(Code::kInvalidArgument, "x509: trailing data");
  der::Reader reader(content);
  if (!reader.read(tbs) || tbs.tag != der::kSequence) return malformed("tbs certificate");
  if (!reader.read(algorithm) || algorithm.tag != der::kSequence) return malformed("algorithm identifier");
  if (!reader.read_bits(parsed->signature) || !reader.empty()) return malformed("signature");
  parsed->tbs = tbs.whole;
  parsed->algorithm_der = algorithm.whole;
  parsed->signature_algorithm = signature_algorithm_of(algorithm.whole);
  if (auto what = parse_tbs(tbs.content, *parsed)) {
    if (what->starts_with("x509: ")) return fail(Code::kInvalidArgument, *what);
    return malformed(what->c_str());
  }
  for (const NameAttribute& attribute : parsed->subject.attributes) {
    if (attribute.oid == "2.5.4.3") parsed->common_name = attribute.value;
    if (attribute.oid == "2.5.4.10") parsed->organizations.push_back(attribute.value);
    if (attribute.oid == "2.5.4.11") parsed->organizational_units.push_back(attribute.value);
  }
  parsed->sha256 = sha256(parsed->der);
  return std::shared_ptr<const Certificate::Parsed>(std::move(parsed));
}

}  // namespace selvage::crypto
