#include "chaincode/listener/listener_service.h"

#include <filesystem>
#include <map>
#include <mutex>

#include "base/log.h"
#include "chaincode/builder/posix_build_files.h"
#include "chaincode/launcher.h"
#include "chaincode/listener/authority.h"
#include "chaincode/listener/endpoint.h"
#include "chaincode/session/shim_session.h"
#include "peer/chaincode.pb.h"
#include "peer/chaincode_shim.pb.h"
#include "rpc/health.h"
#include "rpc/server.h"

namespace selvage::chaincode {
namespace {

using SessionPtr = std::shared_ptr<ShimSession>;

constexpr size_t kQueuedBytesMax = size_t{256} << 20;  // answers that wait for a process that does not read them

const log::Logger& logger() {
  static const log::Logger instance("chaincode");
  return instance;
}

class ServerTransport final : public ShimTransport {
 public:
  explicit ServerTransport(std::shared_ptr<rpc::ServerCall> call) : call_(std::move(call)) {}
  bool send(Bytes message) override {
    if (call_->cancelled()) return false;
    if (call_->queued_bytes() > kQueuedBytesMax) {
      call_->finish({Code::kResourceExhausted, "chaincode does not read its answers"});
      return false;
    }
    call_->write(std::move(message));
    return true;
  }
  void close() override { call_->finish({}); }

 private:
  const std::shared_ptr<rpc::ServerCall> call_;
};

}  // namespace

struct ChaincodeListener::State {
  State(ListenerSettings s, const Clock& c) : settings(std::move(s)), clock(c) {}

  const ListenerSettings settings;
  const Clock& clock;
  std::unique_ptr<ChaincodeAuthority> authority;  // null without TLS
  std::shared_ptr<tls::ServerContext> tls;        // likewise
  std::unique_ptr<rpc::Server> server;
  rpc::Health health;
  Launcher* launcher = nullptr;  // development mode

  std::mutex mutex;
  bool listening = false;
  std::map<std::string, std::weak_ptr<ShimSession>> expected;  // by package id

  // The endpoint; its port is the listener's where it was left to the system.
  [[nodiscard]] std::string endpoint() const {
    if (!settings.endpoint.ends_with(":0")) return settings.endpoint;
    return settings.endpoint.substr(0, settings.endpoint.size() - 1) + std::to_string(server->port());
  }
  // The session that a stream's first message belongs to. Errors end the stream.
  Result<SessionPtr> admit(BytesView first, const rpc::Peer& peer, std::string& name);
  Status leave_development_pair() const;
};

namespace {

// One process's stream.
class Arrival final : public rpc::StreamHandler {
 public:
  Arrival(ChaincodeListener::State& state, std::shared_ptr<rpc::ServerCall> call) : state_(state), call_(std::move(call)) {}
  ~Arrival() override {
    if (session_) session_->on_closed("connection to " + name_ + " terminated");
  }

  void on_message(Bytes message) override {
    if (ended_) return;
    if (!session_ && !admit(message)) return;
    if (auto taken = session_->on_message(message); !taken) {
      LOG_ERROR(logger(), "error handling message, ending stream package={} reason={}", name_, to_string(taken.error()));
      session_->on_closed(taken.error().message);
      return end(rpc::Status(taken.error()));
    }
    if (unsolicited_ && session_->ready()) {
      unsolicited_ = false;
      state_.launcher->adopt(name_, session_);
    }
  }
  void on_half_close() override {
    LOG_DEBUG(logger(), "received EOF, ending chaincode support stream: EOF");
    if (session_) session_->on_closed("received EOF, ending chaincode support stream");
    end({});
  }
  void on_cancelled(const rpc::Status& why) override {
    if (session_) session_->on_closed("receive from chaincode support stream failed: " + why.to_string());
  }

 private:
  bool admit(const Bytes& first) {
    bool known = false;
    auto session = state_.admit(first, call_->peer(), name_);
    if (session && !*session) {
      auto made = state_.launcher->unsolicited(name_);
      if (made) {
        session = std::move(*made);
        unsolicited_ = true;
      } else {
        session = fail(std::move(made).error());
      }
    } else {
      known = session.has_value();
    }
    if (!session) {
      LOG_WARN(logger(), "chaincode registration refused remoteaddress={} reason={}", call_->peer().address,
               to_string(session.error()));
      end(rpc::Status(session.error()));
      return false;
    }
    LOG_DEBUG(logger(), "chaincode {} dialled from {}{}", name_, call_->peer().address, known ? "" : " by itself");
    session_ = std::move(*session);
    session_->attach(std::make_unique<ServerTransport>(call_));
    return true;
  }
  void end(rpc::Status status) {
    ended_ = true;
    call_->finish(std::move(status));
  }

