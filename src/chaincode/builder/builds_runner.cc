#include "chaincode/builder/builds_runner.h"

#include <nlohmann/json.hpp>

#include "chaincode/builder/posix_build_files.h"
#include "lifecycle/package.h"

namespace selvage::chaincode {
namespace fs = std::filesystem;
namespace {

constexpr const char* kBuiltIn = "ccaas_builder";
constexpr const char* kBuildInfo = "build-info.json";

const log::Logger& logger() {
  static const log::Logger instance("chaincode.externalbuilder");
  return instance;
}

// Where one build works. Removed with it.
struct Workplace {
  ScratchFolder scratch;
  fs::path source = scratch.path() / "src";
  fs::path metadata = scratch.path() / "metadata";
  fs::path output = scratch.path() / "bld";
  fs::path release = scratch.path() / "release";
};

Result<Workplace> make_workplace(const std::string& package_id, const lifecycle::Package& package) {
  SELVAGE_TRY(auto scratch, ScratchFolder::make("fabric-" + folder_name_of(package_id)));
  Workplace out{std::move(scratch)};
  for (const auto& folder : {out.source, out.metadata, out.output, out.release}) {
    std::error_code error;
    fs::create_directory(folder, error);
    if (error) return fail(Code::kUnavailable, "could not create " + folder.string() + ": " + error.message());
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  if (auto done = unpack_code(package.code, out.source); !done)
    return fail(std::move(done).error().within("could not untar source package"));
  if (auto done = write_file(out.metadata / "metadata.json", package.metadata_json, 0700); !done)
    return fail(std::move(done).error().within("could not write metadata file"));
  return out;
}

}  // namespace

Result<std::optional<Bytes>> Build::connection_json() const {
  const fs::path file = release / "chaincode" / "server" / "connection.json";
  std::error_code error;
  if (!fs::exists(file, error)) {
    if (error) return fail(Code::kUnavailable, "connection information not provided: " + error.message());
    return std::optional<Bytes>();
  }
  auto text = read_file(file);
  if (!text) return fail(std::move(text).error().within("could not read '" + file.string() + "' for chaincode info"));
  return std::optional<Bytes>(std::move(*text));
}

Builds::Builds(BuildsSettings settings) : settings_(std::move(settings)) {
  for (const auto& one : settings_.builders) {
    auto builder = std::make_unique<ExternalBuilder>(one, settings_.timeout);
    if (one.name != kBuiltIn || builder->present()) builders_.push_back(std::move(builder));
  }
}

Builds::~Builds() { stop(); }

fs::path Builds::folder_of(const std::string& package_id) const {
  return fs::path(settings_.directory) / folder_name_of(package_id);
}

std::shared_ptr<std::mutex> Builds::turn_of(const std::string& package_id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(turns_, [](const auto& one) { return one.second.expired(); });
  auto turn = turns_[package_id].lock();
  if (!turn) turns_[package_id] = turn = std::make_shared<std::mutex>();
  return turn;
}

Result<std::optional<Build>> Builds::kept(const std::string& package_id) {
  const fs::path folder = folder_of(package_id);
  std::error_code error;
  if (!fs::exists(folder, error)) {
    if (error)
      return fail(Code::kUnavailable, "existing build detected, but something went wrong inspecting it: " + error.message());
    return std::optional<Build>();
  }
  const fs::path info_file = folder / kBuildInfo;
  auto text = read_file(info_file);
  if (!text) return fail(std::move(text).error().within("could not read '" + info_file.string() + "' for build info"));
  const auto info = nlohmann::json::parse(*text, nullptr, false);
  if (!info.is_object() || !info.contains("builder_name") || !info["builder_name"].is_string())
    return fail(Code::kDataLoss, "malformed build info at '" + info_file.string() + "'", "",
                "remove " + folder.string() + ": the package is built again");
  const auto name = info["builder_name"].get<std::string>();
  for (auto& builder : builders_) {
    if (builder->name() == name) return std::optional(Build{builder.get(), folder / "bld", folder / "release"});
  }
  if (name == kBuiltIn) return std::optional<Build>();  // made by Fabric's programs; ours needs none of it
  return fail(Code::kFailedPrecondition,
              "chaincode '" + package_id + "' was already built with builder '" + name +
                  "', but that builder is no longer available",
              "", "name it in chaincode.externalBuilders of core.yaml again, or remove " + folder.string());
}

Result<std::optional<Build>> Builds::make(const std::string& package_id, const lifecycle::Package& package) {
  auto made = make_workplace(package_id, package);
  if (!made) return fail(std::move(made).error().within("could not create build context"));
  const Workplace& place = *made;
  ExternalBuilder* chosen = nullptr;
  for (auto& builder : builders_) {
    if (!builder->detect(place.source, place.metadata)) continue;
    chosen = builder.get();
    break;
  }
  if (chosen == nullptr) {
    LOG_DEBUG(logger(), "no external builder detected for {}", package_id);
    return std::optional<Build>();
  }
  if (auto built = chosen->build(place.source, place.metadata, place.output); !built)
    return fail(std::move(built).error().within("external builder failed to build"));
  if (auto released = chosen->release(place.output, place.release); !released)
    return fail(std::move(released).error().within("external builder failed to release"));

  // Put together beside its place and renamed into it: a crash leaves a whole build or none.
  const fs::path folder = folder_of(package_id);
  const fs::path partial = folder.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error)
    return fail(Code::kUnavailable, "could not create dir '" + folder.string() + "' to persist build output: " + error.message());
  fs::permissions(partial, fs::perms::owner_all, error);
  auto keep = [&]() -> Status {
    const nlohmann::json info = {{"builder_name", chosen->name()}};
    SELVAGE_CHECK(write_file(partial / kBuildInfo, info.dump(), 0600));
    SELVAGE_CHECK(copy_tree(place.release, partial / "release"));
    SELVAGE_CHECK(copy_tree(place.output, partial / "bld"));
    return sync_tree(partial);
  };
  if (auto done = keep(); !done) {
    fs::remove_all(partial, error);
    return fail(std::move(done).error().within("could not move or copy build context to persistent location '" +
                                               folder.string() + "'"));
  }
  fs::rename(partial, folder, error);
  if (error) return fail(Code::kUnavailable, "could not rename '" + partial.string() + "': " + error.message());
  return std::optional(Build{chosen, folder / "bld", folder / "release"});
}

Result<std::optional<Build>> Builds::build(const std::string& package_id, const lifecycle::Package& package) {
  if (builders_.empty()) return std::optional<Build>();
  const auto turn = turn_of(package_id);
  const std::lock_guard lock(*turn);
  auto found = kept(package_id);
  if (!found) return fail(std::move(found).error().within("existing build could not be restored"));
  if (*found) return found;
  return make(package_id, package);
}

void Builds::stop() {
  for (auto& builder : builders_) builder->stop();
}

}  // namespace selvage::chaincode
