#include "chaincode/ccaas/ccaas_client.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "chaincode/session/shim_session.h"
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

// Fabric quirk: the peer dials chaincode so that the first refusal ends the attempt, which grpc-go words in lower case.
Error as_go_dials(Error error) {
  constexpr std::string_view kUsual = "transport: Error while dialing";
  if (const size_t at = error.message.find(kUsual); at != std::string::npos) error.message[at + 11] = 'e';
  return error;
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

}  // namespace

struct CcaasDialer::State {
  std::mutex mutex;
  bool stopped = false;
  std::vector<std::weak_ptr<rpc::Channel>> dialling;  // and those that are open, until they end
};

CcaasDialer::CcaasDialer() : state_(std::make_unique<State>()) {}
CcaasDialer::~CcaasDialer() { stop(); }

Status CcaasDialer::dial(const std::string& package_id, const Connection& connection,
                         const std::shared_ptr<ShimSession>& session) {
  auto tls = tls_of(connection);
  if (!tls) return fail(std::move(tls).error().within("error building chaincode: connection.json"));
  LOG_DEBUG(logger(), "Starting external chaincode connection: {}", package_id);
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(connection.dial_timeout);
  rpc::ChannelSettings settings;
  settings.targets = {connection.address};
  settings.tls = *tls;
  settings.server_name = connection.domain;
  settings.connect_timeout = timeout;
  settings.idle_timeout = std::chrono::milliseconds(0);
  auto channel = rpc::Channel::make(std::move(settings));
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopped) return fail(Code::kUnavailable, "peer is stopping");
    std::erase_if(state_->dialling, [](const auto& one) { return one.expired(); });
    state_->dialling.push_back(channel);
  }
  if (auto ready = channel->wait_ready(timeout); !ready)
    return fail(as_go_dials(std::move(ready).error()).within("connection to " + package_id + " failed: error cannot create connection for " +
                                                package_id + ": error creating grpc connection to " + connection.address +
                                                ": failed to create new connection"));
  auto handler = std::make_unique<Conversation>(package_id, session);
  auto call = channel->open("/protos.Chaincode/Connect", {}, std::move(handler));
  session->attach(std::make_unique<GrpcTransport>(std::move(channel), std::move(call)));
  LOG_DEBUG(logger(), "Created external chaincode connection: {}", package_id);
  return {};
}

void CcaasDialer::stop() {
  std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  for (auto& one : state_->dialling)
    if (auto channel = one.lock()) channel->close();
}

Result<Connection> packaged_connection(const CcaasSettings& settings, const lifecycle::Package& package) {
  if (lower(package.metadata.type) != "ccaas")
    return fail(Code::kFailedPrecondition, "docker build failed: docker build is disabled",
                "package type " + escape(package.metadata.type, 40),
                std::string(settings.docker ? "vm.endpoint is set, but this peer has no Docker builder: " : "") +
                    "package the chaincode with type \"ccaas\" and a connection.json, or name an external builder that "
                    "detects this type in chaincode.externalBuilders of core.yaml");
  auto files = lifecycle::read_tar_gz(package.code, kCodeBytesMax);
  if (!files) return fail(std::move(files).error().within("external builder failed: failed to untar source package"));
  for (const auto& file : *files) {
    std::string_view name = file.name;
    if (name.starts_with("./")) name.remove_prefix(2);
    if (name != "connection.json") continue;
    auto connection = parse_connection(file.content, settings.builder_config);
    if (!connection) return fail(std::move(connection).error().within("external builder failed"));
    return connection;
  }
  return fail(Code::kInvalidArgument,
              "external builder failed: external builder failed to build: external builder 'ccaas_builder' failed: "
              "connection.json not found",
              "", "put connection.json at the top of code.tar.gz");
}

Status check_connection(const Connection& connection) {
  auto tls = tls_of(connection);
  if (!tls) {
    Error error = std::move(tls).error().within("external builder failed: connection.json");
    error.message += " (TLS-54)";
    return fail(std::move(error));
  }
  if (connection.tls_required && !connection.client_auth_required && !connection.domain.empty()) {
    LOG_WARN(logger(), "TLS-54: connection.json: \"domain\" ({}) without \"client_auth_required\" is honoured here, and ignored by peers of "
                       "Fabric, which look for the host of \"address\" ({}) in the chaincode's certificate",
             escape(connection.domain, 120), escape(connection.address, 120));
  }
  return {};
}

}  // namespace selvage::chaincode
