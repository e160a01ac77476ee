#include "order/cluster/step_service.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"
#include "order/chain_worker.h"
#include "order/cluster/cluster_metrics.h"
#include "order/cluster/transport_client.h"
#include "order/msg_processor.h"
#include "order/raft/codec.h"
#include "order/registrar.h"
#include "orderer/cluster.pb.h"
#include "rpc/server.h"
#include "wire/marshal.h"

namespace selvage::order::cluster {

struct StepService::Shared {
  Shared(Settings s, Registrar& r, metrics::Provider& provider, const Clock& c)
      : settings(s), registrar(r), metrics(provider), clock(c) {}
  Settings settings;
  Registrar& registrar;
  ClusterMetrics metrics;
  const Clock& clock;
  std::atomic<int> streams{0};
  std::atomic<int64_t> quiet_until{0};  // seconds: refusals are told once in a while only
};

namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.cluster");
  return instance;
}

constexpr int64_t kBetweenRefusals = 10;  // seconds
// A consenter whose key was replaced hears of that from us, and has transactions under way to us until then.
constexpr auto kOldKeyGoesOnFor = std::chrono::seconds(10);

// One stream of another orderer. All on its connection's loop, but for the call's handle.
class Stream final : public rpc::StreamHandler {
 public:
  Stream(std::shared_ptr<StepService::Shared> shared, std::shared_ptr<rpc::ServerCall> call)
      : shared_(std::move(shared)), call_(std::move(call)), state_(std::make_shared<State>()) {
    const auto& peer = call_->peer();
    if (auto certificate = crypto::Certificate::from_der(peer.certificate)) {
      name_ = certificate->common_name();
      expiry_.emplace(certificate->not_after(), shared_->settings.expiry_warning);
    }
    LOG_DEBUG(logger(), "Connection from {}({})", name_, peer.address);
    shared_->metrics.ingress_stream_count.set(++shared_->streams);
  }
  ~Stream() override {
    LOG_DEBUG(logger(), "Closing connection from {}({})", name_, call_->peer().address);
    shared_->metrics.ingress_stream_count.set(--shared_->streams);
    std::lock_guard lock(state_->mutex);
    state_->over = true;
  }

  void on_message(Bytes bytes) override {
    if (ended_) return;
    auto request = wire::parse<::orderer::StepRequest>(bytes);
    if (!request) return end(Code::kInternal, "grpc: error unmarshalling request: " + request.error().message);
    if (request->has_submit_request()) return submit(*request->mutable_submit_request());
    if (request->has_consensus_request()) return consensus(*request->mutable_consensus_request());
    end(Code::kUnknown, "message is neither a Submit nor a Consensus request");
  }
  void on_half_close() override { call_->finish(rpc::Status()); }

 private:
  // Shared with whoever tells that there is room again.
  struct State {
    std::mutex mutex;
    bool over = false;
  };

  void end(Code code, std::string why) {
    ended_ = true;
    call_->finish({code, std::move(why)});
  }

