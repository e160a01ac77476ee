#include "gossip/comm/gossip_service.h"

namespace selvage::gossip {
namespace {

class ServerWire final : public Wire {
 public:
  explicit ServerWire(std::shared_ptr<rpc::ServerCall> call) : call_(std::move(call)) {}
  void write(Bytes envelope) override { call_->write(std::move(envelope)); }
  size_t queued_bytes() const override { return call_->queued_bytes(); }
  void close(rpc::Status status) override { call_->finish(std::move(status)); }
  void pause() override { call_->pause(); }
  void resume() override { call_->resume(); }
  TlsFacts tls() const override {
    const rpc::Peer& peer = call_->peer();
    return {peer.tls, peer.certificate_sha256, peer.certificate_subject};
  }

 private:
  std::shared_ptr<rpc::ServerCall> call_;
};

class Serving final : public rpc::StreamHandler {
 public:
  Serving(StreamPtr stream, std::shared_ptr<StreamEvents> events)
      : stream_(std::move(stream)), events_(std::move(events)) {}
  void on_message(Bytes message) override { stream_->came(*events_, std::move(message)); }
  void on_half_close() override { events_->ended(stream_, {}); }
  void on_cancelled(const rpc::Status& why) override { events_->ended(stream_, why); }

 private:
  StreamPtr stream_;
  std::shared_ptr<StreamEvents> events_;
};

}  // namespace

void add_gossip_service(rpc::Server& server, size_t receive_queue, std::shared_ptr<StreamEvents> events,
                        std::function<bool(const StreamPtr& stream)> opened) {
  server.add_unary("/gossip.Gossip/Ping", [](std::shared_ptr<rpc::ServerCall> call, Bytes) { call->reply(""); },
                   rpc::Run::kOnLoop);
  server.add_stream("/gossip.Gossip/GossipStream",
                    [receive_queue, events = std::move(events), opened = std::move(opened)](std::shared_ptr<rpc::ServerCall> call) {
                      auto stream = std::make_shared<Stream>(true, call->peer().address, receive_queue);
                      stream->wire = std::make_unique<ServerWire>(call);
                      if (!opened(stream)) call->finish({Code::kUnavailable, "shutting down"});
                      return std::make_unique<Serving>(std::move(stream), events);
                    });
}

}  // namespace selvage::gossip
