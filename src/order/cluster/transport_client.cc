#include "order/cluster/transport_client.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "order/cluster/cluster_metrics.h"
#include "order/cluster/connections_client.h"
#include "order/cluster/step_stream_client.h"
#include "order/delay_worker.h"
#include "rpc/channel.h"
#include "tls/context.h"
#include "wire/fields.h"

namespace selvage::order::cluster {
namespace {

using std::chrono::milliseconds;

// What is under way to a leader is lost with it, so little is. Bytes.
constexpr size_t kSubmitHigh = 128u << 10;
constexpr auto kSubmitAgain = milliseconds(5);
constexpr auto kLeaveWithin = std::chrono::seconds(2);
constexpr size_t kConsensusHigh = 64u << 20;
constexpr auto kBetweenRefusals = std::chrono::seconds(10);

log::Logger& logger() {
  static log::Logger instance("orderer.common.cluster");
  return instance;
}

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }
auto dropped(std::string why) { return fail(Code::kUnavailable, std::move(why)); }

enum Kind { kConsensus = 0, kTransaction = 1 };
const char* name_of(Kind kind) { return kind == kConsensus ? "consensus" : "transaction"; }

}  // namespace

struct Transport::State : std::enable_shared_from_this<Transport::State> {
  State(Settings s, Parts p)
      : settings(std::move(s)),
        parts(std::move(p)),
        metrics(parts.metrics),
        connections(parts.credentials, [this](const Member& member) { return dial(member); }) {}

  struct Destination {
    Member member;
    std::shared_ptr<StepStream> streams[2];  // by Kind
  };
  struct Group {
    std::map<raft::NodeId, Destination> nodes;
    OnUnreachable on_unreachable;
  };

  Result<std::shared_ptr<StepStream>> stream_to(const std::string& channel, raft::NodeId to, Kind kind,
                                                std::string* host);
  Status submit(const std::string& channel, raft::NodeId to, Bytes& request, const std::function<void()>& room,
                bool* again);
  std::shared_ptr<rpc::Channel> dial(const Member& member) const;
  std::shared_ptr<rpc::Channel> connection_to(const Member& member);
  void leave_later(const std::shared_ptr<StepStream>& old);
  Connections::Channels take_unused();
  void count_streams(const std::string& channel);
  void tell_queue(const StepStream& stream, const std::string& host, Kind kind, const std::string& channel);
  void ended(const std::string& channel, raft::NodeId id, const std::shared_ptr<StepStream>& stream,
             const std::string& why);
  void watch_expiry(StepStream& stream, const std::string& host, const std::string& channel);
  void tell_own_refusal(const std::string& channel, const std::string& endpoint);

  const Settings settings;
  const Parts parts;
  ClusterMetrics metrics;
  std::mutex mutex;
  bool closed = false;
  SteadyTime quiet_until{};
  std::map<std::string, Group> groups;
  Connections connections;
  Delay delay;
};

std::shared_ptr<rpc::Channel> Transport::State::dial(const Member& member) const {
  rpc::ChannelSettings dial;
  dial.targets = {member.endpoint};
  dial.connect_timeout = settings.dial_timeout;
  dial.backoff.base = settings.backoff_base;
  dial.backoff.factor = settings.backoff_factor;
  dial.backoff.max = settings.backoff_max;
  dial.receive_bytes_max = settings.receive_bytes_max;
  dial.send_bytes_max = settings.send_bytes_max;
  dial.idle_timeout = std::chrono::milliseconds(0);
  tls::ClientPolicy policy;
  policy.time_shift = settings.time_shift;
  policy.pin = server_pin(member.endpoint, member.server);
  policy.roots_setting = settings.roots_setting;
  policy.certificate_setting = settings.certificate_setting;
  dial.tls = std::make_shared<tls::ClientContext>(parts.credentials, parts.roots, std::move(policy));
  return rpc::Channel::make(std::move(dial));
}

// Under `mutex`.
std::shared_ptr<rpc::Channel> Transport::State::connection_to(const Member& member) {
  auto connection = connections.to(member);
  metrics.egress_tls_connection_count.set(static_cast<double>(connections.size()));
  return connection;
}

