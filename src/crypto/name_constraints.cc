#include "crypto/name_constraints.h"

#include <algorithm>
#include <functional>

#include "crypto/der.h"

namespace selvage::crypto {
namespace {

struct Constraints {
  std::vector<std::string> dns, email, uri;
  std::vector<Bytes> ip;  // address and mask, one after the other
  bool malformed = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Constraints parse_subtrees(BytesView content) {
  Constraints out;
  der::Reader reader(content);
  while (!reader.empty()) {
    BytesView subtree;
    der::Element base;
    if (!reader.read(der::kSequence, subtree)) return out.malformed = true, out;
    der::Reader fields(subtree);
    if (!fields.read(base)) return out.malformed = true, out;
    if (base.tag == der::context(1)) out.email.push_back(lower(base.content));
    if (base.tag == der::context(2)) out.dns.push_back(lower(base.content));
    if (base.tag == der::context(6)) out.uri.push_back(lower(base.content));
    if (base.tag == der::context(7)) {
      if (base.content.size() != 8 && base.content.size() != 32) return out.malformed = true, out;
      out.ip.emplace_back(base.content);
    }
  }
  return out;
}

bool dns_matches(const std::string& name, const std::string& constraint) {
  if (constraint.empty() || name == constraint) return true;
  if (constraint.front() == '.') return name.ends_with(constraint);
  return name.size() > constraint.size() && name.ends_with(constraint) && name[name.size() - constraint.size() - 1] == '.';
}

// A wildcard stands for names that an exclusion below it forbids, too.
bool dns_excluded(const std::string& name, const std::string& constraint) {
  if (dns_matches(name, constraint)) return true;
  return name.starts_with("*.") && constraint.ends_with(name.substr(1));
}

bool host_matches(const std::string& host, const std::string& constraint) {
  return constraint.starts_with('.') ? host.ends_with(constraint) : host == constraint;
}

bool email_matches(const std::string& email, const std::string& constraint) {
  if (constraint.find('@') != std::string::npos) return email == constraint;
  size_t at = email.rfind('@');
  return at != std::string::npos && host_matches(email.substr(at + 1), constraint);
}

std::string host_of_uri(const std::string& uri) {
  size_t start = uri.find("://");
  if (start == std::string::npos) return "";
  std::string authority = uri.substr(start + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (size_t at = authority.rfind('@'); at != std::string::npos) authority = authority.substr(at + 1);
  return lower(authority.substr(0, authority.rfind(':')));
}

bool ip_matches(const Bytes& address, const Bytes& constraint) {
  if (constraint.size() != 2 * address.size()) return false;
  for (size_t i = 0; i < address.size(); ++i) {
    if ((address[i] & constraint[address.size() + i]) != (constraint[i] & constraint[address.size() + i])) return false;
  }
  return true;
}

template <class Value>
std::optional<std::string> check_kind(const char* kind, const std::vector<Value>& permitted,
                                      const std::vector<Value>& excluded, const Value& value, const std::string& shown,
                                      const std::function<bool(const Value&, const Value&)>& matches,
                                      const std::function<bool(const Value&, const Value&)>& is_excluded) {
  for (const Value& constraint : excluded) {
    if (is_excluded(value, constraint)) return std::string(kind) + " \"" + shown + "\" is excluded by a constraint";
  }
  if (permitted.empty()) return std::nullopt;
  for (const Value& constraint : permitted) {
    if (matches(value, constraint)) return std::nullopt;
  }
  return std::string(kind) + " \"" + shown + "\" is not permitted by any constraint";
}

std::optional<std::string> check_certificate(const Certificate& certificate, const Constraints& permitted,
                                             const Constraints& excluded) {
  using Text = std::function<bool(const std::string&, const std::string&)>;
  for (const std::string& name : certificate.dns_names()) {
    if (auto why = check_kind<std::string>("DNS name", permitted.dns, excluded.dns, lower(name), name, Text(dns_matches),
                                           Text(dns_excluded))) {
      return why;
    }
  }
  for (const std::string& email : certificate.email_addresses()) {
    if (auto why = check_kind<std::string>("email address", permitted.email, excluded.email, lower(email), email,
                                           Text(email_matches), Text(email_matches))) {
      return why;
    }
  }
  for (const std::string& uri : certificate.uris()) {
    if (permitted.uri.empty() && excluded.uri.empty()) break;
    std::string host = host_of_uri(uri);
    if (host.empty() || ip_from_string(host)) return "URI \"" + uri + "\" cannot be matched against constraints";
    if (auto why = check_kind<std::string>("URI", permitted.uri, excluded.uri, host, uri, Text(host_matches),
                                           Text(host_matches))) {
      return why;
    }
  }
  using Ip = std::function<bool(const Bytes&, const Bytes&)>;
  for (const Bytes& address : certificate.ip_addresses()) {
    if (auto why = check_kind<Bytes>("IP address", permitted.ip, excluded.ip, address, ip_to_string(address),
                                     Ip(ip_matches), Ip(ip_matches))) {
      return why;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_name_constraints(const std::vector<Certificate>& chain) {
  for (size_t ca = 1; ca < chain.size(); ++ca) {
    const Extension* extension = chain[ca].find_extension("2.5.29.30");
    if (extension == nullptr) continue;
    der::Reader reader(extension->value);
    BytesView sequence;
    std::optional<BytesView> permitted_content, excluded_content;
    if (!reader.read(der::kSequence, sequence)) return "the constraints of " + chain[ca].subject() + " are malformed";
    der::Reader fields(sequence);
    if (!fields.read_optional(der::context_constructed(0), permitted_content) ||
        !fields.read_optional(der::context_constructed(1), excluded_content)) {
      return "the constraints of " + chain[ca].subject() + " are malformed";
    }
    Constraints permitted = parse_subtrees(permitted_content.value_or(BytesView()));
    Constraints excluded = parse_subtrees(excluded_content.value_or(BytesView()));
    if (permitted.malformed || excluded.malformed) return "the constraints of " + chain[ca].subject() + " are malformed";
    for (size_t below = 0; below < ca; ++below) {
      if (auto why = check_certificate(chain[below], permitted, excluded)) return why;
    }
  }
  return std::nullopt;
}

}  // namespace selvage::crypto
