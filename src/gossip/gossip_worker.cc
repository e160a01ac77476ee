#include "gossip/gossip_worker.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "gossip/comm/gossip_service.h"
#include "gossip/core.h"

namespace selvage::gossip {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.gossip");
  return instance;
}

}  // namespace

struct Gossip::State final : Transport::Home {
  State(Settings given, TransportSettings transport_settings, Parts given_parts, Events given_events)
      : settings(std::move(given)), parts(given_parts), events(std::move(given_events)), metrics(parts.metrics),
        core(settings, parts.crypto, parts.random, metrics, now()),
        transport(settings, std::move(transport_settings), parts.crypto, metrics, *this) {}

  using Answered = std::function<void(Result<MessagePtr>)>;
  struct Question {
    Answered done;
    SteadyTime until;
  };

  const Settings settings;
  const Parts parts;
  const Events events;
  Metrics metrics;
  mutable std::mutex core_mutex;
  Core core;  // under core_mutex
  Transport transport;
  std::map<std::pair<uint64_t, Bytes>, Question> questions;  // gossip's thread

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> tasks;
  bool stopping = false;
  bool stopped = false;
  std::thread thread;

  // Transport::Home
  bool post(std::function<void()> task) override {
    std::lock_guard lock(mutex);
    if (stopping) return false;
    tasks.push_back(std::move(task));
    wake.notify_one();
    return true;
  }
  Now now() const override { return {parts.clock.steady(), parts.clock.now()}; }
  Result<Greeting> greet(const SignedMessage& message, const TlsFacts& tls, const std::string& address) override {
    std::lock_guard lock(core_mutex);
    return check_handshake(message, tls, address, parts.crypto, core.identities(), now());
  }
  void received(const SenderPtr& from, const MessagePtr& message) override {
    if (answers(from, message)) return;
    on_core([&](Core& c) { c.received(from, message, now()); });
  }
  void dialled(const std::string& endpoint, Result<SenderPtr> outcome) override {
    on_core([&](Core& c) { c.dialled(endpoint, std::move(outcome), now()); });
  }
  void unreachable(const Bytes& pki_id) override {
    on_core([&](Core& c) { c.unreachable(pki_id, now()); });
  }
  void replaced(const Bytes& old_pki_id) override {
    on_core([&](Core& c) { c.replaced(old_pki_id, now()); });
  }
  std::string org_of(const Bytes& pki_id) override {
    std::lock_guard lock(core_mutex);
    return core.identities().org_of(pki_id);
  }

  // What the core wants done is done once all that led to it is over: sending may lead to the core again.
  template <class Fn>
  void on_core(Fn fn) {
    Outbox out;
    {
      std::lock_guard lock(core_mutex);
      fn(core);
      out = core.take_output();
    }
    for (const auto& endpoint : out.dials) transport.connect(endpoint);
    for (const auto& one : out.sends) transport.send(one.to, one.message);
    for (const auto& one : out.arrivals) {
      if (events.arrived && !one.message->message.has_ack()) events.arrived(one);
    }
    for (const auto& one : out.leaderships) {
      if (events.leadership) events.leadership(one.channel, one.leader);
    }
    for (const auto& pki_id : out.closes) transport.close_peer(pki_id);
  }

  bool answers(const SenderPtr& from, const MessagePtr& message) {
    if (!message->message.has_ack() && !message->message.has_privateres()) return false;
    const auto found = questions.find({message->message.nonce(), from->pki_id});
    if (found == questions.end()) return message->message.has_ack();
    const Answered done = std::move(found->second.done);
    questions.erase(found);
    done(message);
    return true;
  }

  void give_up_late(SteadyTime time) {
    std::vector<Answered> late;
    std::erase_if(questions, [&](auto& item) {
      if (time < item.second.until) return false;
      late.push_back(std::move(item.second.done));
      return true;
    });
    for (const auto& done : late) done(fail(Code::kDeadlineExceeded, "timed out"));
  }

  SteadyTime next_due() {
    SteadyTime next = transport.next_due();
    for (const auto& [key, question] : questions) next = std::min(next, question.until);
    std::lock_guard lock(core_mutex);
    return std::min(next, core.next_due());
  }

  void run() {
    while (true) {
      const SteadyTime due = next_due();
      std::deque<std::function<void()>> batch;
      {
        std::unique_lock lock(mutex);
        const auto ready = [&] { return stopping || !tasks.empty(); };
        if (due == SteadyTime::max()) {
          wake.wait(lock, ready);
        } else {
          wake.wait_until(lock, due, ready);
        }
        if (stopping) break;
        batch = std::exchange(tasks, {});
      }
      for (auto& task : batch) task();
      const Now time = now();
      transport.tick(time);
      give_up_late(time.steady);
      on_core([&](Core& c) {
        if (time.steady >= c.next_due()) c.tick(time);
      });
    }
    transport.close_all();
    give_up_late(SteadyTime::max());
  }

  PeerInfo info_of(const Member& member) const {
    PeerInfo info;
    info.pki_id = member.pki_id;
    if (const auto* identity = core.identities().look(member.pki_id)) {
      info.identity = identity->identity;
      info.org = identity->org;
    }
    info.endpoint = member.endpoint;
    info.internal_endpoint = member.internal_endpoint;
    info.alive = member.alive->envelope;
    return info;
  }
  static void add_state(PeerInfo& info, const MessagePtr& state_info) {
    const auto& properties = state_info->message.state_info().properties();
    info.state_info = state_info->envelope;
    info.height = properties.ledger_height();
    for (const auto& chaincode : properties.chaincodes()) info.chaincodes.push_back({chaincode.name(), chaincode.version()});
  }
};