// Under `mutex`: the stream for these messages, a new one when there was none or it is over.
Result<std::shared_ptr<StepStream>> Transport::State::stream_to(const std::string& channel, raft::NodeId to, Kind kind,
                                                                std::string* host) {
  if (closed) return dropped("communication has been shut down");
  const auto group = groups.find(channel);
  if (group == groups.end()) return dropped(fmt::format("channel {} doesn't exist", channel));
  const auto found = group->second.nodes.find(to);
  if (found == group->second.nodes.end()) {
    return dropped(fmt::format("node {} doesn't exist in channel {}'s membership", to, channel));
  }
  Destination& node = found->second;
  *host = node.member.endpoint;
  auto& stream = node.streams[kind];
  const bool flows = stream && !stream->over;
  const uint64_t version = connections.version();
  if (flows && stream->credentials == version) return stream;
  const auto connection = connection_to(node.member);
  if (flows) {
    // Our certificate was replaced, and with it maybe the key by which the others know us: they soon take nothing more that comes
    // under the old one. Until the new connection stands, the old one goes on.
    const auto state = connection->state();
    if (state == rpc::ChannelState::kIdle || state == rpc::ChannelState::kTransientFailure) {
      delay.run_at(steady_now(), [connection] { (void)connection->wait_ready(milliseconds(0)); });  // wakes it
    }
    if (state != rpc::ChannelState::kReady) return stream;
    leave_later(stream);
  }
  if (connection->state() == rpc::ChannelState::kTransientFailure) {
    const auto failure = connection->last_failure();
    return dropped(failure ? failure->message
                           : fmt::format("connection to {}({}) is in state TRANSIENT_FAILURE", to, *host));
  }
  if (kind == kTransaction && connection->state() == rpc::ChannelState::kConnecting) {
    return dropped(fmt::format("connection to {}({}) is in state CONNECTING", to, *host));
  }
  stream =
      StepStream::open(connection, [weak = weak_from_this(), channel, to](const auto& ended, const std::string& why) {
        if (auto state = weak.lock()) state->ended(channel, to, ended, why);
      });
  stream->credentials = version;
  LOG_DEBUG(logger(), "Created new {} stream to {}({}) for channel {}", name_of(kind), to, *host, channel);
  count_streams(channel);
  return stream;
}

// Under `mutex`: what was written still goes out, and whoever waits for room is woken for the next stream, both without it.
void Transport::State::leave_later(const std::shared_ptr<StepStream>& old) {
  delay.run_at(steady_now(), [old] { old->leave("our certificate was replaced"); });
  delay.run_at(steady_now() + kLeaveWithin, [old, weak = weak_from_this()] {
    old->abort("our certificate was replaced");
    const auto state = weak.lock();
    if (!state) return;
    Connections::Channels unused;
    {
      std::lock_guard lock(state->mutex);
      unused = state->take_unused();
    }
    for (const auto& connection : unused) connection->close();
  });
}

// Under `mutex`.
void Transport::State::count_streams(const std::string& channel) {
  size_t count = 0;
  const auto group = groups.find(channel);
  if (group != groups.end()) {
    for (const auto& [id, node] : group->second.nodes) {
      for (const auto& stream : node.streams) count += stream && !stream->over ? 1 : 0;
    }
  }
  metrics.egress_stream_count.with({channel}).set(static_cast<double>(count));
  metrics.egress_queue_workers.with({channel}).set(static_cast<double>(count));
}

// Under the stream's mutex.
void Transport::State::tell_queue(const StepStream& stream, const std::string& host, Kind kind,
                                  const std::string& channel) {
  const metrics::LabelValues labels{host, name_of(kind), channel};
  metrics.egress_queue_length.with(labels).set(static_cast<double>(stream.queued.size()));
  metrics.egress_queue_capacity.with(labels).set(static_cast<double>(settings.send_buffer));
}

void Transport::State::ended(const std::string& channel, raft::NodeId id, const std::shared_ptr<StepStream>& stream,
                             const std::string& why) {
  OnUnreachable tell;
  {
    std::lock_guard lock(mutex);
    const auto group = groups.find(channel);
    if (closed || group == groups.end()) return;
    const auto node = group->second.nodes.find(id);
    if (node == group->second.nodes.end()) return;
    const auto& streams = node->second.streams;
    if (streams[kConsensus] != stream && streams[kTransaction] != stream) return;
    LOG_DEBUG(logger(), "Stream to {}({}) for channel {} ended: {}", id, node->second.member.endpoint, channel, why);
    if (why.find("certificate extracted from TLS connection isn't authorized") != std::string::npos) {
      tell_own_refusal(channel, node->second.member.endpoint);
    }
    if (streams[kConsensus] == stream) tell = group->second.on_unreachable;
    count_streams(channel);
  }
  if (tell) tell(id);
}

// Under `mutex`. Raft tries again and again: once in a while is enough.
void Transport::State::tell_own_refusal(const std::string& channel, const std::string& endpoint) {
  const auto ours = parts.credentials ? parts.credentials->current() : nullptr;
  if (!ours || parts.clock.steady() < quiet_until) return;
  quiet_until = parts.clock.steady() + kBetweenRefusals;
  LOG_WARN(logger(), "{}", describe_own_refusal(channel, endpoint, ours->leaf()));
}

