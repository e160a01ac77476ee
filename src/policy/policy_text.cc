// The text forms of policies: "OutOf(2, 'Org1MSP.member', AND('Org2MSP.peer', 'Org3MSP.admin'))" and "ANY Readers".
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "common/policies.pb.h"
#include "msp/msp_principal.pb.h"
#include "policy/signature_policy.h"

namespace selvage::policy {
namespace {

constexpr int kDepthMax = 50;
constexpr size_t kTextBytesMax = 1 << 20;

struct Call;

struct Argument {
  enum class Kind { kText, kNumber, kCall } kind = Kind::kText;
  std::string text;            // of kText and kNumber
  std::vector<Call> call;      // one, of kCall
};

struct Call {
  std::string gate;  // lower case
  std::vector<Argument> arguments;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Call> parse() {
    SELVAGE_TRY(Argument root, argument(0));
    skip_space();
    if (at_ != text_.size() || root.kind != Argument::Kind::kCall) {
      return fail(Code::kInvalidArgument, fmt::format("invalid policy string '{}'", text_));
    }
    return std::move(root.call.front());
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) at_++;
  }
  bool take(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    at_++;
    return true;
  }
  tl::unexpected<Error> unrecognized(std::string_view token) const {
    return fail(Code::kInvalidArgument, fmt::format("unrecognized token '{}' in policy string", token));
  }

  Result<Argument> argument(int depth) {
    skip_space();
    if (depth > kDepthMax) return fail(Code::kInvalidArgument, "policy string is nested too deeply");
    if (at_ >= text_.size()) {
      return fail(Code::kInvalidArgument, fmt::format("unexpected end of policy string '{}'", text_));
    }
    const char first = text_[at_];
    if (first == '\'' || first == '"') {
      const size_t end = text_.find(first, at_ + 1);
      if (end == std::string_view::npos) return unrecognized(text_.substr(at_));
      Argument literal{Argument::Kind::kText, std::string(text_.substr(at_ + 1, end - at_ - 1)), {}};
      at_ = end + 1;
      return literal;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' ||
                                  text_[at_] == '.' || text_[at_] == '-')) {
      at_++;
    }
    const std::string word(text_.substr(begin, at_ - begin));
    if (word.empty()) return unrecognized(text_.substr(begin, 1));
    if (std::isdigit(static_cast<unsigned char>(word[0])) || word[0] == '-') {
      return Argument{Argument::Kind::kNumber, word, {}};
    }
    static const std::pair<const char*, const char*> kGates[] = {
        {"And", "and"}, {"and", "and"}, {"AND", "and"}, {"Or", "or"}, {"or", "or"},
        {"OR", "or"}, {"OutOf", "outof"}, {"outof", "outof"}, {"OUTOF", "outof"}};
    for (const auto& [name, gate] : kGates) {
      if (word == name) return call(gate, depth);
    }
    return unrecognized(word);
  }

  Result<Argument> call(const char* gate, int depth) {
    if (!take('(')) return unrecognized(gate);
    Call call{gate, {}};
    while (!take(')')) {
      if (!call.arguments.empty() && !take(',')) return unrecognized(text_.substr(at_, 1));
      SELVAGE_TRY(Argument next, argument(depth + 1));
      call.arguments.push_back(std::move(next));
    }
    Argument out{Argument::Kind::kCall, "", {}};
    out.call.push_back(std::move(call));
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// "<MSP id>.<role>"
std::optional<::common::MSPPrincipal> parse_principal(const std::string& text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  for (size_t i = 0; i < dot; i++) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!(c < 128 && std::isalnum(c)) && c != '.' && c != '-') return std::nullopt;
  }
  static const std::pair<const char*, ::common::MSPRole::MSPRoleType> kRoles[] = {
      {"member", ::common::MSPRole::MEMBER}, {"admin", ::common::MSPRole::ADMIN},
      {"client", ::common::MSPRole::CLIENT}, {"peer", ::common::MSPRole::PEER},
      {"orderer", ::common::MSPRole::ORDERER}};
  for (const auto& [name, role] : kRoles) {
    if (text.compare(dot + 1, std::string::npos, name) != 0) continue;
    ::common::MSPRole message;
    message.set_msp_identifier(text.substr(0, dot));
    message.set_role(role);
    ::common::MSPPrincipal principal;
    principal.set_principal_classification(::common::MSPPrincipal::ROLE);
    principal.set_principal(message.SerializeAsString());
    return principal;
  }
  return std::nullopt;
}

