// One external builder of core.yaml: four programs that detect, build, release and run packages.
//
// Arguments, files, environment and log lines are Fabric's (core/container/externalbuilder), so that builders written
// for Go peers work unchanged. A builder's programs see of our environment only PATH, LD_LIBRARY_PATH, LIBPATH, TMPDIR
// and what propagateEnvironment names. What they write to stderr goes to the log of "chaincode.externalbuilder.<name>".
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "os/process.h"

namespace selvage::chaincode {

struct BuilderSettings {  // chaincode.externalBuilders[]
  std::string name;
  std::string path;  // bin/detect, bin/build, bin/release (may be missing) and bin/run are below it
  std::vector<std::string> propagate_environment;
};

// What chaincode.json tells a chaincode that dials the peer. PEM texts are empty without TLS.
struct RunConfig {
  std::string chaincode_id;
  std::string peer_address;
  std::string client_cert;
  std::string client_key;
  std::string root_cert;
  std::string mspid;

  [[nodiscard]] std::string to_json() const;
};

// Safe from any thread.
class ExternalBuilder {
 public:
  using Path = std::filesystem::path;

  // Programs that take longer than `timeout` are killed (run's is not limited).
  ExternalBuilder(BuilderSettings settings, std::chrono::nanoseconds timeout);

  [[nodiscard]] const std::string& name() const { return settings_.name; }
  // bin/detect is there: false for a "ccaas_builder" whose programs were never installed.
  [[nodiscard]] bool present() const;

  [[nodiscard]] bool detect(const Path& source, const Path& metadata);
  // "external builder '<name>' failed: exit status 1"
  Status build(const Path& source, const Path& metadata, const Path& output);
  // "builder '<name>' release failed: exit status 1"; fine when there is no such program.
  Status release(const Path& output, const Path& release);
  // Starts bin/run <output> <artifacts>; the caller waits for it and ends it. `on_exit`: see os::ProcessSettings.
  [[nodiscard]] Result<std::unique_ptr<os::Process>> run(const Path& output, const Path& artifacts,
                                                         std::function<void()> on_exit);
  // Kills what runs (but for run's) and refuses more.
  void stop();

 private:
  [[nodiscard]] os::ProcessSettings command(const char* program, const std::vector<Path>& arguments) const;
  [[nodiscard]] Result<os::Exit> finish(const char* program, const std::vector<Path>& arguments);

  const BuilderSettings settings_;
  const std::chrono::nanoseconds timeout_;
  const log::Logger logger_;
  std::mutex mutex_;
  std::set<os::Process*> running_;
  bool stopped_ = false;
};

}  // namespace selvage::chaincode