// Under `mutex`: the connections that no channel needs any more.
Connections::Channels Transport::State::take_unused() {
  std::set<Bytes> used;
  std::set<const rpc::Channel*> carrying;
  for (const auto& [name, group] : groups) {
    for (const auto& [id, node] : group.nodes) {
      used.insert(Connections::key_of(node.member));
      for (const auto& stream : node.streams) {
        if (stream && !stream->over) carrying.insert(stream->connection.lock().get());
      }
    }
  }
  auto unused = connections.take_unused(used, [&](const rpc::Channel& old) { return carrying.contains(&old); });
  metrics.egress_tls_connection_count.set(static_cast<double>(connections.size()));
  return unused;
}

// Under the stream's mutex.
void Transport::State::watch_expiry(StepStream& stream, const std::string& host, const std::string& channel) {
  const auto now = std::chrono::floor<std::chrono::seconds>(parts.clock.now());
  if (!stream.expiry) {
    const auto peer = stream.call->peer();
    if (!peer) return;
    const auto certificate = crypto::Certificate::from_der(peer->certificate);
    if (!certificate) return;
    stream.expiry.emplace(certificate->not_after(), settings.expiry_warning);
    stream.server_name = certificate->common_name();
  }
  if (!stream.expiry->due(now)) return;
  static log::Logger step("orderer.common.cluster.step");
  LOG_WARN(step, "{}", stream.expiry->text(stream.server_name, host, channel, now));
}

Transport::Transport(Settings settings, Parts parts)
    : state_(std::make_shared<State>(std::move(settings), std::move(parts))) {}
Transport::~Transport() { shut_down(); }

void Transport::configure(const std::string& channel, Members members, OnUnreachable on_unreachable) {
  std::vector<std::shared_ptr<StepStream>> gone;
  Connections::Channels unused;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    auto& group = state_->groups[channel];
    group.on_unreachable = std::move(on_unreachable);
    std::map<raft::NodeId, State::Destination> nodes;
    for (Member& member : members) {
      const raft::NodeId id = member.id;
      State::Destination node{std::move(member), {}};
      if (auto old = group.nodes.find(id); old != group.nodes.end()) {
        if (Connections::key_of(old->second.member) == Connections::key_of(node.member)) {
          for (int kind : {kConsensus, kTransaction}) node.streams[kind] = std::move(old->second.streams[kind]);
        } else {
          LOG_INFO(logger(), "Deactivating node {} in channel {} with endpoint of {} due to TLS certificate change", id,
                   channel, old->second.member.endpoint);
        }
      } else {
        LOG_INFO(logger(), "Allocating a new stub for node {} with endpoint of {} for channel {}", id,
                 node.member.endpoint, channel);
      }
      nodes.emplace(id, std::move(node));
    }
    for (auto& [id, node] : group.nodes) {
      if (!nodes.contains(id)) {
        LOG_INFO(logger(), "Deactivated node {} who's endpoint is {} as it's removed from membership", id,
                 node.member.endpoint);
      }
      for (auto& stream : node.streams) gone.push_back(std::move(stream));
    }
    group.nodes = std::move(nodes);
    unused = state_->take_unused();
    state_->count_streams(channel);
  }
  std::erase(gone, nullptr);
  // Whose key was changed, or who was removed, is to hear of that: the commit of this very configuration was just sent.
  for (const auto& stream : gone) stream->leave("aborted");
  if (gone.empty() && unused.empty()) return;
  state_->delay.run_at(steady_now() + kLeaveWithin, [gone = std::move(gone), unused = std::move(unused)] {
    for (const auto& stream : gone) stream->abort("aborted");
    for (const auto& connection : unused) connection->close();
  });
}

void Transport::forget(const std::string& channel) {
  configure(channel, {}, nullptr);
  std::lock_guard lock(state_->mutex);
  state_->groups.erase(channel);
}

void Transport::shut_down() {
  std::vector<std::shared_ptr<StepStream>> gone;
  Connections::Channels connections;
  {
    std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->closed, true)) return;
    for (auto& [name, group] : state_->groups) {
      for (auto& [id, node] : group.nodes) {
        for (auto& stream : node.streams) gone.push_back(std::move(stream));
      }
    }
    state_->groups.clear();
    connections = state_->connections.take_all();
  }
  state_->delay.stop();
  for (const auto& stream : gone) {
    if (stream) stream->abort("communication has been shut down");
  }
  for (const auto& connection : connections) connection->close();
}

