// A server of rpc/ and whatever a client may send it: over TLS after a good handshake, or in plaintext as a stranger. It must
// end every conversation and keep nothing of it. The first byte of the input: bit 0, over TLS; bit 1, the client begins as
// it should; bit 2, its certificate is refused and it is told so in words.
#include "http2_connection.h"
#include "rpc/serving/pending_connection.h"
#include "rpc/serving/refused_connection.h"
#include "rpc/serving/server_connection.h"

namespace {

using namespace selvage;

class Echo final : public rpc::StreamHandler {
 public:
  explicit Echo(std::shared_ptr<rpc::ServerCall> call) : call_(std::move(call)) {}
  void on_message(Bytes message) override { call_->write(std::move(message)); }
  void on_half_close() override { call_->finish({}); }

 private:
  std::shared_ptr<rpc::ServerCall> call_;
};

struct World {
  os::EventLoop loop;
  rpc::ServerState::PerLoop home;
  std::shared_ptr<rpc::ServerState> state[2];  // plaintext, TLS
};

World& world() {
  static auto* all = [] {
    auto* w = new World;
    w->home.loop = &w->loop;
    for (int i = 0; i < 2; ++i) {
      rpc::ServerSettings settings;
      settings.receive_bytes_max = 1 << 16;
      settings.metadata_bytes_max = 4096;
      settings.streams_max = 20;
      settings.concurrency_limits = {{"/t.S", 5}};
      auto state = std::make_shared<rpc::ServerState>(settings);
      using Kind = rpc::Method::Kind;
      auto& unary = state->methods.try_emplace("/t.S/U", "/t.S/U", Kind::kUnary).first->second;
      unary.where = rpc::Run::kOnLoop;
      unary.unary = [](auto call, Bytes request) { call->reply(std::move(request)); };
      auto& stream = state->methods.try_emplace("/t.S/B", "/t.S/B", Kind::kStream).first->second;
      stream.stream = [](auto call) { return std::make_unique<Echo>(std::move(call)); };
      for (auto& [path, method] : state->methods) method.prepare(state->settings, nullptr);
      if (i == 1) state->tls = fuzz::contexts().server;
      w->state[i] = std::move(state);
    }
    return w;
  }();
  return *all;
}

// Believes nobody, and says so in words.
std::shared_ptr<tls::ServerContext> explaining() {
  static auto* context = [] {
    tls::ServerPolicy policy;
    policy.explain = tls::Explain::kClient;
    return new std::shared_ptr<tls::ServerContext>(std::make_shared<tls::ServerContext>(
        fuzz::contexts().server->credentials(), std::make_shared<tls::TrustStore>(), policy, fuzz::contexts().clock));
  }();
  return *context;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0 || size > (1u << 16)) return 0;
  const bool tls = (bytes[0] & 1) != 0;
  const bool refused = tls && (bytes[0] & 4) != 0;  // explain mode, whose connections have nothing to serve with
  Bytes input((bytes[0] & 2) != 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "");
  if ((bytes[0] & 2) != 0) input.append("\0\0\0\4\0\0\0\0\0", 9);
  input.append(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  World& w = world();
  // One source is told a few times a minute only: each input comes to a server of its own.
  auto state = refused ? std::make_shared<rpc::ServerState>(rpc::ServerSettings{}) : w.state[tls ? 1 : 0];
  if (refused) state->tls = explaining();
  state->connections = 1;
  fuzz::converse(w.loop, tls ? fuzz::contexts().client->connect("localhost", "10.0.0.7:7051") : nullptr, input,
                 [&](int fd, std::shared_ptr<void> keep) {
                   std::make_shared<rpc::PendingConnection>(w.loop, state, w.home)->start(fd, std::move(keep), nullptr);
                 });
  // What was posted at the end is done with the next conversation at the latest: here, at once.
  w.loop.post([&] { w.loop.stop(); });
  w.loop.run();
  if (!w.home.connections.empty() || !w.home.pending.empty() || !w.home.refused.empty() || state->connections != 0) __builtin_trap();
  return 0;
}
