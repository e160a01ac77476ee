#include "tools/selvage/doctor/watch.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace selvage::tools::doctor {
namespace {

std::string text_of(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return "";
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? escape(found->get<std::string>(), 400) : "";
}

}  // namespace

Result<Seen> news(const std::string& node, const std::string& page, std::map<std::string, std::string>& known) {
  const auto json = nlohmann::json::parse(page, nullptr, false);
  if (!json.is_object() || !json.contains("visitors") || !json["visitors"].is_array()) {
    return fail(Code::kInvalidArgument, node + ": the answer is no list of visitors: is that a Selvage node's operations listener?");
  }
  Seen seen;
  const auto demanded = json.find("certificates_demanded");
  if (demanded != json.end() && demanded->is_boolean() && demanded->get<bool>() && known.emplace(node, "").second) {
    seen.lines += node + ": client certificates are demanded already; who is refused stands in its log\n";
  }
  for (const auto& one : json["visitors"]) {
    if (!one.is_object()) continue;
    const auto certificate = one.value("certificate", nlohmann::json());
    const std::string subject = certificate.is_object() ? text_of(certificate, "subject") : "no certificate";
    const std::string code = text_of(one, "code");
    seen.refused += code.empty() ? 0 : 1;
    const std::string key = node + " " + text_of(one, "source") + " " + text_of(certificate, "sha256");
    const auto [place, fresh] = known.emplace(key, code);
    if (!fresh && place->second == code) continue;
    place->second = code;
    seen.lines += fmt::format("{} {} {}  {}\n", code.empty() ? "ok     " : "REFUSED", node, text_of(one, "source"), subject);
    if (certificate.is_object()) {
      seen.lines += fmt::format("        issuer {}, until {}\n", text_of(certificate, "issuer"), text_of(certificate, "not_after").substr(0, 10));
    }
    if (!code.empty()) seen.lines += fmt::format("        {}: {}\n        fix: {}\n", code, text_of(one, "cause"), text_of(one, "remedy"));
  }
  return seen;
}

}  // namespace selvage::tools::doctor
