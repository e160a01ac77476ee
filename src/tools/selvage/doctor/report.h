// What `selvage doctor` found: one line an assertion, the remedy under each that does not hold. Pure.
#pragma once

#include <string>
#include <vector>

namespace selvage::tools::doctor {

enum class Verdict { kOk, kWarn, kFail };

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string section;  // "own files", "trust", "channel ch1", "live", "expiry", "rotation plan"
  std::string subject;  // what was looked at: "server certificate", "orderer0:7050"
  std::string detail;   // what was seen
  std::string code;     // "TLS-06"; empty when all is well
  std::string fix;      // what to do; empty when all is well
};

class Report {
 public:
  void ok(std::string section, std::string subject, std::string detail);
  void warn(std::string section, std::string subject, std::string detail, std::string code, std::string fix);
  void fail(std::string section, std::string subject, std::string detail, std::string code, std::string fix);
  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  // 0: all well; 1: warnings; 2: failures.
  [[nodiscard]] int exit_code() const;
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] std::string to_json() const;

 private:
  [[nodiscard]] size_t count(Verdict verdict) const;
  std::vector<Finding> findings_;
};

}  // namespace selvage::tools::doctor
