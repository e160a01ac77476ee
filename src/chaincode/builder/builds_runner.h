// Builds of packages by external builders: the first builder that knows a package builds it, once; what it made is kept
// over restarts.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "chaincode/builder/builder_runner.h"

namespace selvage::lifecycle {
struct Package;
}

namespace selvage::chaincode {

struct BuildsSettings {
  std::string directory;  // <peer.fileSystemPath>/externalbuilder/builds
  std::vector<BuilderSettings> builders;
  std::chrono::nanoseconds timeout = std::chrono::seconds(300);  // of one program: chaincode.installTimeout
};

struct Build {
  ExternalBuilder* builder = nullptr;  // lives as long as Builds
  std::filesystem::path output;        // bld/
  std::filesystem::path release;       // release/

  // release/chaincode/server/connection.json: the chaincode is a service to be dialled; nullopt: run it.
  [[nodiscard]] Result<std::optional<Bytes>> connection_json() const;
};

// Safe from any thread; build() blocks, several packages are built at once.
class Builds {
 public:
  // A builder named ccaas_builder whose programs are not there is the one built into the peer (ccaas_client.h).
  explicit Builds(BuildsSettings settings);
  ~Builds();

  // The kept build, or a new one. nullopt: no external builder knows the package. Errors: Fabric's texts ("external
  // builder failed to build: external builder 'x' failed: exit status 1").
  [[nodiscard]] Result<std::optional<Build>> build(const std::string& package_id, const lifecycle::Package& package);
  // Kills builds that are on the way and refuses more.
  void stop();

 private:
  [[nodiscard]] Result<std::optional<Build>> kept(const std::string& package_id);
  [[nodiscard]] Result<std::optional<Build>> make(const std::string& package_id, const lifecycle::Package& package);
  [[nodiscard]] std::filesystem::path folder_of(const std::string& package_id) const;
  [[nodiscard]] std::shared_ptr<std::mutex> turn_of(const std::string& package_id);

  const BuildsSettings settings_;
  std::vector<std::unique_ptr<ExternalBuilder>> builders_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<std::mutex>> turns_;  // one build at a time for each package
};

}  // namespace selvage::chaincode
