#include "chaincode/builder/builder_runner.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace selvage::chaincode {
namespace {

constexpr const char* kAlwaysPropagated[] = {"LD_LIBRARY_PATH", "LIBPATH", "PATH", "TMPDIR"};

const log::Logger& detector_logger() {
  static const log::Logger instance("chaincode.externalbuilder");
  return instance;
}

// A line as it is, but for what could confuse a terminal or another line.
std::string printable(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = ' ';
  }
  return out;
}

std::vector<std::string> propagated(std::vector<std::string> names) {
  for (const char* name : kAlwaysPropagated) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  }
  return names;
}

}  // namespace

std::string RunConfig::to_json() const {
  nlohmann::ordered_json json;
  json["chaincode_id"] = chaincode_id;
  json["peer_address"] = peer_address;
  json["client_cert"] = client_cert;
  json["client_key"] = client_key;
  json["root_cert"] = root_cert;
  json["mspid"] = mspid;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ExternalBuilder::ExternalBuilder(BuilderSettings settings, std::chrono::nanoseconds timeout)
    : settings_(std::move(settings)), timeout_(timeout), logger_("chaincode.externalbuilder." + settings_.name) {}

bool ExternalBuilder::present() const {
  return ::access((Path(settings_.path) / "bin" / "detect").c_str(), X_OK) == 0;
}

os::ProcessSettings ExternalBuilder::command(const char* program, const std::vector<Path>& arguments) const {
  os::ProcessSettings out;
  out.arguments.push_back((Path(settings_.path) / "bin" / program).string());
  for (const Path& argument : arguments) out.arguments.push_back(argument.string());
  out.environment = os::environment_of(propagated(settings_.propagate_environment));
  // Fabric quirk: only stderr is logged (core/container/externalbuilder/session.go).
  out.on_stderr = [logger = logger_.with("command", program)](std::string_view line) {
    LOG_INFO(logger, "{}", printable(line));
  };
  return out;
}

Result<os::Exit> ExternalBuilder::finish(const char* program, const std::vector<Path>& arguments) {
  SELVAGE_TRY(auto process, os::Process::start(command(program, arguments)));
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return fail(Code::kUnavailable, "the peer is stopping");
    running_.insert(process.get());
  }
  auto ended = process->wait_for(std::chrono::ceil<std::chrono::milliseconds>(timeout_));
  if (!ended) {
    LOG_WARN(logger_.with("command", program), "killed: it took longer than chaincode.installTimeout");
    process->terminate(std::chrono::milliseconds(0));
    ended = process->wait();
  }
  const std::lock_guard lock(mutex_);
  running_.erase(process.get());
  return *ended;
}

bool ExternalBuilder::detect(const Path& source, const Path& metadata) {
  auto ended = finish("detect", {source, metadata});
  if (ended && ended->ok()) return true;
  LOG_DEBUG(detector_logger(), "builder '{}' detect failed: {}", name(),
            ended ? ended->to_string() : to_string(ended.error()));
  return false;
}

Status ExternalBuilder::build(const Path& source, const Path& metadata, const Path& output) {
  const std::string failed = "external builder '" + name() + "' failed";
  auto ended = finish("build", {source, metadata, output});
  if (!ended) return fail(std::move(ended).error().within(failed));
  if (!ended->ok())
    return fail(Code::kAborted, failed + ": " + ended->to_string(), "",
                "what it said is in the peer's log, logger chaincode.externalbuilder." + name());
  return {};
}

Status ExternalBuilder::release(const Path& output, const Path& release) {
  if (::access((Path(settings_.path) / "bin" / "release").c_str(), X_OK) != 0) {
    LOG_DEBUG(logger_, "Skipping release step as no release binary found");
    return {};
  }
  const std::string failed = "builder '" + name() + "' release failed";
  auto ended = finish("release", {output, release});
  if (!ended) return fail(std::move(ended).error().within(failed));
  if (!ended->ok())
    return fail(Code::kAborted, failed + ": " + ended->to_string(), "",
                "what it said is in the peer's log, logger chaincode.externalbuilder." + name());
  return {};
}

Result<std::unique_ptr<os::Process>> ExternalBuilder::run(const Path& output, const Path& artifacts,
                                                          std::function<void()> on_exit) {
  os::ProcessSettings settings = command("run", {output, artifacts});
  settings.on_exit = std::move(on_exit);
  settings.ends_its_group = true;  // a chaincode that its script left behind would answer to nobody
  auto process = os::Process::start(std::move(settings));
  if (!process)
    return fail(std::move(process).error().within("could not execute run: builder '" + name() + "' run failed to start"));
  return process;
}

void ExternalBuilder::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (os::Process* process : running_) process->terminate(std::chrono::milliseconds(0));
}

}  // namespace selvage::chaincode