Status Transport::send(const std::string& channel, raft::NodeId to, BytesView message, BytesView metadata) {
  std::string host;
  std::shared_ptr<StepStream> stream;
  {
    std::lock_guard lock(state_->mutex);
    SELVAGE_TRY(stream, state_->stream_to(channel, to, kConsensus, &host));
  }
  const auto started = steady_now();
  Bytes consensus, request;
  consensus.reserve(message.size() + metadata.size() + channel.size() + 16);
  wire::append_bytes_field(consensus, 1, channel);
  wire::append_bytes_field(consensus, 2, message);
  wire::append_bytes_field(consensus, 3, metadata);
  request.reserve(consensus.size() + 8);
  wire::append_bytes_field(request, 1, consensus);
  std::unique_lock lock(stream->mutex);
  const size_t left = stream->settle();
  state_->watch_expiry(*stream, host, channel);
  state_->tell_queue(*stream, host, kConsensus, channel);
  const bool still = !stream->queued.empty() && started - stream->moved_at > state_->settings.rpc_timeout;
  if (still || stream->queued.size() >= state_->settings.send_buffer || left > kConsensusHigh) {
    lock.unlock();
    const char* why = still ? "rpc timeout expired" : "send queue overflown";
    LOG_WARN(logger(), "The stream to {}({}) for channel {} is given up: {}", to, host, channel, why);
    state_->metrics.msg_dropped_count.with({host, channel}).add(1);
    stream->abort(why);
    return dropped(why);
  }
  stream->push(std::move(request));
  lock.unlock();
  state_->metrics.msg_send_time.with({host, channel})
      .observe(std::chrono::duration<double>(steady_now() - started).count());
  return {};
}

Status Transport::submit(const std::string& channel, raft::NodeId to, BytesView envelope, uint64_t validated_at,
                         std::function<void()> room) {
  Bytes transaction, request;
  transaction.reserve(envelope.size() + channel.size() + 24);
  wire::append_bytes_field(transaction, 1, channel);
  wire::append_varint_field(transaction, 2, validated_at);
  wire::append_bytes_field(transaction, 3, envelope);
  request.reserve(transaction.size() + 8);
  wire::append_bytes_field(request, 2, transaction);
  bool again = false;
  Status submitted = state_->submit(channel, to, request, room, &again);
  return again ? state_->submit(channel, to, request, room, &again) : submitted;
}

// `request` is taken once it is written; `again`: it was not, as the stream was left for another one in the meantime.
Status Transport::State::submit(const std::string& channel, raft::NodeId to, Bytes& request,
                                const std::function<void()>& room, bool* again) {
  std::string host;
  std::shared_ptr<StepStream> stream;
  {
    std::lock_guard lock(mutex);
    SELVAGE_TRY(stream, stream_to(channel, to, kTransaction, &host));
  }
  {
    std::unique_lock lock(stream->mutex);
    const size_t left = stream->settle();
    tell_queue(*stream, host, kTransaction, channel);
    if (!stream->over && left > kSubmitHigh) {
      if (steady_now() - stream->moved_at > settings.rpc_timeout) {
        lock.unlock();
        stream->abort("rpc timeout expired");
        return dropped(
            fmt::format("timed out ({}s) waiting on forwarding to {}",
                        std::chrono::duration_cast<std::chrono::seconds>(settings.rpc_timeout).count(), to));
      }
      stream->waiting_for_room.push_back(room);
      if (stream->waiting_for_room.size() == 1) {
        delay.run_at(steady_now() + kSubmitAgain, [stream] { stream->wake(); });
      }
      return fail(Code::kResourceExhausted, "the stream to the leader is full");
    }
  }
  std::lock_guard lock(stream->mutex);
  *again = stream->left;
  if (stream->over) return dropped(stream->why.empty() ? "aborted" : stream->why);
  stream->push(std::move(request));
  return {};
}

bool Transport::connected(const std::string& channel, raft::NodeId id) const {
  std::lock_guard lock(state_->mutex);
  const auto group = state_->groups.find(channel);
  if (state_->closed || group == state_->groups.end()) return false;
  const auto node = group->second.nodes.find(id);
  if (node == group->second.nodes.end()) return false;
  const auto connection = state_->connections.find(node->second.member);
  return connection && connection->state() == rpc::ChannelState::kReady;
}

void Transport::heard_of(const std::string& channel, raft::NodeId id) {
  std::shared_ptr<rpc::Channel> connection;
  {
    std::lock_guard lock(state_->mutex);
    const auto group = state_->groups.find(channel);
    if (state_->closed || group == state_->groups.end()) return;
    const auto node = group->second.nodes.find(id);
    if (node == group->second.nodes.end()) return;
    connection = state_->connection_to(node->second.member);
  }
  if (connection->state() == rpc::ChannelState::kTransientFailure) {
    (void)connection->wait_ready(milliseconds(0));  // wakes it; does not wait
  }
}

}  // namespace selvage::order::cluster