  ChaincodeListener::State& state_;
  const std::shared_ptr<rpc::ServerCall> call_;
  SessionPtr session_;
  std::string name_;
  bool unsolicited_ = false;
  bool ended_ = false;
};

}  // namespace

Result<SessionPtr> ChaincodeListener::State::admit(BytesView first, const rpc::Peer& peer, std::string& name) {
  protos::ChaincodeMessage message;
  protos::ChaincodeID id;
  if (!message.ParseFromArray(first.data(), static_cast<int>(first.size())) ||
      message.type() != protos::ChaincodeMessage::REGISTER)
    return fail(Code::kUnknown, "First message needs to be a register");
  if (!id.ParseFromString(message.payload()))
    return fail(Code::kUnknown, "error in received REGISTER, could NOT unmarshal registration info");
  if (id.name().empty())
    return fail(Code::kUnknown, "error in handling register chaincode, chaincodeID name is empty", "",
                "start the chaincode with CORE_CHAINCODE_ID_NAME");
  if (authority) SELVAGE_CHECK(authority->check(id.name(), peer.certificate_sha256, clock.now()));
  name = id.name();
  const std::lock_guard lock(mutex);
  const auto found = expected.find(name);
  SessionPtr session = found == expected.end() ? nullptr : found->second.lock();
  if (found != expected.end()) expected.erase(found);  // one process for one start
  if (session && !session->closed()) return session;
  if (launcher == nullptr)
    return fail(Code::kUnknown, "peer will not accept external chaincode connection " + escape(name, 200) +
                                    " (except in dev mode)", "",
                "chaincode is started by the peer, or dialled by it as a service; to start it by hand, run `peer node start "
                "--peer-chaincodedev`");
  return SessionPtr();
}

Status ChaincodeListener::State::leave_development_pair() const {
  SELVAGE_TRY(auto pair, authority->issue_for_all(clock.now()));
  const std::filesystem::path folder = settings.development_folder;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  SELVAGE_CHECK(write_file(folder / "client.crt", pair.certificate_pem, 0600));
  SELVAGE_CHECK(write_file(folder / "client.key", pair.key_pem, 0600));
  SELVAGE_CHECK(write_file(folder / "ca.crt", authority->certificate_pem(), 0600));
  LOG_INFO(logger(), "chaincode in development dials {} with CORE_PEER_TLS_ROOTCERT_FILE={} CORE_TLS_CLIENT_CERT_FILE={} "
                     "CORE_TLS_CLIENT_KEY_FILE={}",
           endpoint(), (folder / "ca.crt").string(), (folder / "client.crt").string(),
           (folder / "client.key").string());
  return {};
}

ChaincodeListener::ChaincodeListener(std::shared_ptr<State> state) : state_(std::move(state)) {}
ChaincodeListener::~ChaincodeListener() { stop(); }

Result<std::unique_ptr<ChaincodeListener>> ChaincodeListener::make(ListenerSettings settings, const Clock& clock,
                                                                   metrics::Provider& metrics) {
  auto state = std::make_shared<State>(std::move(settings), clock);
  rpc::ServerSettings server;
  server.listen_address = state->settings.listen_address;
  server.name = "ChaincodeServer";
  server.handshake_timeout = state->settings.handshake_timeout;
  server.metrics = &metrics;
  if (state->settings.tls) {
    SELVAGE_TRY(state->authority, ChaincodeAuthority::make(clock.now()));
    SELVAGE_TRY(state->tls, state->authority->server_context(host_of(state->settings.endpoint), clock.now()));
    server.tls = state->tls;
  }
  state->server = std::make_unique<rpc::Server>(std::move(server));
  state->server->add_stream("/protos.ChaincodeSupport/Register", [inside = state.get()](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<Arrival>(*inside, std::move(call));
  });
  state->health.add_to(*state->server);
  return std::unique_ptr<ChaincodeListener>(new ChaincodeListener(std::move(state)));
}

void ChaincodeListener::welcome_all(Launcher& launcher) { state_->launcher = &launcher; }

Status ChaincodeListener::start() {
  if (auto started = state_->server->start(); !started) {
    if (state_->settings.required) return started;
    LOG_WARN(logger(), "chaincode that dials the peer cannot be run: {}; set peer.chaincodeListenAddress "
                       "(CORE_PEER_CHAINCODELISTENADDRESS) to a free address",
             started.error().message);
    return {};
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->listening = true;
  }
  if (state_->launcher != nullptr && state_->authority) SELVAGE_CHECK(state_->leave_development_pair());
  return {};
}

void ChaincodeListener::stop() {
  state_->health.shut_down();
  state_->server->stop();
}

std::string ChaincodeListener::address() const { return state_->server->address(); }
const rpc::Server& ChaincodeListener::server() const { return *state_->server; }
const std::shared_ptr<tls::ServerContext>& ChaincodeListener::tls() const { return state_->tls; }

Result<RunConfig> ChaincodeListener::invite(const std::string& package_id) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->listening)
      return fail(Code::kUnavailable, "could not get connection info: the peer has no chaincode listener", "",
                  "set peer.chaincodeListenAddress (CORE_PEER_CHAINCODELISTENADDRESS) to a free address");
  }
  RunConfig out;
  out.chaincode_id = package_id;
  out.peer_address = state_->endpoint();
  out.mspid = state_->settings.mspid;
  if (!state_->authority) return out;
  auto pair = state_->authority->issue(package_id, state_->clock.now());
  if (!pair) return fail(std::move(pair).error().within("could not get connection info"));
  out.client_cert = std::move(pair->certificate_pem);
  out.client_key = std::move(pair->key_pem);
  out.root_cert = state_->authority->certificate_pem();
  return out;
}

void ChaincodeListener::expect(const std::string& package_id, const SessionPtr& session) {
  const std::lock_guard lock(state_->mutex);
  state_->expected[package_id] = session;
}

void ChaincodeListener::forget(const std::string& package_id, const SessionPtr& session) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->expected.find(package_id);
  if (found != state_->expected.end() && found->second.lock() == session) state_->expected.erase(found);
}

}  // namespace selvage::chaincode
