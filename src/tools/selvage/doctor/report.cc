#include "tools/selvage/doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace selvage::tools::doctor {
namespace {

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "FAIL";
  }
  return "";
}

}  // namespace

void Report::ok(std::string section, std::string subject, std::string detail) {
  add({Verdict::kOk, std::move(section), std::move(subject), std::move(detail), "", ""});
}

void Report::warn(std::string section, std::string subject, std::string detail, std::string code, std::string fix) {
  add({Verdict::kWarn, std::move(section), std::move(subject), std::move(detail), std::move(code), std::move(fix)});
}

void Report::fail(std::string section, std::string subject, std::string detail, std::string code, std::string fix) {
  add({Verdict::kFail, std::move(section), std::move(subject), std::move(detail), std::move(code), std::move(fix)});
}

size_t Report::count(Verdict verdict) const {
  return static_cast<size_t>(
      std::count_if(findings_.begin(), findings_.end(), [&](const Finding& one) { return one.verdict == verdict; }));
}

int Report::exit_code() const {
  if (count(Verdict::kFail) > 0) return 2;
  return count(Verdict::kWarn) > 0 ? 1 : 0;
}

std::string Report::to_text() const {
  // Sections in the order of their first finding, each once.
  std::vector<std::string> sections;
  for (const Finding& one : findings_) {
    if (std::find(sections.begin(), sections.end(), one.section) == sections.end()) sections.push_back(one.section);
  }
  std::string out;
  for (const std::string& section : sections) {
    out += section + "\n";
    for (const Finding& one : findings_) {
      if (one.section != section) continue;
      std::string code = one.code.empty() ? "" : "  " + one.code;
      out += fmt::format("  {:<4} {:<28} {}{}\n", name_of(one.verdict), one.subject, one.detail, code);
      if (!one.fix.empty()) out += fmt::format("       fix: {}\n", one.fix);
    }
  }
  const auto plural = [](size_t number, const char* word) {
    return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
  };
  out += fmt::format("{} ok, {}, {}\n", count(Verdict::kOk), plural(count(Verdict::kWarn), "warning"),
                     plural(count(Verdict::kFail), "failure"));
  return out;
}

std::string Report::to_json() const {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Finding& one : findings_) {
    nlohmann::ordered_json entry{{"verdict", one.verdict == Verdict::kFail ? "fail" : name_of(one.verdict)},
                                 {"section", one.section},
                                 {"subject", one.subject},
                                 {"detail", one.detail}};
    if (!one.code.empty()) entry["code"] = one.code;
    if (!one.fix.empty()) entry["fix"] = one.fix;
    findings.push_back(std::move(entry));
  }
  return nlohmann::ordered_json{{"findings", findings},
                                {"ok", count(Verdict::kOk)},
                                {"warnings", count(Verdict::kWarn)},
                                {"failures", count(Verdict::kFail)}}
             .dump(2) +
         "\n";
}

}  // namespace selvage::tools::doctor
