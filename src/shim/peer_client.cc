#include "shim/peer_client.h"

#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "rpc/channel.h"
#include "shim/conversation_worker.h"
#include "shim/threads_worker.h"
#include "shim/tls_material.h"

namespace selvage::shim {
namespace {

const log::Logger logger("shim");

constexpr auto kDialTimeout = std::chrono::seconds(10);

}  // namespace

Result<ClientSettings> client_settings_from_environment(const Environment& variable, const std::string& peer_address) {
  const auto value = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (auto found = variable(name); found && !found->empty()) return *found;
    }
    return std::string();
  };
  const auto missing = [](const std::string& name, const std::string& remedy) {
    return fail(Code::kInvalidArgument, name + " is not set", "", remedy);
  };
  ClientSettings settings;
  settings.chaincode_id = value({"CORE_CHAINCODE_ID_NAME", "CHAINCODE_ID"});
  if (settings.chaincode_id.empty())
    return missing("CORE_CHAINCODE_ID_NAME", "set it to the package id, or to name:version for a peer in development mode");
  settings.peer_address = peer_address.empty() ? value({"CORE_PEER_ADDRESS"}) : peer_address;
  if (settings.peer_address.empty())
    return missing("CORE_PEER_ADDRESS", "set it to the peer's chaincode listener, host:7052");
  const std::string tls = value({"CORE_PEER_TLS_ENABLED"});
  if (!tls.empty() && tls != "true" && tls != "false" && tls != "1" && tls != "0") {
    return fail(Code::kInvalidArgument, "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false'");
  }
  settings.tls = tls == "true" || tls == "1";
  if (!settings.tls) return settings;
  settings.key = value({"CORE_TLS_CLIENT_KEY_FILE", "CORE_TLS_CLIENT_KEY_PATH"});
  settings.certificate = value({"CORE_TLS_CLIENT_CERT_FILE", "CORE_TLS_CLIENT_CERT_PATH"});
  settings.peer_ca = value({"CORE_PEER_TLS_ROOTCERT_FILE"});
  const char* const from = "the peer hands it out in chaincode.json: client_key, client_cert, root_cert";
  if (settings.key.empty()) return missing("CORE_TLS_CLIENT_KEY_FILE", from);
  if (settings.certificate.empty()) return missing("CORE_TLS_CLIENT_CERT_FILE", from);
  if (settings.peer_ca.empty()) return missing("CORE_PEER_TLS_ROOTCERT_FILE", from);
  return settings;
}

struct PeerClient::Parts {
  Parts(Chaincode& served, ClientSettings given)
      : chaincode(served), settings(std::move(given)), threads(settings.transactions_max) {}

  Chaincode& chaincode;
  const ClientSettings settings;
  std::shared_ptr<rpc::Channel> channel;

  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<rpc::ClientCall> call;  // once the stream is open
  std::shared_ptr<Conversation> conversation;
  bool stopped = false;
  std::optional<Error> ended;  // the stream's end, and why

  TransactionThreads threads;  // last: its tasks use the rest

  void send(Bytes message) {
    const std::lock_guard lock(mutex);
    if (call && !ended) call->write(std::move(message));
  }
  void end(Error why) {
    const std::lock_guard lock(mutex);
    if (!ended) ended = std::move(why);
    changed.notify_all();
  }
};

namespace {

// The stream to the peer: hands what comes to the conversation and ends with it.
class PeerStream final : public rpc::ClientHandler {
 public:
  PeerStream(std::shared_ptr<Conversation> conversation, std::function<void()> cancel, std::function<void(Error)> ended)
      : conversation_(std::move(conversation)), cancel_(std::move(cancel)), ended_(std::move(ended)) {}
  void on_message(Bytes message) override {
    if (auto received = conversation_->receive(message); !received) {
      conversation_->close();
      ended_(received.error());
      cancel_();
    }
  }
  void on_end(const rpc::Status& status, const rpc::Metadata&) override {
    conversation_->close();
    ended_(status.ok() ? Error{Code::kUnavailable, "received EOF, ending chaincode stream", "", ""}
                       : Error{Code::kUnavailable, "the peer ended the stream: " + status.to_string(), "", ""});
  }

 private:
  const std::shared_ptr<Conversation> conversation_;
  const std::function<void()> cancel_;
  const std::function<void(Error)> ended_;
};

}  // namespace

PeerClient::PeerClient(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}
PeerClient::~PeerClient() {
  stop();
  parts_->threads.stop();
}

Result<std::unique_ptr<PeerClient>> PeerClient::make(Chaincode& chaincode, ClientSettings settings) {
  auto parts = std::make_shared<Parts>(chaincode, std::move(settings));
  const ClientSettings& wanted = parts->settings;
  rpc::ChannelSettings channel;
  channel.targets = {wanted.peer_address};
  channel.connect_timeout = kDialTimeout;
  channel.idle_timeout = std::chrono::milliseconds(0);
  if (wanted.tls) {
    SELVAGE_TRY(channel.tls, make_client_context({wanted.certificate, "CORE_TLS_CLIENT_CERT_FILE"},
                                                 {wanted.key, "CORE_TLS_CLIENT_KEY_FILE"},
                                                 {wanted.peer_ca, "CORE_PEER_TLS_ROOTCERT_FILE"}));
  }
  parts->channel = rpc::Channel::make(std::move(channel));
  return std::unique_ptr<PeerClient>(new PeerClient(std::move(parts)));
}

Status PeerClient::run() {
  Parts& parts = *parts_;
  if (auto ready = parts.channel->wait_ready(kDialTimeout); !ready) {
    const std::lock_guard lock(parts.mutex);
    if (parts.stopped) return {};
    return fail(std::move(ready).error().within("connection to peer " + parts.settings.peer_address + " failed"));
  }
  LOG_INFO(logger, "Connected to peer {}", parts.settings.peer_address);
  auto conversation = std::make_shared<Conversation>(
      parts.chaincode, parts.settings.chaincode_id, [weak = std::weak_ptr<Parts>(parts_)](Bytes message) {
        if (auto mine = weak.lock()) mine->send(std::move(message));
      },
      [weak = std::weak_ptr<Parts>(parts_)](std::function<void()> task) {
        if (auto mine = weak.lock()) mine->threads.run(std::move(task));
      });
  auto handler = std::make_unique<PeerStream>(
      conversation,
      [weak = std::weak_ptr<Parts>(parts_)] {
        auto mine = weak.lock();
        if (!mine) return;
        const std::lock_guard lock(mine->mutex);
        if (mine->call) mine->call->cancel();
      },
      [weak = std::weak_ptr<Parts>(parts_)](Error why) {
        if (auto mine = weak.lock()) mine->end(std::move(why));
      });
  auto call = parts.channel->open("/protos.ChaincodeSupport/Register", {}, std::move(handler));
  {
    const std::lock_guard lock(parts.mutex);
    parts.call = std::move(call);
    parts.conversation = conversation;
  }
  conversation->start();
  std::unique_lock lock(parts.mutex);
  parts.changed.wait(lock, [&] { return parts.stopped || parts.ended; });
  if (parts.stopped) return {};
  return fail(*parts.ended);
}

void PeerClient::stop() {
  std::shared_ptr<Conversation> conversation;
  {
    const std::lock_guard lock(parts_->mutex);
    if (parts_->stopped) return;
    parts_->stopped = true;
    conversation = parts_->conversation;
    if (parts_->call) parts_->call->cancel();
    parts_->changed.notify_all();
  }
  if (conversation) conversation->close();
  parts_->channel->close();
}

}  // namespace selvage::shim
