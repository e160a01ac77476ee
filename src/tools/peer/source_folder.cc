#include "tools/peer/source_folder.h"

#include <algorithm>
#include <filesystem>

#include "tools/terminal.h"

namespace selvage::tools::peer {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> refuse(std::string text, std::string hint = "") {
  return fail(Code::kInvalidArgument, std::move(text), "", std::move(hint));
}

struct Rules {
  std::vector<std::string> folders_left_out;
  std::vector<std::string> endings_left_out;
};

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Go's modules have what the compiler reads and no more.
bool belongs_to_go(const fs::path& relative) {
  const std::string name = relative.filename().string();
  if (relative == "go.mod" || relative == "go.sum" || *relative.begin() == "vendor") return true;
  if (name.ends_with("_test.go")) return false;
  const std::string ending = relative.extension().string();
  return contains({".go", ".c", ".h", ".s", ".S", ".syso"}, ending);
}

Result<std::vector<lifecycle::TarFile>> collect(const fs::path& root, const std::string& language, const Rules& rules) {
  std::vector<lifecycle::TarFile> files;
  std::error_code error;
  auto walk = fs::recursive_directory_iterator(root, error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    const std::string name = walk->path().filename().string();
    if (walk->is_directory()) {
      if (name == ".git" || contains(rules.folders_left_out, name)) walk.disable_recursion_pending();
      continue;
    }
    const fs::path relative = walk->path().lexically_relative(root);
    const bool metadata = *relative.begin() == "META-INF";
    if (metadata && name.starts_with(".")) continue;  // hidden files are no metadata
    if (!metadata && contains(rules.endings_left_out, relative.extension().string())) continue;
    if (!metadata && language == "golang" && !belongs_to_go(relative)) continue;
    SELVAGE_TRY(Bytes content, read_file(walk->path().string()));
    files.push_back({(metadata ? "" : "src/") + relative.generic_string(), std::move(content)});
  }
  if (error) return refuse("error getting chaincode bytes: " + root.string() + ": " + error.message());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

struct GoModule {
  fs::path root;
  std::string import_path;  // of the folder that was asked for
};

Result<GoModule> find_go_module(const fs::path& folder) {
  for (fs::path root = folder;; root = root.parent_path()) {
    if (exists((root / "go.mod").string())) {
      SELVAGE_TRY(const Bytes text, read_file((root / "go.mod").string()));
      const size_t at = text.starts_with("module ") ? 0 : text.find("\nmodule ");
      if (at == Bytes::npos) return refuse((root / "go.mod").string() + " names no module");
      const size_t begin = text.find("module ", at) + 7;
      std::string module = text.substr(begin, text.find_first_of(" \t\r\n", begin) - begin);
      const std::string below = folder.lexically_relative(root).generic_string();
      return GoModule{root, below == "." ? module : module + "/" + below};
    }
    if (!root.has_relative_path()) break;
  }
  return refuse("failed to normalize chaincode path: no go.mod in " + folder.string() + " or above it",
                "make the chaincode a Go module: go mod init");
}

}  // namespace

Result<SourcePackage> pack_source(const std::string& language, const std::string& folder) {
  std::error_code error;
  fs::path root = fs::canonical(folder, error);
  if (error || !fs::is_directory(root))
    return refuse("failed to normalize chaincode path: " + folder + " is not a folder");
  SourcePackage package{folder, {}};
  Rules rules;
  if (language == "golang") {
    SELVAGE_TRY(const GoModule module, find_go_module(root));
    package.path = module.import_path;
    root = module.root;
  } else if (language == "node") {
    if (!exists((root / "package.json").string())) return refuse("package.json not found in " + folder);
    rules.folders_left_out = {"node_modules"};
  } else if (language == "java") {
    rules.folders_left_out = {"target", "build", "out"};
    rules.endings_left_out = {".class"};
  } else {
    std::string upper = language;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return refuse("failed to normalize chaincode path: unknown chaincodeType: " + upper,
                  "use golang, node or java; for chaincode as a service: selvage package ccaas");
  }
  SELVAGE_TRY(const auto files, collect(root, language, rules));
  if (files.empty()) return refuse("error getting chaincode bytes: no source files in " + root.string());
  SELVAGE_TRY(package.code_tar_gz, lifecycle::make_tar_gz(files));
  return package;
}

}  // namespace selvage::tools::peer
