#include "discovery/principals.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "msp/identities.pb.h"
#include "wire/marshal.h"

namespace selvage::discovery {
namespace {

constexpr size_t kCombinationsMax = 10000;
constexpr int kDepthMax = 50;

using Indices = std::vector<int>;  // into the policy's identities

bool more_than_max(size_t n, size_t k) {
  double count = 1;
  for (size_t i = 0; i < k; ++i) {
    count = count * static_cast<double>(n - i) / static_cast<double>(i + 1);
    if (count > static_cast<double>(kCombinationsMax) * 2) return true;
  }
  return count > static_cast<double>(kCombinationsMax) + 0.5;
}

// Every choice of k out of n; `each` returns false to stop.
bool choose(size_t n, size_t k, size_t from, std::vector<size_t>& chosen,
            const std::function<bool(const std::vector<size_t>&)>& each) {
  if (chosen.size() == k) return each(chosen);
  for (size_t i = from; i + (k - chosen.size()) <= n; ++i) {
    chosen.push_back(i);
    if (!choose(n, k, i + 1, chosen, each)) return false;
    chosen.pop_back();
  }
  return true;
}

// nullopt: malformed.
std::optional<std::vector<Indices>> combinations(const ::common::SignaturePolicy& rule, int identities, int depth) {
  if (depth > kDepthMax) return std::nullopt;
  if (rule.has_n_out_of()) {
    const auto& n_out_of = rule.n_out_of();
    // A rule that asks for nobody is no principal. Fabric quirk: inquire.go principalsOfTree.
    if (n_out_of.n() <= 0) return std::nullopt;
    const auto wanted = static_cast<size_t>(n_out_of.n());
    std::vector<std::vector<Indices>> below;
    for (const auto& one : n_out_of.rules()) {
      auto sets = combinations(one, identities, depth + 1);
      if (!sets) return std::nullopt;
      below.push_back(std::move(*sets));
    }
    while (below.size() > wanted && more_than_max(below.size(), wanted)) below.pop_back();
    std::vector<Indices> all;
    std::vector<size_t> chosen;
    choose(below.size(), wanted, 0, chosen, [&](const std::vector<size_t>& picked) {
      std::vector<Indices> products{{}};
      for (const size_t i : picked) {
        std::vector<Indices> next;
        for (const auto& so_far : products)
          for (const auto& one : below[i]) {
            if (next.size() + all.size() >= kCombinationsMax) break;
            next.push_back(so_far);
            next.back().insert(next.back().end(), one.begin(), one.end());
          }
        products = std::move(next);
      }
      std::move(products.begin(), products.end(), std::back_inserter(all));
      return all.size() < kCombinationsMax;
    });
    return all;
  }
  if (rule.Type_case() != ::common::SignaturePolicy::kSignedBy) return std::nullopt;
  if (rule.signed_by() < 0 || rule.signed_by() >= identities) return std::nullopt;
  return std::vector<Indices>{{rule.signed_by()}};
}

std::optional<Principal> take_apart(const ::common::MSPPrincipal& message) {
  Principal out;
  out.message = message;
  switch (message.principal_classification()) {
    case ::common::MSPPrincipal::ROLE: {
      ::common::MSPRole role;
      if (!wire::parse_into(message.principal(), role)) return std::nullopt;
      out.kind = Principal::Kind::kRole;
      out.mspid = role.msp_identifier();
      out.role = role.role();
      return out;
    }
    case ::common::MSPPrincipal::ORGANIZATION_UNIT: {
      ::common::OrganizationUnit unit;
      if (!wire::parse_into(message.principal(), unit)) return std::nullopt;
      out.kind = Principal::Kind::kUnit;
      out.mspid = unit.msp_identifier();
      out.unit = unit.organizational_unit_identifier();
      out.certifiers = unit.certifiers_identifier();
      return out;
    }
    case ::common::MSPPrincipal::IDENTITY: {
      ::msp::SerializedIdentity identity;
      if (!wire::parse_into(message.principal(), identity)) return std::nullopt;
      out.kind = Principal::Kind::kIdentity;
      out.mspid = identity.mspid();
      out.identity = identity.id_bytes();
      return out;
    }
    default:
      return std::nullopt;
  }
}

// Whatever satisfies `outer` satisfies `inner` too, but for how often.
bool is_contained(const PrincipalSet& inner, const PrincipalSet& outer) {
  return std::all_of(inner.begin(), inner.end(), [&](const Principal& one) {
    return std::any_of(outer.begin(), outer.end(), [&](const Principal& other) { return other.is_a(one); });
  });
}

bool is_subset(const PrincipalSet& one, const PrincipalSet& other) {
  return std::all_of(one.begin(), one.end(), [&](const Principal& principal) {
    return std::find(other.begin(), other.end(), principal) != other.end();
  });
}

// `containing`, and what of `contained` it does not cover; nobody covers two.
PrincipalSet together(const PrincipalSet& contained, const PrincipalSet& containing) {
  PrincipalSet out = containing;
  std::vector<bool> used(containing.size());
  for (const auto& principal : contained) {
    bool covered = false;
    for (size_t i = 0; i < containing.size() && !covered; ++i) {
      if (used[i] || !containing[i].is_a(principal)) continue;
      covered = used[i] = true;
    }
    if (!covered) out.push_back(principal);
  }
  return out;
}

PrincipalSets reduce(PrincipalSets sets) {
  for (;;) {
    PrincipalSets left;
    for (size_t i = 0; i < sets.size(); ++i) {
      bool contains_another = false;
      for (size_t j = 0; j < sets.size(); ++j) {
        if (i == j) continue;
        if (is_subset(sets[j], sets[i])) contains_another = true;
        if (is_subset(sets[i], sets[j]) && i < j) contains_another = false;  // equal ones: the first stays
      }
      if (!contains_another) left.push_back(sets[i]);
    }
    if (left.size() == sets.size()) return left;
    sets = std::move(left);
  }
}

PrincipalSets without(const PrincipalSets& sets, const std::set<size_t>& indices) {
  PrincipalSets left;
  for (size_t i = 0; i < sets.size(); ++i)
    if (!indices.contains(i)) left.push_back(sets[i]);
  return left;
}

}  // namespace

bool Principal::is_a(const Principal& other) const {
  if (mspid != other.mspid) return false;
  if (other.kind == Kind::kRole && other.role == ::common::MSPRole::MEMBER) return true;
  if (kind == Kind::kUnit && other.kind == Kind::kUnit) return unit == other.unit && certifiers == other.certifiers;
  if (kind == Kind::kRole && other.kind == Kind::kRole) return role == other.role;
  return kind == Kind::kIdentity && identity == other.identity;
}

bool Principal::operator==(const Principal& other) const {
  return kind == other.kind && mspid == other.mspid && message.principal() == other.message.principal();
}

PrincipalSets satisfied_by(const ::common::SignaturePolicyEnvelope& policy) {
  std::vector<Principal> principals;
  for (const auto& message : policy.identities()) {
    auto principal = take_apart(message);
    if (!principal) return {};
    principals.push_back(std::move(*principal));
  }
  const auto sets = combinations(policy.rule(), policy.identities_size(), 0);
  if (!sets) return {};
  PrincipalSets out;
  for (const auto& indices : *sets) {
    PrincipalSet set;
    for (const int i : indices) set.push_back(principals[static_cast<size_t>(i)]);
    out.push_back(std::move(set));
  }
  return out;
}

PrincipalSets merge(PrincipalSets one, PrincipalSets other) {
  PrincipalSets out;
  std::set<size_t> inner, outer;
  for (size_t i = 0; i < one.size(); ++i) {
    for (size_t j = 0; j < other.size(); ++j) {
      if (!is_contained(one[i], other[j])) continue;
      out.push_back(together(one[i], other[j]));
      inner.insert(i);
      outer.insert(j);
    }
  }
  const PrincipalSets left = without(one, inner);
  std::set<size_t> covered, covering;
  for (size_t j = 0; j < other.size(); ++j) {
    for (size_t i = 0; i < left.size(); ++i) {
      if (!is_contained(other[j], left[i])) continue;
      out.push_back(together(other[j], left[i]));
      covered.insert(j);
      covering.insert(i);
    }
  }
  // Sets that neither contain nor are contained in one of the other policy are needed both.
  covered.insert(outer.begin(), outer.end());
  for (const auto& x : without(left, covering))
    for (const auto& y : without(other, covered)) {
      if (out.size() >= kCombinationsMax) break;
      out.push_back(together(x, y));
    }
  return reduce(std::move(out));
}

}  // namespace selvage::discovery
