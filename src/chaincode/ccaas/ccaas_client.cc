#include "chaincode/ccaas/ccaas_client.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "lifecycle/package.h"
#include "rpc/channel.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "tls/policy.h"
#include "tls/trust.h"

namespace selvage::chaincode {
namespace {

constexpr size_t kCodeBytesMax = 64u << 20;  // unpacked code.tar.gz of a ccaas package: a JSON file and indexes

const log::Logger& logger() {
  static const log::Logger instance("extcc");
  return instance;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// The checked connection of a package; what Fabric's builder does in its phases detect, build and release.
Result<Connection> connection_of(const CcaasSettings& settings, BytesView package_bytes) {
  SELVAGE_TRY(auto package, lifecycle::parse_package(package_bytes));
  if (lower(package.metadata.type) != "ccaas" || !settings.ccaas_builder)
    return fail(Code::kFailedPrecondition, "docker build failed: docker build is disabled",
                "package type " + escape(package.metadata.type, 40),
                settings.docker ? "vm.endpoint is set, but this peer has no Docker builder: package the chaincode with type "
                                  "\"ccaas\" and a connection.json"
                : settings.ccaas_builder
                    ? "this peer runs chaincode as a service: package it with type \"ccaas\" and a connection.json"
                    : "add a builder named \"ccaas_builder\" to chaincode.externalBuilders of core.yaml");
  auto files = lifecycle::read_tar_gz(package.code, kCodeBytesMax);
  if (!files) return fail(std::move(files).error().within("external builder failed: failed to untar source package"));
  for (const auto& file : *files) {
    std::string_view name = file.name;
    if (name.starts_with("./")) name.remove_prefix(2);
    if (name == "connection.json") {
      auto connection = parse_connection(file.content, settings.builder_config);
      if (!connection) return fail(std::move(connection).error().within("external builder failed"));
      return connection;
    }
  }
  return fail(Code::kInvalidArgument,
              "external builder failed: external builder failed to build: external builder 'ccaas_builder' failed: "
              "connection.json not found",
              "", "put connection.json at the top of code.tar.gz");
}

Result<std::shared_ptr<tls::ClientContext>> tls_of(const Connection& connection) {
  if (!connection.tls_required) return std::shared_ptr<tls::ClientContext>();
  tls::Provenance from;
  from.kind = tls::Provenance::Kind::kFile;
  from.origin.key = "root_cert";
  from.file = "connection.json";
  SELVAGE_TRY(auto roots, tls::roots_from_pem(connection.root_cert, from));
  auto trust = std::make_shared<tls::TrustStore>(std::move(roots));
  std::shared_ptr<tls::CredentialStore> credentials;
  tls::ClientPolicy policy;
  policy.server_name_override = connection.domain;
  policy.server_name_setting.key = "domain (connection.json)";
  policy.roots_setting.key = "root_cert (connection.json)";
  policy.certificate_setting.key = "client_cert (connection.json)";
  if (connection.client_auth_required) {
    tls::CredentialFiles files;
    files.certificate_path = files.key_path = "connection.json";
    files.certificate_origin.key = "client_cert";
    files.key_origin.key = "client_key";
    SELVAGE_TRY(auto pair, tls::Credentials::from_pem(connection.client_cert, connection.client_key, files));
    credentials = std::make_shared<tls::CredentialStore>(std::move(pair));
  }
  auto context = std::make_shared<tls::ClientContext>(std::move(credentials), std::move(trust), std::move(policy));
  SELVAGE_CHECK(context->check());
  return context;
}

class GrpcTransport final : public ShimTransport {
 public:
  GrpcTransport(std::shared_ptr<rpc::Channel> channel, std::shared_ptr<rpc::ClientCall> call)
      : channel_(std::move(channel)), call_(std::move(call)) {}
  ~GrpcTransport() override { close(); }
  bool send(Bytes message) override {
    // Answers wait for a process that does not read them; one that reads nothing is given up.
    if (call_->queued_bytes() > (size_t{256} << 20)) call_->cancel();
    call_->write(std::move(message));
    return true;
  }
  void close() override { call_->cancel(); }

 private:
  std::shared_ptr<rpc::Channel> channel_;  // kept open as long as the call
  std::shared_ptr<rpc::ClientCall> call_;
};

class Conversation final : public rpc::ClientHandler {
 public:
  Conversation(std::string package_id, std::shared_ptr<ShimSession> session)
      : package_id_(std::move(package_id)), session_(std::move(session)) {}
  void on_message(Bytes message) override {
    if (refused_) return;
    auto taken = session_->on_message(message);
    if (taken) return;
    refused_ = true;
    LOG_ERROR(logger(), "ending chaincode stream package={} reason={}", package_id_, to_string(taken.error()));
    session_->on_closed(taken.error().message);
    session_->close();
  }
  void on_end(const rpc::Status& status, const rpc::Metadata&) override {
    session_->on_closed(status.ok() ? "connection to " + package_id_ + " terminated"
                                    : "receive from chaincode support stream failed: " + status.to_string());
  }

 private:
  const std::string package_id_;
  const std::shared_ptr<ShimSession> session_;
  bool refused_ = false;
};

class CcaasConnector final : public Connector {
 public:
  CcaasConnector(CcaasSettings settings, PackageStore& packages) : settings_(std::move(settings)), packages_(packages) {}

  Status connect(const std::string& package_id, const std::shared_ptr<ShimSession>& session) override {
    auto package = packages_.load(package_id);
    if (!package)
      return fail(std::move(package).error().within("error building chaincode: failed to get chaincode package for external build"));
    auto connection = connection_of(settings_, *package);
    if (!connection) return fail(std::move(connection).error().within("error building chaincode"));
    auto tls = tls_of(*connection);
    if (!tls) return fail(std::move(tls).error().within("error building chaincode: connection.json"));
    LOG_DEBUG(logger(), "Starting external chaincode connection: {}", package_id);
    rpc::ChannelSettings settings;
    settings.targets = {connection->address};
    settings.tls = *tls;
    settings.server_name = connection->domain;
    settings.connect_timeout = std::chrono::ceil<std::chrono::milliseconds>(connection->dial_timeout);
    settings.idle_timeout = std::chrono::milliseconds(0);
    auto channel = rpc::Channel::make(std::move(settings));
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return fail(Code::kUnavailable, "peer is stopping");
      std::erase_if(dialling_, [](const auto& one) { return one.expired(); });
      dialling_.push_back(channel);
    }
    if (auto ready = channel->wait_ready(std::chrono::ceil<std::chrono::milliseconds>(connection->dial_timeout)); !ready)
      return fail(std::move(ready).error().within("connection to " + package_id + " failed: error cannot create connection for " +
                                                  package_id + ": error creating grpc connection to " +
                                                  connection->address + ": failed to create new connection"));
    auto handler = std::make_unique<Conversation>(package_id, session);
    auto call = channel->open("/protos.Chaincode/Connect", {}, std::move(handler));
    session->attach(std::make_unique<GrpcTransport>(std::move(channel), std::move(call)));
    LOG_DEBUG(logger(), "Created external chaincode connection: {}", package_id);
    return {};
  }
  void stop() override {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto& one : dialling_)
      if (auto channel = one.lock()) channel->close();
  }

 private:
  const CcaasSettings settings_;
  PackageStore& packages_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::vector<std::weak_ptr<rpc::Channel>> dialling_;  // and those that are open, until they end
};

}  // namespace

std::unique_ptr<Connector> make_ccaas_connector(CcaasSettings settings, PackageStore& packages) {
  return std::make_unique<CcaasConnector>(std::move(settings), packages);
}

Status check_package(const CcaasSettings& settings, BytesView package) {
  SELVAGE_TRY(auto connection, connection_of(settings, package));
  auto tls = tls_of(connection);
  if (!tls) return fail(std::move(tls).error().within("external builder failed: connection.json"));
  return {};
}

}  // namespace selvage::chaincode
