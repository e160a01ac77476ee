#include "crypto/chain.h"

#include <algorithm>

#include "crypto/hash.h"
#include "crypto/name_constraints.h"

namespace selvage::crypto {
namespace {

// A chain's certificates are strangers' bytes, and each costs a signature check.
constexpr int kChecksMax = 100;
constexpr size_t kChainsMax = 16;

enum class Place { kLeaf, kIntermediate, kRoot };

struct Reason {
  ChainFault fault;
  std::string text;
};

// Go's %q of a plain ASCII text.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

bool same_in_chain(const Certificate& candidate, const std::vector<Certificate>& chain) {
  const Extension* candidate_san = candidate.find_extension("2.5.29.17");
  for (const Certificate& one : chain) {
    if (one.subject_der() != candidate.subject_der() || one.spki_der() != candidate.spki_der()) continue;
    const Extension* san = one.find_extension("2.5.29.17");
    if ((san == nullptr) != (candidate_san == nullptr)) return false;
    if (san == nullptr || san->value == candidate_san->value) return true;
  }
  return false;
}

class Builder {
 public:
  Builder(const CertificatePool& intermediates, const CertificatePool& roots, const ChainQuestion& question)
      : intermediates_(intermediates), roots_(roots), question_(question) {}

  std::optional<Reason> check(const Certificate& certificate, Place place, const std::vector<Certificate>& below) const {
    if (!certificate.unhandled_critical_extensions().empty()) {
      return Reason{ChainFault::kUnhandledCriticalExtension, "x509: unhandled critical extension"};
    }
    const auto out_of_time = [&](ChainFault fault, const char* relation, std::chrono::sys_seconds bound) {
      return Reason{fault, "x509: certificate has expired or is not yet valid: current time " +
                               to_rfc3339(std::chrono::floor<std::chrono::seconds>(question_.now)) + relation + to_rfc3339(bound)};
    };
    if (question_.now < to_system_time(certificate.not_before())) {
      return out_of_time(ChainFault::kNotYetValid, " is before ", certificate.not_before());
    }
    if (question_.now > to_system_time(certificate.not_after())) {
      return out_of_time(ChainFault::kExpired, " is after ", certificate.not_after());
    }
    if (place == Place::kIntermediate && !certificate.is_ca()) {
      return Reason{ChainFault::kNotAuthorizedToSign, "x509: certificate is not authorized to sign other certificates"};
    }
    if (certificate.has_basic_constraints() && certificate.max_path_length() &&
        static_cast<int>(below.size()) - 1 > *certificate.max_path_length()) {
      return Reason{ChainFault::kPathTooLong, "x509: too many intermediates for path length constraint"};
    }
    return std::nullopt;
  }

  // Appends every chain that begins with `below`. What stopped the first candidate of the last certificate, if no chain was
  // found, is in `error`.
  void build(std::vector<Certificate>& below, std::vector<std::vector<Certificate>>& chains,
             std::optional<ChainError>& error) {
    const Certificate child = below.back();
    size_t found_before = chains.size();
    ChainError unknown;
    unknown.text = "x509: certificate signed by unknown authority";
    unknown.depth = static_cast<int>(below.size()) - 1;
    unknown.culprit = child;
    unknown.checked_at = question_.now;
    std::optional<ChainError> last;  // Go reports the last candidate that was good in signature but not in itself
    for (Place place : {Place::kRoot, Place::kIntermediate}) {
      const CertificatePool& pool = place == Place::kRoot ? roots_ : intermediates_;
      for (size_t index : pool.possible_parents(child)) {
        if (++checks_ > kChecksMax || chains.size() >= kChainsMax) {
          unknown.fault = ChainFault::kTooManyChecks;
          unknown.text = "x509: signature check attempts limit reached while verifying certificate chain";
          if (chains.size() == found_before) error = unknown;
          return;
        }
        const Certificate& candidate = pool.certificates()[index];
        if (same_in_chain(candidate, below)) continue;
        auto refuse = [&](ChainFault fault, std::string text) {
          if (unknown.candidate) return;  // the first one tells
          unknown.candidate = candidate;
          unknown.candidate_fault = fault;
          unknown.candidate_text = std::move(text);
        };
        if (auto good = child.check_signature_from(candidate); !good) {
          refuse(ChainFault::kUnknownAuthority, good.error().message);
          continue;
        }
        if (auto reason = check(candidate, place, below)) {
          last = ChainError{reason->fault, reason->text, unknown.depth + 1, candidate, {}, {}, {}, question_.now};
          continue;
        }
        last.reset();
        below.push_back(candidate);
        if (place == Place::kRoot) {
          chains.push_back(below);
        } else {
          build(below, chains, last);
        }
        below.pop_back();
        if (checks_ > kChecksMax) break;
      }
    }
    if (chains.size() > found_before) return;
    if (last) {
      error = last;
      return;
    }
    if (unknown.candidate) {
      std::string name = unknown.candidate->common_name();
      if (name.empty() && !unknown.candidate->organizations().empty()) name = unknown.candidate->organizations().front();
      if (name.empty()) name = "serial:" + unknown.candidate->serial_decimal();
      unknown.text += " (possibly because of " + quoted(unknown.candidate_text) +
                      " while trying to verify candidate authority certificate " + quoted(name) + ")";
    }
    error = unknown;
  }

