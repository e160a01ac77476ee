#include "gossip/comm/gossip_client.h"

#include <mutex>

namespace selvage::gossip {
namespace {

class ClientWire final : public Wire {
 public:
  explicit ClientWire(std::shared_ptr<rpc::Channel> channel) : channel_(std::move(channel)) {}
  ~ClientWire() override { channel_->close(); }
  void set_call(std::shared_ptr<rpc::ClientCall> call) {
    std::lock_guard lock(mutex_);
    call_ = std::move(call);
  }
  void write(Bytes envelope) override { call()->write(std::move(envelope)); }
  size_t queued_bytes() const override { return call()->queued_bytes(); }
  void close(rpc::Status) override { channel_->close(); }
  // Only these may come while the call is being opened.
  void pause() override {
    if (const auto open = call()) open->pause();
  }
  void resume() override {
    if (const auto open = call()) open->resume();
  }
  TlsFacts tls() const override {
    const auto peer = call()->peer();
    return peer ? TlsFacts{peer->tls, peer->certificate_sha256, peer->certificate_subject} : TlsFacts{};
  }

 private:
  std::shared_ptr<rpc::Channel> channel_;
  [[nodiscard]] std::shared_ptr<rpc::ClientCall> call() const {
    std::lock_guard lock(mutex_);
    return call_;
  }
  mutable std::mutex mutex_;
  std::shared_ptr<rpc::ClientCall> call_;
};

class Asking final : public rpc::ClientHandler {
 public:
  Asking(StreamPtr stream, std::shared_ptr<StreamEvents> events)
      : stream_(std::move(stream)), events_(std::move(events)) {}
  void on_message(Bytes message) override { stream_->came(*events_, std::move(message)); }
  void on_end(const rpc::Status& status, const rpc::Metadata&) override { events_->ended(stream_, status); }

 private:
  StreamPtr stream_;
  std::shared_ptr<StreamEvents> events_;
};

}  // namespace

StreamPtr dial(const std::string& endpoint, const DialSettings& settings, std::shared_ptr<StreamEvents> events) {
  rpc::ChannelSettings to;
  to.targets = {endpoint};
  to.tls = settings.tls;
  to.connect_timeout = settings.dial_timeout;
  to.keepalive.interval = settings.keepalive_interval;
  to.keepalive.timeout = settings.keepalive_timeout;
  to.receive_bytes_max = settings.receive_bytes_max;
  to.send_bytes_max = settings.send_bytes_max;
  to.idle_timeout = Milliseconds(0);
  auto channel = rpc::Channel::make(std::move(to));
  auto stream = std::make_shared<Stream>(false, endpoint, settings.receive_queue);
  auto wire = std::make_unique<ClientWire>(channel);
  ClientWire& ours = *wire;
  stream->wire = std::move(wire);
  ours.set_call(channel->open("/gossip.Gossip/GossipStream", {}, std::make_unique<Asking>(stream, std::move(events))));
  return stream;
}

}  // namespace selvage::gossip
