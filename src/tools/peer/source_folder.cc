#include "tools/peer/source_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "config/tree.h"
#include "lifecycle/metadata_file.h"
#include "os/process.h"
#include "tools/terminal.h"

namespace selvage::tools::peer {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> refuse(std::string text, std::string hint = "") {
  return fail(Code::kInvalidArgument, std::move(text), "", std::move(hint));
}

const log::Logger& logger() {
  static const log::Logger instance("chaincode.platform.util");
  return instance;
}

// What differs between the languages of chaincode.
struct Rules {
  std::vector<std::string> folders_left_out;
  std::vector<std::string> endings_left_out;
  bool hidden_folders = true;
  fs::path metadata = "META-INF";  // from the root
  std::string failure;             // stands before what is wrong with the folder
};

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

Result<std::vector<lifecycle::TarFile>> collect(const fs::path& root, const Rules& rules) {
  std::vector<lifecycle::TarFile> files;
  std::error_code error;
  auto walk = fs::recursive_directory_iterator(root, error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    const std::string name = walk->path().filename().string();
    const fs::path relative = walk->path().lexically_relative(root);
    const fs::path below = relative.lexically_relative(rules.metadata);
    const bool metadata = !below.empty() && *below.begin() != "..";
    if (walk->is_directory()) {
      const bool hidden = name == ".git" || (!rules.hidden_folders && !metadata && name.starts_with("."));
      if (hidden || contains(rules.folders_left_out, name)) walk.disable_recursion_pending();
      continue;
    }
    if (!walk->is_regular_file() || contains(rules.endings_left_out, relative.extension().string())) continue;
    const std::string packed = metadata ? "META-INF/" + below.generic_string() : "src/" + relative.generic_string();
    if (metadata && name.starts_with(".")) {
      LOG_WARN(logger(), "Ignoring hidden file in metadata directory: {}", packed);
      continue;
    }
    SELVAGE_TRY(Bytes content, read_file(walk->path().string()));
    if (metadata) SELVAGE_CHECK(lifecycle::check_metadata_file(packed, content));
    files.push_back({packed, std::move(content)});
  }
  if (error) return refuse(root.string() + ": " + error.message());
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

// What the go tool says of the folder, as upstream asks it; without a go tool the nearest go.mod decides.
Result<GoModule> ask_go(const fs::path& folder) {
  os::ProcessSettings list;
  list.arguments = {"go", "list", "-json", "."};
  list.directory = folder.string();
  for (const auto& [name, value] : config::process_environment()) list.environment.push_back(name + "=" + value);
  list.environment.push_back("GO111MODULE=on");
  std::string out, err;
  list.on_stdout = [&](std::string_view line) { out.append(line).push_back('\n'); };
  list.on_stderr = [&](std::string_view line) { err.append(err.empty() ? "" : "\n").append(line); };
  const auto ended = os::run(std::move(list), std::chrono::minutes(3));
  if (!ended && ended.error().code == Code::kNotFound) return find_go_module(folder);
  if (!ended) return fail(ended.error().within("failed to normalize chaincode path: 'go list' failed"));
  if (!ended->ok())
    return refuse("failed to normalize chaincode path: 'go list' failed with: " + err + ": " + ended->to_string());
  const auto told = nlohmann::json::parse(out, nullptr, false);
  const auto module = told.is_object() ? told.find("Module") : told.end();
  if (!told.is_object() || module == told.end() || !module->is_object()) return find_go_module(folder);
  return GoModule{fs::path(module->value("Dir", "")), told.value("ImportPath", "")};
}

// Fabric quirk: core/chaincode/platforms/{golang,node,java}/platform.go
Result<Rules> rules_of(const std::string& language) {
  Rules rules;
  if (language == "golang") {
    rules.hidden_folders = false;
    rules.failure = "walk failed";
    return rules;
  }
  if (language == "node") {
    rules.folders_left_out = {"node_modules"};
    rules.failure = "Error writing Chaincode package contents";
    return rules;
  }
  if (language == "java") {
    rules.folders_left_out = {"target", "build", "out"};
    rules.endings_left_out = {".class"};
    rules.failure = "failed to create chaincode package";
    return rules;
  }
  std::string upper = language;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return refuse("failed to normalize chaincode path: unknown chaincodeType: " + upper,
                "use golang, node or java; for chaincode as a service: selvage package ccaas");
}

}  // namespace

Result<SourcePackage> pack_source(const std::string& language, const std::string& folder) {
  SELVAGE_TRY(Rules rules, rules_of(language));
  std::error_code error;
  fs::path root = fs::canonical(folder, error);
  if (error) {
    return refuse("error getting chaincode bytes: " + rules.failure + ": lstat " + folder + ": no such file or directory");
  }
  SourcePackage package{folder, {}};
  if (language == "golang") {
    SELVAGE_TRY(const GoModule module, ask_go(root));
    package.path = module.import_path;
    rules.metadata = (root / "META-INF").lexically_relative(module.root);
    root = module.root;
  }
  const auto files = collect(root, rules);
  if (!files) return fail(files.error().within(rules.failure).within("error getting chaincode bytes"));
  if (files->empty()) {
    return refuse("error getting chaincode bytes: " + rules.failure + ": no source files found in '" + folder + "'");
  }
  SELVAGE_TRY(package.code_tar_gz, lifecycle::make_tar_gz(*files));
  return package;
}

}  // namespace selvage::tools::peer