  // The chain, when the certificate of this connection is that of one of its consenters; else the stream has ended.
  std::shared_ptr<ChainWorker> chain_of(const std::string& channel) {
    if (channel.empty()) {
      end(Code::kUnknown, "badly formatted message, cannot extract channel");
      return nullptr;
    }
    auto chain = shared_->registrar.chain(channel);
    if (!chain) {
      end(Code::kUnknown, "channel " + channel.substr(0, 250) + " doesn't exist");
      return nullptr;
    }
    const auto members = chain->members();
    if (members != members_ || channel != channel_) {
      const auto& peer = call_->peer();
      if (peer.certificate.empty()) {
        end(Code::kUnknown, "no TLS certificate sent");
        return nullptr;
      }
      const Member* sender = sender_of(*members, peer.certificate);
      if (sender == nullptr && channel == channel_ && goes_on(*members)) return chain;
      if (sender == nullptr) {
        const auto now = shared_->clock.now().time_since_epoch() / std::chrono::seconds(1);
        if (now >= shared_->quiet_until.load()) {
          shared_->quiet_until = now + kBetweenRefusals;
          LOG_WARN(logger(), "Refusing messages for channel {}: {}", channel,
                   describe_stranger(*members, channel, peer.address, peer.certificate));
        }
        end(Code::kUnknown, "certificate extracted from TLS connection isn't authorized");
        return nullptr;
      }
      members_ = members;
      channel_ = channel;
      sender_ = sender->id;
      shared_->registrar.heard_of(channel, sender_);
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(shared_->clock.now());
    if (expiry_ && expiry_->due(now)) LOG_WARN(logger(), "{}", expiry_->text(name_, call_->peer().address, channel, now));
    return chain;
  }

  // Was this stream let in as one of a consenter that is still there, whose key was replaced a moment ago?
  [[nodiscard]] bool goes_on(const Members& members) const {
    const auto still = std::find_if(members.begin(), members.end(), [&](const Member& one) { return one.id == sender_; });
    return still != members.end() && std::chrono::steady_clock::now() - still->client_since < kOldKeyGoesOnFor;
  }

  void consensus(::orderer::ConsensusRequest& request) {
    const auto chain = chain_of(request.channel());
    if (!chain) return;
    auto message = raft::decode_message(request.payload());
    if (!message) {
      return end(Code::kUnknown, "failed to unmarshal StepRequest payload to Raft Message: " + message.error().message);
    }
    auto taken = chain->step(sender_, std::move(*message), std::move(*request.mutable_metadata()));
    if (taken || taken.error().code == Code::kResourceExhausted) return;  // Raft copes with lost messages
    end(Code::kUnknown, taken.error().message);
  }

  void submit(::orderer::SubmitRequest& request) {
    auto chain = chain_of(request.channel());
    if (!chain) return;
    auto submission = std::make_shared<Submission>();
    submission->envelope = wire::marshal(request.payload());
    submission->message_bytes = request.payload().payload().size() + request.payload().signature().size();
    submission->validated_at = request.last_validation_seq();
    submission->forwarded = true;
    const auto message = read_message(submission->envelope);
    if (!message) {
      LOG_WARN(logger(), "A transaction for channel {} from {} is no message: {}", channel_, call_->peer().address,
               message.error().message);
      return;
    }
    submission->config = classify(message->channel.type) == MessageClass::kConfig;
    order(state_, chain, call_, submission);
  }

  // True: it is in line, or the stream has ended. False: the stream's window is closed until there is room.
  static bool order(const std::shared_ptr<State>& state, const std::shared_ptr<ChainWorker>& chain,
                    const std::shared_ptr<rpc::ServerCall>& call, const std::shared_ptr<Submission>& submission) {
    std::string why;
    auto taken = ChainWorker::Taken::kStopped;
    {
      std::lock_guard lock(state->mutex);  // so that resume() cannot come before pause()
      if (state->over) return true;
      const auto room = [state, chain, call, submission] {
        if (order(state, chain, call, submission)) call->resume();
      };
      taken = chain->order(*submission, room, &why);
      if (taken == ChainWorker::Taken::kFull) {
        call->pause();
        return false;
      }
    }
    if (taken == ChainWorker::Taken::kYes) return true;
    why = ChainWorker::refusal(taken, why);
    LOG_WARN(logger(), "Handling of Submit() from {} failed: {}", call->peer().address, why);
    call->finish({Code::kUnknown, why});
    return true;
  }

  const std::shared_ptr<StepService::Shared> shared_;
  const std::shared_ptr<rpc::ServerCall> call_;
  const std::shared_ptr<State> state_;
  std::string name_ = "unidentified node";
  std::optional<ExpiryWarning> expiry_;
  MembersPtr members_;  // for which sender_ was found
  std::string channel_;
  raft::NodeId sender_ = raft::kNone;
  bool ended_ = false;
};

}  // namespace

StepService::StepService(Settings settings, Registrar& registrar, metrics::Provider& metrics, const Clock& clock)
    : shared_(std::make_shared<Shared>(settings, registrar, metrics, clock)) {}
StepService::~StepService() = default;

void StepService::add_to(rpc::Server& server) {
  server.add_stream("/orderer.Cluster/Step", [shared = shared_](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<Stream>(shared, std::move(call));
  });
}

}  // namespace selvage::order::cluster
