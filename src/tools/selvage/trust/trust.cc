#include "tools/selvage/trust/trust.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace selvage::tools::trust {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? escape(found->get<std::string>(), 400) : "";
}

// By hash, over all pools that judge the same side.
std::map<std::string, const Root*> union_of(const std::vector<Pool>& pools, const std::string& judges) {
  std::map<std::string, const Root*> all;
  for (const Pool& pool : pools) {
    if (pool.judges != judges) continue;
    for (const Root& root : pool.roots) all.emplace(root.sha256, &root);
  }
  return all;
}

std::string missing_from(const std::string& node, const std::map<std::string, const Root*>& has,
                         const std::map<std::string, const Root*>& other) {
  std::string out;
  for (const auto& [hash, root] : has) {
    if (other.count(hash) == 0)
      out += fmt::format("  only {}: {} (sha256 {}..)  [{}]\n", node, root->subject, hash.substr(0, 16), root->from);
  }
  return out;
}

}  // namespace

Result<std::vector<Pool>> parse_pools(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto refuse = [] {
    return fail(Code::kInvalidArgument,
                "the answer is no list of trust pools: is that a Selvage node's operations listener?");
  };
  if (!json.is_object() || !json.contains("pools") || !json["pools"].is_array()) return refuse();
  std::vector<Pool> pools;
  for (const Json& one : json["pools"]) {
    if (!one.is_object() || !one.contains("roots") || !one["roots"].is_array()) return refuse();
    Pool pool{text_of(one, "name"), text_of(one, "judges"), {}};
    for (const Json& root : one["roots"]) {
      if (!root.is_object()) return refuse();
      const auto from = root.find("from");
      pool.roots.push_back({text_of(root, "sha256"), text_of(root, "subject"), text_of(root, "not_after"),
                            from != root.end() && from->is_object() ? text_of(*from, "text") : ""});
    }
    pools.push_back(std::move(pool));
  }
  return pools;
}

std::string to_text(const std::string& node, const std::vector<Pool>& pools) {
  std::string out = node + "\n";
  for (const Pool& pool : pools) {
    out += fmt::format("  {} (judges {}): {} root{}\n", pool.name, pool.judges, pool.roots.size(),
                       pool.roots.size() == 1 ? "" : "s");
    for (const Root& root : pool.roots) {
      out += fmt::format("    {}  until {}  sha256 {}..\n      from {}\n", root.subject, root.not_after.substr(0, 10),
                         root.sha256.substr(0, 16), root.from);
    }
  }
  return out;
}

std::string differences(const std::string& a, const std::vector<Pool>& of_a, const std::string& b,
                        const std::vector<Pool>& of_b) {
  std::string out;
  for (const char* judges : {"clients", "servers"}) {
    const auto in_a = union_of(of_a, judges), in_b = union_of(of_b, judges);
    const std::string lines = missing_from(a, in_a, in_b) + missing_from(b, in_b, in_a);
    if (!lines.empty()) out += fmt::format("roots that judge {}\n{}", judges, lines);
  }
  return out;
}

}  // namespace selvage::tools::trust
