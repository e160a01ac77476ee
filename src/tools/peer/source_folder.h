// A folder of chaincode source as code.tar.gz, as the builders of peers expect it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "lifecycle/package.h"

namespace selvage::tools::peer {

struct SourcePackage {
  std::string path;  // what metadata.json says: for Go the import path, else the folder as given
  Bytes code_tar_gz;
};

// `language`: "golang", "node", "java". Sources go under src/, META-INF beside it.
// Go: the module that `go list` names (or, without a go tool, the nearest go.mod), whole but for hidden folders; META-INF
// is that of the folder itself.
[[nodiscard]] Result<SourcePackage> pack_source(const std::string& language, const std::string& folder);

}  // namespace selvage::tools::peer