// Principals of inner gates are numbered before those of the gate around them, as Fabric's evaluator does; the numbers
// are in the policy's bytes, and organisations compare those when they approve a chaincode.
Result<::common::SignaturePolicy> build(const Call& call, ::common::SignaturePolicyEnvelope& envelope) {
  size_t first = 0;
  int64_t n = 1;
  if (call.gate == "and") n = static_cast<int64_t>(call.arguments.size());
  if (call.gate == "outof") {
    if (call.arguments.size() < 2) {
      return fail(Code::kInvalidArgument,
                  fmt::format("expected at least two arguments to NOutOf. Given {}", call.arguments.size()));
    }
    const Argument& number = call.arguments[0];
    char* end = nullptr;
    n = std::strtoll(number.text.c_str(), &end, 10);
    if (number.kind == Argument::Kind::kCall || number.text.empty() || *end != '\0') {
      return fail(Code::kInvalidArgument, "unrecognized type, expected a number, got string");
    }
    first = 1;
  } else if (call.arguments.empty()) {
    return fail(Code::kInvalidArgument, "expected at least two arguments to NOutOf. Given 1");
  }
  const auto count = static_cast<int64_t>(call.arguments.size() - first);
  if (n < 0 || n > count + 1) {
    return fail(Code::kInvalidArgument, fmt::format("invalid t-out-of-n predicate, t {}, n {}", n, count));
  }
  std::vector<::common::SignaturePolicy> rules(static_cast<size_t>(count));
  for (size_t i = 0; i < rules.size(); i++) {
    const Argument& argument = call.arguments[first + i];
    if (argument.kind != Argument::Kind::kCall) continue;
    SELVAGE_TRY(rules[i], build(argument.call.front(), envelope));
  }
  for (size_t i = 0; i < rules.size(); i++) {
    const Argument& argument = call.arguments[first + i];
    if (argument.kind == Argument::Kind::kCall) continue;
    auto principal = argument.kind == Argument::Kind::kText ? parse_principal(argument.text) : std::nullopt;
    if (!principal) {
      return fail(Code::kInvalidArgument, fmt::format("unrecognized token '{}' in policy string", argument.text));
    }
    rules[i].set_signed_by(envelope.identities_size());
    *envelope.add_identities() = std::move(*principal);
  }
  ::common::SignaturePolicy out;
  out.mutable_n_out_of()->set_n(static_cast<int32_t>(n));
  for (auto& rule : rules) *out.mutable_n_out_of()->add_rules() = std::move(rule);
  return out;
}

}  // namespace

Result<::common::SignaturePolicyEnvelope> parse_signature_policy(std::string_view text) {
  if (text.size() > kTextBytesMax) return fail(Code::kInvalidArgument, "policy string is too long");
  SELVAGE_TRY(Call call, Parser(text).parse());
  ::common::SignaturePolicyEnvelope envelope;
  SELVAGE_TRY(*envelope.mutable_rule(), build(call, envelope));
  return envelope;
}

Result<::common::ImplicitMetaPolicy> parse_implicit_meta_policy(std::string_view text) {
  const size_t space = text.find(' ');
  const size_t tokens = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), ' '));
  if (tokens != 2) {
    return fail(Code::kInvalidArgument, fmt::format("expected two space separated tokens, but got {}", tokens));
  }
  ::common::ImplicitMetaPolicy policy;
  policy.set_sub_policy(std::string(text.substr(space + 1)));
  const std::string_view rule = text.substr(0, space);
  if (rule == "ANY") {
    policy.set_rule(::common::ImplicitMetaPolicy::ANY);
  } else if (rule == "ALL") {
    policy.set_rule(::common::ImplicitMetaPolicy::ALL);
  } else if (rule == "MAJORITY") {
    policy.set_rule(::common::ImplicitMetaPolicy::MAJORITY);
  } else {
    return fail(Code::kInvalidArgument,
                fmt::format("unknown rule type '{}', expected ALL, ANY, or MAJORITY", rule));
  }
  return policy;
}

}  // namespace selvage::policy
