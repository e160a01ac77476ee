// A client's connection with a call on it, and whatever a server may answer. The call must end, once. The first byte of the
// input: bit 0, over TLS; bit 1, the server begins with SETTINGS as it should; bit 2, a stream instead of a unary call.
#include "http2_connection.h"
#include "rpc/calling/client_connection.h"
#include "rpc/calling/outgoing_call.h"

namespace {

using namespace selvage;

class Counting final : public rpc::ClientHandler {
 public:
  explicit Counting(int* ends) : ends_(ends) {}
  void on_message(Bytes) override {}
  void on_end(const rpc::Status&, const rpc::Metadata&) override { ++*ends_; }

 private:
  int* ends_;
};

class Caller final : public rpc::ClientConnection::Owner, public rpc::OutgoingCall::Home {
 public:
  explicit Caller(os::EventLoop& loop) : loop_(loop) {}
  void begin(int fd, std::unique_ptr<tls::Session> session, bool stream, std::shared_ptr<void> keep) {
    keep_ = std::move(keep);
    rpc::OutgoingCall::Facts facts;
    facts.method = "/t.S/U";
    facts.gzip = true;
    facts.receive_bytes_max = facts.send_bytes_max = 1 << 16;
    call_ = std::make_shared<rpc::OutgoingCall>(loop_, this, facts, std::make_unique<Counting>(&ends));
    call_->begin();
    call_->write("hello");
    if (!stream) call_->half_close();
    rpc::ClientConnection::Options options;
    options.metadata_bytes_max = 4096;
    connection_ = std::make_shared<rpc::ClientConnection>(loop_, options, this);
    connection_->start(fd, std::move(session), "10.0.0.7:7051");
  }
  void on_up(rpc::ClientConnection&) override { (void)call_->start_on(connection_, "https", "localhost", "fuzz"); }
  void on_goaway(rpc::ClientConnection&, bool) override {}
  void on_down(rpc::ClientConnection&, const std::string& why) override {
    (void)connection_->diagnosis();
    call_->end({Code::kUnavailable, why});
    keep_.reset();
  }
  void on_call_gone(rpc::ClientConnection&) override {}
  void send_again(const std::shared_ptr<rpc::OutgoingCall>& call) override { call->end({Code::kUnavailable, "refused"}); }
  void call_over(rpc::OutgoingCall&) override {}
  std::string why_waiting() const override { return ""; }

  int ends = 0;

 private:
  os::EventLoop& loop_;
  std::shared_ptr<rpc::OutgoingCall> call_;
  std::shared_ptr<rpc::ClientConnection> connection_;
  std::shared_ptr<void> keep_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0 || size > (1u << 16)) return 0;
  static auto* loop = new os::EventLoop;
  const bool tls = (bytes[0] & 1) != 0;
  Bytes input;
  if ((bytes[0] & 2) != 0) input.append("\0\0\0\4\0\0\0\0\0", 9);
  input.append(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  fuzz::Contexts& contexts = fuzz::contexts();
  {
    Caller caller(*loop);
    fuzz::converse(*loop, tls ? contexts.server->accept("10.0.0.7:51234") : nullptr, input, [&](int fd, std::shared_ptr<void> keep) {
      caller.begin(fd, tls ? contexts.client->connect("localhost", "10.0.0.7:7051") : nullptr, (bytes[0] & 4) != 0, std::move(keep));
    });
    if (caller.ends != 1) __builtin_trap();
  }
  loop->post([] { loop->stop(); });
  loop->run();
  return 0;
}
