#include "shim/chaincode_service.h"

#include "base/log.h"
#include "rpc/server.h"
#include "shim/conversation_worker.h"
#include "shim/threads_worker.h"
#include "shim/tls_material.h"

namespace selvage::shim {
namespace {

log::Logger logger("shim");

// A peer's stream: hands what comes to the conversation and ends with it.
class PeerStream : public rpc::StreamHandler {
 public:
  PeerStream(Chaincode& chaincode, const std::string& id, TransactionThreads& threads, std::shared_ptr<rpc::ServerCall> call)
      : call_(std::move(call)),
        conversation_(std::make_shared<Conversation>(
            chaincode, id, [call = call_](Bytes message) { call->write(std::move(message)); },
            [&threads](std::function<void()> task) { threads.run(std::move(task)); })) {
    LOG_INFO(logger, "A peer has connected from {}", call_->peer().address);
    conversation_->start();
  }
  ~PeerStream() override { conversation_->close(); }

  void on_message(Bytes message) override {
    if (Status received = conversation_->receive(message); !received) {
      LOG_WARN(logger, "Ending the stream of {}: {}", call_->peer().address, received.error().message);
      call_->finish(rpc::Status(received.error()));
      conversation_->close();
    }
  }
  void on_half_close() override {
    conversation_->close();
    call_->finish({});
  }
  void on_cancelled(const rpc::Status& why) override {
    conversation_->close();
    LOG_INFO(logger, "The peer at {} has gone: {}", call_->peer().address, why.message);
  }

 private:
  std::shared_ptr<rpc::ServerCall> call_;
  std::shared_ptr<Conversation> conversation_;
};

}  // namespace

Result<ServiceSettings> settings_from_environment(
    const std::function<std::optional<std::string>(const std::string& name)>& variable) {
  const auto value = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (auto found = variable(name); found && !found->empty()) return *found;
    }
    return std::string();
  };
  ServiceSettings settings;
  settings.chaincode_id = value({"CHAINCODE_ID", "CORE_CHAINCODE_ID_NAME"});
  if (settings.chaincode_id.empty()) {
    return fail(Code::kInvalidArgument, "CHAINCODE_ID is not set", "",
                "set CHAINCODE_ID to the package id that `peer lifecycle chaincode install` printed");
  }
  settings.listen_address = value({"CHAINCODE_SERVER_ADDRESS"});
  if (settings.listen_address.empty()) {
    return fail(Code::kInvalidArgument, "CHAINCODE_SERVER_ADDRESS is not set", "",
                "set CHAINCODE_SERVER_ADDRESS to the host:port of the package's connection.json");
  }
  const std::string disabled = value({"CHAINCODE_TLS_DISABLED"});
  if (disabled != "" && disabled != "true" && disabled != "false" && disabled != "1" && disabled != "0") {
    return fail(Code::kInvalidArgument, "CHAINCODE_TLS_DISABLED is " + escape(disabled), "", "set it to true or false");
  }
  settings.tls = disabled != "true" && disabled != "1";
  settings.key = value({"CHAINCODE_TLS_KEY"});
  settings.certificate = value({"CHAINCODE_TLS_CERT"});
  settings.client_ca = value({"CHAINCODE_CLIENT_CA_CERT"});
  if (settings.tls && (settings.key.empty() || settings.certificate.empty())) {
    return fail(Code::kInvalidArgument,
                std::string(settings.key.empty() ? "CHAINCODE_TLS_KEY" : "CHAINCODE_TLS_CERT") + " is not set", "",
                "set it to a PEM file, or CHAINCODE_TLS_DISABLED=true to serve without TLS");
  }
  return settings;
}

struct ChaincodeService::Parts {
  Parts(Chaincode& served, ServiceSettings given)
      : chaincode(served), settings(std::move(given)), threads(settings.transactions_max) {}
  Chaincode& chaincode;
  ServiceSettings settings;
  TransactionThreads threads;
  std::unique_ptr<rpc::Server> server;
};

ChaincodeService::ChaincodeService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ChaincodeService::~ChaincodeService() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<ChaincodeService>> ChaincodeService::make(Chaincode& chaincode, ServiceSettings settings) {
  auto parts = std::make_unique<Parts>(chaincode, std::move(settings));
  const ServiceSettings& wanted = parts->settings;
  rpc::ServerSettings server;
  server.listen_address = wanted.listen_address;
  server.name = "ChaincodeServer";
  if (wanted.tls) {
    SELVAGE_TRY(server.tls, make_server_context({wanted.certificate, "CHAINCODE_TLS_CERT"}, {wanted.key, "CHAINCODE_TLS_KEY"},
                                                {wanted.client_ca, "CHAINCODE_CLIENT_CA_CERT"}));
  }
  parts->server = std::make_unique<rpc::Server>(std::move(server));
  parts->server->add_stream("/protos.Chaincode/Connect", [inside = parts.get()](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<PeerStream>(inside->chaincode, inside->settings.chaincode_id, inside->threads,
                                        std::move(call));
  });
  return std::unique_ptr<ChaincodeService>(new ChaincodeService(std::move(parts)));
}

Status ChaincodeService::start() { return parts_->server->start(); }
std::string ChaincodeService::address() const { return parts_->server->address(); }

void ChaincodeService::stop(std::chrono::milliseconds grace) {
  parts_->server->stop(grace);
  parts_->threads.stop();
}

}  // namespace selvage::shim
