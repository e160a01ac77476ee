#include <algorithm>

#include "base/log.h"
#include "gateway/connections_client.h"
#include "orderer/ab.pb.h"
#include "rpc/channel.h"
#include "wire/marshal.h"

namespace selvage::gateway {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gateway");
  return instance;
}

// One envelope's stream: the first answer counts.
class BroadcastHandler final : public rpc::ClientHandler {
 public:
  BroadcastHandler(std::shared_ptr<Orderer> keep, Orderer::Done done) : keep_(std::move(keep)), done_(std::move(done)) {}
  void on_message(Bytes message) override {
    ::orderer::BroadcastResponse response;
    OrdererAnswer answer;
    if (wire::parse_into(message, response)) {
      answer.status = response.status();
      answer.info = response.info();
    } else {
      answer.failed = true;
      answer.error = "rpc error: code = Internal desc = grpc: failed to unmarshal the received message";
    }
    tell(std::move(answer));
  }
  void on_end(const rpc::Status& status, const rpc::Metadata&) override {
    OrdererAnswer answer;
    answer.failed = true;
    answer.error = status.ok() ? "EOF" : status.to_string();
    tell(std::move(answer));
  }

 private:
  void tell(OrdererAnswer answer) {
    if (!done_) return;
    auto done = std::move(done_);
    done_ = nullptr;
    done(std::move(answer));
  }
  const std::shared_ptr<Orderer> keep_;  // and with it the connection
  Orderer::Done done_;
};

}  // namespace

class OrdererClients::Remote final : public Orderer, public std::enable_shared_from_this<Remote> {
 public:
  Remote(OrdererEndpoint endpoint, std::shared_ptr<rpc::Channel> connection)
      : endpoint_(std::move(endpoint)), connection_(std::move(connection)) {}
  [[nodiscard]] const OrdererEndpoint& endpoint() const override { return endpoint_; }
  void close() { connection_->close(); }

  std::function<void()> broadcast(std::shared_ptr<const Bytes> envelope, std::chrono::milliseconds timeout,
                                  Done done) override {
    auto call = connection_->open("/orderer.AtomicBroadcast/Broadcast", {.timeout = timeout},
                                  std::make_unique<BroadcastHandler>(shared_from_this(), std::move(done)));
    call->write(*envelope);
    call->half_close();
    return [call = std::move(call)] { call->cancel(); };
  }

 private:
  const OrdererEndpoint endpoint_;
  const std::shared_ptr<rpc::Channel> connection_;
};

void OrdererClients::set_channel(const std::string& channel, const std::vector<OrdererEndpoint>& endpoints) {
  auto& known = channels_[channel];
  if (known == endpoints) return;
  known = endpoints;
  std::erase_if(remotes_, [&](const auto& entry) {
    const OrdererEndpoint& in_use = entry.second->endpoint();
    for (const auto& [name, named] : channels_)
      if (std::find(named.begin(), named.end(), in_use) != named.end()) return false;
    LOG_INFO(logger(), "Closing connection to orderer address={} mspid={}", in_use.log_address, in_use.mspid);
    return true;
  });
}

std::vector<std::shared_ptr<Orderer>> OrdererClients::use(const std::string& channel,
                                                          const std::vector<OrdererEndpoint>& endpoints) {
  std::vector<std::shared_ptr<Orderer>> orderers;
  std::lock_guard lock(mutex_);
  if (stopped_) return orderers;
  set_channel(channel, endpoints);
  for (const auto& endpoint : endpoints) {
    auto& remote = remotes_[endpoint.address];
    if (!remote || !(remote->endpoint() == endpoint)) {
      remote = std::make_shared<Remote>(endpoint, dial_(endpoint.dial, endpoint.roots));
      LOG_INFO(logger(), "Added orderer to registry address={}", endpoint.log_address);
    }
    orderers.push_back(remote);
  }
  return orderers;
}

void OrdererClients::config_changed(const std::string& channel, const std::vector<OrdererEndpoint>& endpoints) {
  LOG_INFO(logger(), "Updating orderer config channel={}", channel);
  std::lock_guard lock(mutex_);
  if (channels_.contains(channel)) set_channel(channel, endpoints);
}

void OrdererClients::stop() {
  std::map<std::string, std::shared_ptr<Remote>> remotes;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    remotes.swap(remotes_);
  }
  for (const auto& [address, remote] : remotes) remote->close();
}

size_t OrdererClients::size() const {
  std::lock_guard lock(mutex_);
  return remotes_.size();
}

}  // namespace selvage::gateway