 private:
  const CertificatePool& intermediates_;
  const CertificatePool& roots_;
  const ChainQuestion& question_;
  int checks_ = 0;
};

// Does one of the wanted usages survive every certificate of the chain?
bool usage_allowed(const std::vector<Certificate>& chain, const std::vector<std::string_view>& usages) {
  if (usages.empty()) return true;
  return std::any_of(usages.begin(), usages.end(), [&](std::string_view usage) {
    return std::all_of(chain.begin(), chain.end(), [&](const Certificate& one) { return one.allows(usage); });
  });
}

}  // namespace

void CertificatePool::add(Certificate certificate) {
  if (!hashes_.insert(certificate.sha256()).second) return;
  by_subject_[Bytes(certificate.subject_der())].push_back(certificates_.size());
  certificates_.push_back(std::move(certificate));
}

bool CertificatePool::contains(const Certificate& certificate) const {
  return hashes_.find(certificate.sha256()) != hashes_.end();
}

std::vector<size_t> CertificatePool::possible_parents(const Certificate& child) const {
  auto found = by_subject_.find(child.issuer_der());
  if (found == by_subject_.end()) return {};
  auto rank = [&](size_t index) {
    BytesView have = certificates_[index].subject_key_id(), want = child.authority_key_id();
    return have == want ? 0 : have.empty() || want.empty() ? 1 : 2;
  };
  std::vector<size_t> parents = found->second;
  std::stable_sort(parents.begin(), parents.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  return parents;
}

ChainAnswer verify_chain(const Certificate& leaf, const CertificatePool& intermediates, const CertificatePool& roots,
                         const ChainQuestion& question) {
  ChainAnswer answer;
  auto refuse = [&](ChainFault fault, std::string text, int depth, const Certificate& culprit) {
    answer.chains.clear();
    answer.error.emplace();
    answer.error->fault = fault;
    answer.error->text = std::move(text);
    answer.error->depth = depth;
    answer.error->culprit = culprit;
    answer.error->checked_at = question.now;
    return answer;
  };
  Builder builder(intermediates, roots, question);
  if (auto reason = builder.check(leaf, Place::kLeaf, {})) return refuse(reason->fault, reason->text, 0, leaf);
  if (!question.host.empty()) {
    if (auto text = check_host(leaf, question.host)) return refuse(ChainFault::kHostname, *text, 0, leaf);
  }
  if (roots.contains(leaf)) {
    answer.chains.push_back({leaf});
  } else {
    std::vector<Certificate> below{leaf};
    builder.build(below, answer.chains, answer.error);
    if (answer.chains.empty()) return answer;
    answer.error.reset();
  }
  bool usage_failed = false;
  std::optional<std::string> constraint;
  std::vector<Certificate> first = answer.chains.front();
  std::erase_if(answer.chains, [&](const std::vector<Certificate>& chain) {
    if (!usage_allowed(chain, question.usages)) return usage_failed = true;
    if (auto why = check_name_constraints(chain)) return constraint = why, true;
    return false;
  });
  if (!answer.chains.empty()) return answer;
  if (constraint) {
    return refuse(ChainFault::kNameConstraint,
                  "x509: a root or intermediate certificate is not authorized to sign for this name: " + *constraint, 0,
                  leaf);
  }
  int depth = 0;  // of the first certificate that forbids all that is asked
  for (size_t i = 0; i < first.size(); ++i) {
    if (std::none_of(question.usages.begin(), question.usages.end(),
                     [&](std::string_view usage) { return first[i].allows(usage); })) {
      depth = static_cast<int>(i);
      break;
    }
  }
  return refuse(ChainFault::kIncompatibleUsage, "x509: certificate specifies an incompatible key usage", depth,
                first[static_cast<size_t>(depth)]);
}

}  // namespace selvage::crypto
