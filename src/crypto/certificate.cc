#include "crypto/certificate.h"

#include <algorithm>
#include <cstdio>
#include <atomic>
#include <mutex>

#include "crypto/certificate_parser.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/native.h"
#include "crypto/pem.h"

namespace selvage::crypto {

Result<Certificate> Certificate::from_der(BytesView bytes) {
  SELVAGE_TRY(auto parsed, parse_certificate(bytes));
  return Certificate(std::move(parsed));
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  for (const PemBlock& block : parse_pem(pem)) {
    if (block.label == "CERTIFICATE") return from_der(block.der);
  }
  return fail(Code::kInvalidArgument, "no certificate found", "the text " + describe_non_pem(pem, "CERTIFICATE"));
}

Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view pem) {
  std::vector<Certificate> all;
  std::vector<int> broken;
  int number = 0;
  for (const PemBlock& block : parse_pem(pem, &broken)) {
    ++number;
    if (block.label != "CERTIFICATE") continue;
    auto certificate = from_der(block.der);
    if (!certificate) {
      Error error = std::move(certificate).error();
      error.cause = "block " + std::to_string(number) + " (line " + std::to_string(block.line) + ") is not a certificate";
      return fail(std::move(error));
    }
    all.push_back(std::move(*certificate));
  }
  if (all.empty()) {
    return fail(Code::kInvalidArgument, "no certificate found", "the text " + describe_non_pem(pem, "CERTIFICATE"));
  }
  if (!broken.empty()) {
    return fail(Code::kInvalidArgument, "x509: malformed certificate",
                "the block that begins on line " + std::to_string(broken.front()) + " is not whole");
  }
  return all;
}

const Bytes& Certificate::der() const { return parsed_->der; }
std::string Certificate::pem() const { return encode_pem("CERTIFICATE", parsed_->der); }
const Bytes& Certificate::sha256() const { return parsed_->sha256; }
const PublicKey& Certificate::public_key() const { return *parsed_->public_key; }
BytesView Certificate::spki_der() const { return parsed_->public_key->spki_der(); }
const std::string& Certificate::subject() const { return parsed_->subject.text; }
const std::string& Certificate::issuer() const { return parsed_->issuer.text; }
BytesView Certificate::subject_der() const { return parsed_->subject_der; }
BytesView Certificate::issuer_der() const { return parsed_->issuer_der; }
const std::vector<NameAttribute>& Certificate::subject_attributes() const { return parsed_->subject.attributes; }
const std::string& Certificate::common_name() const { return parsed_->common_name; }
const std::vector<std::string>& Certificate::organizations() const { return parsed_->organizations; }
const std::vector<std::string>& Certificate::organizational_units() const { return parsed_->organizational_units; }
int Certificate::version() const { return parsed_->version; }
BytesView Certificate::serial_bytes() const { return parsed_->serial; }
std::chrono::sys_seconds Certificate::not_before() const { return parsed_->not_before; }
std::chrono::sys_seconds Certificate::not_after() const { return parsed_->not_after; }
bool Certificate::has_basic_constraints() const { return parsed_->has_basic_constraints; }
bool Certificate::is_ca() const { return parsed_->is_ca; }
std::optional<int> Certificate::max_path_length() const { return parsed_->max_path_length; }
uint32_t Certificate::key_usage() const { return parsed_->key_usage; }
const std::vector<std::string>& Certificate::extended_key_usages() const { return parsed_->extended_key_usages; }
bool Certificate::has_san() const { return parsed_->has_san; }
const std::vector<std::string>& Certificate::dns_names() const { return parsed_->dns_names; }
const std::vector<Bytes>& Certificate::ip_addresses() const { return parsed_->ip_addresses; }
const std::vector<std::string>& Certificate::email_addresses() const { return parsed_->email_addresses; }
const std::vector<std::string>& Certificate::uris() const { return parsed_->uris; }
BytesView Certificate::subject_key_id() const { return parsed_->subject_key_id; }
BytesView Certificate::authority_key_id() const { return parsed_->authority_key_id; }
const std::vector<Extension>& Certificate::extensions() const { return parsed_->extensions; }
const std::vector<std::string>& Certificate::unhandled_critical_extensions() const { return parsed_->unhandled; }
BytesView Certificate::tbs_der() const { return parsed_->tbs; }
SignatureAlgorithm Certificate::signature_algorithm() const { return parsed_->signature_algorithm; }
BytesView Certificate::signature() const { return parsed_->signature; }

