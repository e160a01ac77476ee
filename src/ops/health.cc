#include "ops/health.h"

namespace selvage::ops {

void Health::add(std::string component, Check check) {
  const std::lock_guard lock(mutex_);
  checks_[std::move(component)] = std::move(check);
}

void Health::remove(const std::string& component) {
  const std::lock_guard lock(mutex_);
  checks_.erase(component);
}

std::vector<std::pair<std::string, std::string>> Health::failures() const {
  std::map<std::string, Check> checks;
  {
    const std::lock_guard lock(mutex_);
    checks = checks_;
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [component, check] : checks) {
    if (const Status status = check(); !status) out.emplace_back(component, status.error().message);
  }
  return out;
}

}  // namespace selvage::ops
