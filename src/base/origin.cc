#include "base/origin.h"

namespace selvage {

std::string Origin::to_string() const {
  if (file.empty()) return key;
  const std::string name = file.substr(file.rfind('/') + 1);
  return key + " (" + name + (line > 0 ? ":" + std::to_string(line) : "") + ")";
}

}  // namespace selvage