Gossip::Gossip(Settings settings, TransportSettings transport, Parts parts, Events events)
    : state_(std::make_unique<State>(std::move(settings), std::move(transport), parts, std::move(events))) {
  LOG_INFO(log::Logger("gossip.service"), "Initialize gossip with endpoint {}", state_->settings.endpoint);
  if (state_->settings.external_endpoint.empty()) {
    LOG_WARN(logger(), "External endpoint is empty, peer will not be accessible outside of its organization");
  }
}

Gossip::~Gossip() { stop(); }

void Gossip::add_to(rpc::Server& server) {
  State& s = *state_;
  add_gossip_service(server, s.settings.receive_queue, s.transport.events(),
                     [&s](const StreamPtr& stream) { return s.transport.opened(stream); });
}

void Gossip::start() {
  state_->thread = std::thread([this] { state_->run(); });
  LOG_INFO(logger(), "Gossip instance {} started", state_->settings.endpoint);
}

void Gossip::stop() {
  State& s = *state_;
  {
    std::lock_guard lock(s.mutex);
    if (s.stopped) return;
    s.stopping = s.stopped = true;
    s.wake.notify_all();
  }
  LOG_INFO(logger(), "Stopping gossip");
  if (s.thread.joinable()) s.thread.join();
}

void Gossip::set_channel(ChannelConfig config) {
  state_->post([s = state_.get(), config = std::move(config)] {
    s->on_core([&](Core& core) { core.set_channel(config, s->now()); });
  });
}
void Gossip::leave_channel(const std::string& channel) {
  state_->post([s = state_.get(), channel] { s->on_core([&](Core& core) { core.leave_channel(channel, s->now()); }); });
}
void Gossip::set_height(const std::string& channel, uint64_t height) {
  state_->post([s = state_.get(), channel, height] {
    s->on_core([&](Core& core) { core.set_height(channel, height, s->now()); });
  });
}
void Gossip::set_chaincodes(const std::string& channel, std::vector<ChaincodeInfo> chaincodes) {
  state_->post([s = state_.get(), channel, chaincodes = std::move(chaincodes)] {
    s->on_core([&](Core& core) { core.set_chaincodes(channel, chaincodes, s->now()); });
  });
}
void Gossip::yield_leadership(const std::string& channel) {
  state_->post([s = state_.get(), channel] { s->on_core([&](Core& core) { core.yield_leadership(channel, s->now()); }); });
}
void Gossip::set_transfer_height(const std::string& channel, uint64_t height) {
  std::lock_guard lock(state_->core_mutex);
  state_->core.set_transfer_height(channel, height);
}
bool Gossip::take_state_answer(const ::gossip::GossipMessage& message, const Bytes& from) {
  std::lock_guard lock(state_->core_mutex);
  return state_->core.take_state_answer(message, from, state_->now());
}
void Gossip::state_taken(const std::string& channel, bool all_good) {
  state_->post([s = state_.get(), channel, all_good] {
    s->on_core([&](Core& core) { core.state_taken(channel, all_good, s->now()); });
  });
}
void Gossip::pass_block_on(const MessagePtr& block, const Bytes& except) {
  state_->post([s = state_.get(), block, except] {
    s->on_core([&](Core& core) { core.pass_block_on(block, except, s->now()); });
  });
}

void Gossip::send(const Target& to, ::gossip::GossipMessage message) {
  state_->post([s = state_.get(), to, made = make_unsigned(std::move(message))] { s->transport.send(to, made); });
}

void Gossip::ask(const Target& to, ::gossip::GossipMessage message, Milliseconds timeout,
                 std::function<void(Result<MessagePtr>)> done) {
  const uint64_t nonce = make_nonce(state_->parts.random);
  message.set_nonce(nonce);
  const bool posted = state_->post([s = state_.get(), to, nonce, timeout, done, made = make_unsigned(std::move(message))] {
    s->questions[{nonce, to.pki_id}] = {done, s->now().steady + timeout};
    s->transport.send(to, made);
  });
  if (!posted) done(fail(Code::kCancelled, "the peer is stopping"));
}

std::vector<PeerInfo> Gossip::peers_of_channel(const std::string& channel) const {
  std::lock_guard lock(state_->core_mutex);
  std::vector<PeerInfo> infos;
  for (const auto& peer : state_->core.peers_of(channel)) {
    infos.push_back(state_->info_of(peer.member));
    State::add_state(infos.back(), peer.state_info);
  }
  return infos;
}

std::vector<PeerInfo> Gossip::members() const {
  std::lock_guard lock(state_->core_mutex);
  std::vector<PeerInfo> infos;
  state_->core.membership().for_each_alive([&](const Member& member) { infos.push_back(state_->info_of(member)); });
  return infos;
}

PeerInfo Gossip::self(const std::string& channel) const {
  std::lock_guard lock(state_->core_mutex);
  PeerInfo info;
  info.self = true;
  info.pki_id = state_->core.membership().self().pki_id;
  info.identity = state_->parts.crypto.own_identity();
  info.org = state_->core.own_org();
  info.endpoint = state_->settings.external_endpoint;
  info.internal_endpoint = state_->settings.endpoint;
  if (const MessagePtr alive = state_->core.own_alive(state_->now())) info.alive = alive->envelope;
  const ChannelView* view = state_->core.channel(channel);
  if (view != nullptr && view->own()) State::add_state(info, view->own());
  return info;
}

std::vector<std::pair<Bytes, Bytes>> Gossip::identities() const {
  std::lock_guard lock(state_->core_mutex);
  std::vector<std::pair<Bytes, Bytes>> all;
  for (const auto& [id, entry] : state_->core.identities().all()) all.emplace_back(id, entry.identity);
  return all;
}

}  // namespace selvage::gossip
