#include "shim/chaincode_service.h"

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <list>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "os/signals.h"
#include "rpc/server.h"
#include "shim/conversation_worker.h"
#include "tls/context.h"
#include "wire/protobuf_log.h"

namespace selvage::shim {
namespace {

log::Logger logger("shim");

// Threads for transactions: made when needed, up to a limit, and kept.
class Workers {
 public:
  explicit Workers(size_t threads_max) : threads_max_(threads_max) {}
  ~Workers() { stop(); }

  void run(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    if (idle_ >= tasks_.size() || threads_.size() >= threads_max_) {
      wake_.notify_one();
    } else {
      threads_.emplace_back([this] { work(); });
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      wake_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::list<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

// A peer's stream: hands what comes to the conversation and ends with it.
class PeerStream : public rpc::StreamHandler {
 public:
  PeerStream(Chaincode& chaincode, const std::string& id, Workers& workers, std::shared_ptr<rpc::ServerCall> call)
      : call_(std::move(call)),
        conversation_(std::make_shared<Conversation>(
            chaincode, id, [call = call_](Bytes message) { call->write(std::move(message)); },
            [&workers](std::function<void()> task) { workers.run(std::move(task)); })) {
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

// The PEM text that a setting leads to, and the path if it was one.
struct PemSource {
  Bytes text;
  std::string path;
};

Result<PemSource> read_pem(const std::string& variable, const std::string& value) {
  if (value.find("-----BEGIN") != std::string::npos) return PemSource{value, ""};
  if (std::error_code ignored; std::filesystem::is_regular_file(value, ignored)) {
    std::ifstream file(value, std::ios::binary);
    Bytes text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad() || text.empty()) {
      return fail(Code::kInvalidArgument, variable + ": " + value + " is empty or cannot be read", "",
                  "check the file's permissions and that it is PEM");
    }
    // Some samples write the base64 of the PEM text into the file.
    if (text.find("-----BEGIN") == std::string::npos) {
      std::string squeezed;
      for (char c : text) {
        if (!std::isspace(static_cast<unsigned char>(c))) squeezed.push_back(c);
      }
      if (auto decoded = from_base64(squeezed); decoded && decoded->find("-----BEGIN") != Bytes::npos) text = *decoded;
    }
    return PemSource{std::move(text), value};
  }
  if (auto decoded = from_base64(value); decoded && decoded->find("-----BEGIN") != Bytes::npos) {
    return PemSource{std::move(*decoded), ""};
  }
  // The value may be a key that lost its line breaks: never repeat it.
  return fail(Code::kInvalidArgument, variable + " names no file that exists and is no PEM text", "",
              "set " + variable + " to the path of a PEM file");
}

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
      : chaincode(served), settings(std::move(given)), workers(settings.transactions_max) {}
  Chaincode& chaincode;
  ServiceSettings settings;
  Workers workers;
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
    SELVAGE_TRY(PemSource certificate, read_pem("CHAINCODE_TLS_CERT", wanted.certificate));
    SELVAGE_TRY(PemSource key, read_pem("CHAINCODE_TLS_KEY", wanted.key));
    tls::CredentialFiles files{certificate.path, Origin{"CHAINCODE_TLS_CERT", "", 0}, key.path,
                               Origin{"CHAINCODE_TLS_KEY", "", 0}};
    SELVAGE_TRY(auto credentials, tls::Credentials::from_pem(certificate.text, key.text, std::move(files)));
    tls::ServerPolicy policy;
    policy.listener = server.name;
    policy.client_auth_setting = policy.client_roots_setting = Origin{"CHAINCODE_CLIENT_CA_CERT", "", 0};
    auto trust = std::make_shared<tls::TrustStore>();
    if (wanted.client_ca.empty()) {
      // As Fabric's shims do: no CA, no question.
      policy.client_auth = tls::ClientAuth::kNone;
      LOG_WARN(logger, "CHAINCODE_CLIENT_CA_CERT is not set: any peer may connect; set it to the peer's TLS CA");
    } else {
      SELVAGE_TRY(PemSource ca, read_pem("CHAINCODE_CLIENT_CA_CERT", wanted.client_ca));
      tls::Provenance from;
      from.kind = tls::Provenance::Kind::kFile;
      from.origin = policy.client_roots_setting;
      from.file = ca.path;
      SELVAGE_TRY(auto roots, tls::roots_from_pem(ca.text, from));
      trust->set_source("files", std::move(roots));
    }
    server.tls = std::make_shared<tls::ServerContext>(std::make_shared<tls::CredentialStore>(std::move(credentials)),
                                                      std::move(trust), std::move(policy));
    SELVAGE_CHECK(server.tls->check());
  }
  parts->server = std::make_unique<rpc::Server>(std::move(server));
  parts->server->add_stream("/protos.Chaincode/Connect", [inside = parts.get()](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<PeerStream>(inside->chaincode, inside->settings.chaincode_id, inside->workers,
                                        std::move(call));
  });
  return std::unique_ptr<ChaincodeService>(new ChaincodeService(std::move(parts)));
}

Status ChaincodeService::start() { return parts_->server->start(); }
std::string ChaincodeService::address() const { return parts_->server->address(); }

void ChaincodeService::stop(std::chrono::milliseconds grace) {
  parts_->server->stop(grace);
  parts_->workers.stop();
}

int serve(Chaincode& chaincode) {
  wire::route_protobuf_log();
  os::Signals signals(logger);
  const auto complain = [](const Error& error) {
    std::cerr << "Error: " << to_string(error) << "\n";
    return 1;
  };
  auto settings = settings_from_environment([](const std::string& name) -> std::optional<std::string> {
    const char* found = std::getenv(name.c_str());
    return found == nullptr ? std::nullopt : std::optional<std::string>(found);
  });
  if (!settings) return complain(settings.error());
  auto service = ChaincodeService::make(chaincode, *settings);
  if (!service) return complain(service.error());
  if (Status started = (*service)->start(); !started) return complain(started.error());
  LOG_INFO(logger, "Serving chaincode {} on {}", settings->chaincode_id, (*service)->address());
  signals.wait();
  (*service)->stop(std::chrono::seconds(2));
  return 0;
}

}  // namespace selvage::shim
