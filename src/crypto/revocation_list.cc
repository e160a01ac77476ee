#include "crypto/revocation_list.h"

#include <algorithm>

#include "crypto/certificate_parser.h"
#include "crypto/der.h"
#include "crypto/native.h"
#include "crypto/pem.h"

namespace selvage::crypto {
namespace {

tl::unexpected<Error> malformed(const char* what) {
  return fail(Code::kInvalidArgument, std::string("x509: malformed crl") + what);
}

// Serial numbers are compared as numbers: without leading zeros.
Bytes number(BytesView content) {
  while (content.size() > 1 && content[0] == 0) content.remove_prefix(1);
  return Bytes(content);
}

bool read_authority_key_id(BytesView extensions, Bytes& id) {
  der::Reader outer(extensions);
  BytesView list_content;
  if (!outer.read(der::kSequence, list_content)) return false;
  der::Reader list(list_content);
  while (!list.empty()) {
    BytesView content, value;
    std::string oid;
    bool critical = false;
    if (!list.read(der::kSequence, content)) return false;
    der::Reader fields(content);
    if (!fields.read_oid(oid)) return false;
    if (fields.next_is(der::kBoolean) && !fields.read_boolean(critical)) return false;
    if (!fields.read(der::kOctetString, value)) return false;
    if (oid != "2.5.29.35") continue;
    der::Reader key(value);
    BytesView sequence;
    std::optional<BytesView> found;
    if (!key.read(der::kSequence, sequence)) return false;
    der::Reader key_fields(sequence);
    if (!key_fields.read_optional(der::context(0), found)) return false;
    if (found) id = Bytes(*found);
  }
  return true;
}

}  // namespace

Result<RevocationList> RevocationList::from_der(BytesView bytes) {
  RevocationList list;
  der::Reader outer(bytes);
  BytesView content, signature;
  der::Element tbs, algorithm;
  if (!outer.read(der::kSequence, content)) return malformed("");
  der::Reader parts(content);
  if (!parts.read(tbs) || tbs.tag != der::kSequence) return malformed(": malformed tbs");
  if (!parts.read(algorithm) || !parts.read_bits(signature)) return malformed(": malformed signature");
  list.tbs_ = Bytes(tbs.whole);
  list.signature_ = Bytes(signature);
  list.algorithm_ = signature_algorithm_of(algorithm.whole);

  der::Reader fields(tbs.content);
  BytesView version;
  der::Element inner, issuer, time;
  ParsedName name;
  if (fields.next_is(der::kInteger) && !fields.read_integer(version)) return malformed(": malformed version");
  if (!fields.read(inner) || inner.tag != der::kSequence) return malformed(": malformed algorithm");
  if (!fields.read(issuer) || !parse_name(issuer.whole, name)) return malformed(": malformed issuer");
  list.issuer_ = Bytes(issuer.whole);
  std::chrono::sys_seconds when;
  if (!fields.read(time) || !parse_time(time.tag, time.content, when)) return malformed(": malformed this update");
  if (fields.next_is(der::kUtcTime) || fields.next_is(der::kGeneralizedTime)) {
    if (!fields.read(time) || !parse_time(time.tag, time.content, when)) return malformed(": malformed next update");
  }
  std::optional<BytesView> revoked, extensions;
  if (!fields.read_optional(der::kSequence, revoked)) return malformed(": malformed entries");
  der::Reader entries(revoked.value_or(BytesView()));
  while (!entries.empty()) {
    BytesView entry, serial;
    if (!entries.read(der::kSequence, entry)) return malformed(": malformed entry");
    der::Reader entry_fields(entry);
    if (!entry_fields.read_integer(serial)) return malformed(": malformed serial number");
    list.serials_.push_back(number(serial));
  }
  std::sort(list.serials_.begin(), list.serials_.end());
  if (!fields.read_optional(der::context_constructed(0), extensions)) return malformed(": malformed extensions");
  if (extensions && !read_authority_key_id(*extensions, list.authority_key_id_)) return malformed(": malformed extensions");
  return list;
}

Result<RevocationList> RevocationList::from_pem(std::string_view pem) {
  auto blocks = parse_pem(pem);
  return from_der(blocks.empty() ? BytesView(pem) : BytesView(blocks.front().der));
}

bool RevocationList::revokes(const Certificate& certificate) const {
  return std::binary_search(serials_.begin(), serials_.end(), number(certificate.serial_bytes()));
}

Status RevocationList::check_signature_from(const Certificate& issuer) const {
  if (issuer.key_usage() != 0 && (issuer.key_usage() & kCrlSign) == 0) {
    return fail(Code::kInvalidArgument, "x509: issuer must have the crlSign key usage bit set");
  }
  return check_x509_signature(algorithm_, issuer.public_key(), tbs_, signature_);
}

}  // namespace selvage::crypto
