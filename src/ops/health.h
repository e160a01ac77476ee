// Components that can say whether they are well; /healthz asks them all.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace selvage::ops {

// Safe from any thread. Checks are asked one after another on the thread that asks; each must answer within a second or so.
class Health {
 public:
  using Check = std::function<Status()>;
  // Replaces a check of the same name.
  void add(std::string component, Check check);
  void remove(const std::string& component);
  // Component and reason of each that is not well, by name.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> failures() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Check> checks_;
};

}  // namespace selvage::ops
