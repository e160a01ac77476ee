// The part of Go's text/template that crypto-config.yaml files use: {{.Field}}, spaces and trim marks allowed.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace selvage::tools::cryptogen {

// Errors: kInvalidArgument "Error parsing template: ..." for any other action, "Error executing template: ..." for a
// field that does not exist.
[[nodiscard]] Result<std::string> expand_template(const std::string& text,
                                                  const std::map<std::string, std::string>& fields);

}  // namespace selvage::tools::cryptogen