std::string Certificate::serial_hex() const {
  std::string hex = to_hex(parsed_->serial);
  size_t start = hex.find_first_not_of('0');
  return start == std::string::npos ? "0" : hex.substr(start);
}

std::string Certificate::serial_decimal() const { return der::to_decimal(parsed_->serial); }

bool Certificate::allows(std::string_view usage) const {
  const auto& all = parsed_->extended_key_usages;
  return all.empty() || std::any_of(all.begin(), all.end(), [&](const std::string& one) {
           return one == usage || one == kAnyUsage;
         });
}

const Extension* Certificate::find_extension(std::string_view oid) const {
  for (const Extension& extension : parsed_->extensions) {
    if (extension.oid == oid) return &extension;
  }
  return nullptr;
}

Status Certificate::check_signature_from(const Certificate& parent) const {
  if ((parent.version() == 3 && !parent.has_basic_constraints()) ||
      (parent.has_basic_constraints() && !parent.is_ca()) ||
      (parent.key_usage() != 0 && (parent.key_usage() & kCertSign) == 0)) {
    return fail(Code::kInvalidArgument, "x509: invalid signature: parent certificate cannot sign this kind of certificate");
  }
  // That a key signed these bytes stays true, so it is worked out once.
  Bytes key = crypto::sha256(parent.spki_der());
  {
    std::lock_guard lock(parsed_->mutex);
    if (parsed_->signed_by == key) return {};
  }
  SELVAGE_CHECK(check_x509_signature(signature_algorithm(), parent.public_key(), tbs_der(), signature()));
  std::lock_guard lock(parsed_->mutex);
  parsed_->signed_by = std::move(key);
  return {};
}

Result<Certificate> Certificate::with_low_s(const PublicKey& issuer_key) const {
  if (!fits(signature_algorithm(), issuer_key.algorithm()) || !is_ecdsa(issuer_key.algorithm())) return *this;
  SELVAGE_TRY(Bytes low, to_low_s(issuer_key, signature()));
  if (low == signature()) return *this;
  return from_der(der::wrap(der::kSequence, Bytes(tbs_der()) + Bytes(parsed_->algorithm_der) + der::bit_string(low)));
}

std::string ip_to_string(BytesView address) {
  auto byte = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(address[i])); };
  auto dotted = [&](size_t at) {
    return std::to_string(byte(at)) + "." + std::to_string(byte(at + 1)) + "." + std::to_string(byte(at + 2)) + "." +
           std::to_string(byte(at + 3));
  };
  if (address.size() == 4) return dotted(0);
  if (address.size() != 16) return "?" + to_hex(address);
  static const Bytes kMapped = Bytes(10, '\0') + "\xff\xff";
  if (address.substr(0, 12) == kMapped) return dotted(12);
  // The longest run of two or more zero groups becomes "::".
  int best_at = -1, best_size = 1;
  for (int i = 0; i < 8; ++i) {
    int size = 0;
    while (i + size < 8 && byte(2 * (i + size)) == 0 && byte(2 * (i + size) + 1) == 0) ++size;
    if (size > best_size) best_at = i, best_size = size;
  }
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (i == best_at) {
      text += "::";
      i += best_size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    char group[8];
    std::snprintf(group, sizeof group, "%x", (byte(2 * i) << 8) | byte(2 * i + 1));
    text += group;
  }
  return text;
}

std::string to_rfc3339(std::chrono::sys_seconds time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace selvage::crypto
