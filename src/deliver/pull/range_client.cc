#include "deliver/pull/range_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <thread>
#include <utility>

#include "common/common.pb.h"
#include "deliver/pull/block_verifier.h"
#include "orderer/ab.pb.h"
#include "rpc/channel.h"
#include "rpc/why_refused.h"
#include "tls/context.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::deliver {
namespace {

constexpr const char* kDeliver = "/orderer.AtomicBroadcast/Deliver";

auto unavailable(std::string why) { return fail(Code::kUnavailable, std::move(why)); }
auto cancelled() { return fail(Code::kCancelled, "pulling of blocks was stopped"); }

}  // namespace

RangeClient::RangeClient(std::string channel, RangeSettings settings, wire::Signer signer, const Clock& clock,
                         Random& random)
    : channel_(std::move(channel)),
      settings_(std::move(settings)),
      signer_(std::move(signer)),
      clock_(clock),
      random_(random),
      logger_(log::Logger("orderer.common.cluster.puller").with("channel", channel_)) {}

RangeClient::~RangeClient() { stop(); }

void RangeClient::stop() {
  std::vector<std::shared_ptr<rpc::Channel>> open;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    open = open_;
  }
  for (const auto& channel : open) channel->close();
}

bool RangeClient::stopped() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

std::shared_ptr<rpc::Channel> RangeClient::dial(const Endpoint& endpoint) {
  rpc::ChannelSettings settings;
  settings.targets = {endpoint.address};
  settings.connect_timeout = settings_.dial_timeout;
  settings.idle_timeout = std::chrono::milliseconds(0);
  tls::ClientPolicy policy;
  policy.time_shift = settings_.time_shift;
  std::vector<tls::Root> roots = endpoint.roots;
  if (settings_.more_roots) {
    const auto more = settings_.more_roots->current();
    roots.insert(roots.end(), more->roots().begin(), more->roots().end());
  }
  settings.tls = std::make_shared<tls::ClientContext>(settings_.credentials,
                                                      std::make_shared<tls::TrustStore>(std::move(roots)), policy);
  auto channel = rpc::Channel::make(std::move(settings));
  std::lock_guard lock(mutex_);
  if (stopping_) channel->close();
  open_.push_back(channel);
  return channel;
}

void RangeClient::done_with(const std::shared_ptr<rpc::Channel>& channel) {
  channel->close();
  std::lock_guard lock(mutex_);
  std::erase(open_, channel);
}

// Without `from` the newest block, whatever follows; without `until` there is no end.
Result<Bytes> RangeClient::seek(std::optional<uint64_t> from, std::optional<uint64_t> until) const {
  ::orderer::SeekInfo info;
  if (from) {
    info.mutable_start()->mutable_specified()->set_number(*from);
  } else {
    info.mutable_start()->mutable_newest();
  }
  info.mutable_stop()->mutable_specified()->set_number(until.value_or(std::numeric_limits<uint64_t>::max()));
  info.set_behavior(::orderer::SeekInfo::BLOCK_UNTIL_READY);
  info.set_error_response(::orderer::SeekInfo::BEST_EFFORT);
  wire::EnvelopeOptions options;
  if (settings_.credentials) {
    if (auto ours = settings_.credentials->current()) options.tls_cert_hash = ours->leaf().sha256();
  }
  SELVAGE_TRY(const ::common::Envelope envelope, wire::make_signed_envelope(::common::DELIVER_SEEK_INFO, channel_, signer_,
                                                                            info, clock_.now(), random_, options));
  return wire::marshal(envelope);
}

Status RangeClient::receive(rpc::Channel& channel, const Endpoint& endpoint, Bytes request,
                            const std::function<Result<bool>(std::shared_ptr<::common::Block>)>& each) {
  if (stopped()) return cancelled();
  if (auto ready = channel.wait_ready(settings_.dial_timeout); !ready) {
    if (stopped()) return cancelled();
    return fail(ready.error().within("could not dial endpoint '" + endpoint.address + "'"));
  }
  const auto own = settings_.own_listener ? settings_.own_listener->current() : nullptr;
  if (const auto peer = channel.peer(); peer && own && peer->certificate == own->leaf().der()) {
    return fail(Code::kFailedPrecondition, "endpoint '" + endpoint.address + "' is this orderer itself");
  }
  // A node that falls silent is given up: the watch cancels the call.
  struct Watch {
    std::mutex mutex;
    std::condition_variable wake;
    std::chrono::steady_clock::time_point until;
    bool end = false, fired = false;
  } watch;
  const auto give = [&](std::chrono::milliseconds time) {
    std::lock_guard lock(watch.mutex);
    watch.until = std::chrono::steady_clock::now() + time;
    watch.wake.notify_all();
  };
  give(settings_.fetch_timeout);
  const auto stream = channel.stream(kDeliver);
  std::thread watcher([&] {
    std::unique_lock lock(watch.mutex);
    while (!watch.end) {
      watch.wake.wait_until(lock, watch.until);
      if (watch.end) return;
      if (watch.until > std::chrono::steady_clock::now()) continue;
      watch.fired = true;
      stream->cancel();
      return;
    }
  });
  const auto result = [&]() -> Status {
    if (!stream->write(std::move(request))) return unavailable(endpoint.address + ": " + stream->finish().to_string());
    Bytes bytes;
    while (stream->read(&bytes)) {
      auto response = wire::parse<::orderer::DeliverResponse>(bytes);
      if (!response) return unavailable("what " + endpoint.address + " sent is no DeliverResponse");
      if (response->has_status()) {
        if (response->status() == ::common::FORBIDDEN) return fail(Code::kPermissionDenied, "forbidden pulling the channel");
        if (response->status() == ::common::SERVICE_UNAVAILABLE) return unavailable("service unavailable");
        const std::string why = response->status() == ::common::BAD_REQUEST ? rpc::why_refused(*stream, settings_.fetch_timeout) : "";
        return unavailable("faulty node, received: status " + ::common::Status_Name(response->status()) + (why.empty() ? "" : ": " + why));
      }
      if (!response->has_block()) return unavailable(endpoint.address + " sent neither block nor status");
      auto block = std::shared_ptr<::common::Block>(response->release_block());
      if (!block->has_header() || !block->has_data() || block->metadata().metadata().empty()) {
        return unavailable("block header, data or metadata is empty");
      }
      give(std::chrono::hours(1));  // whoever takes the block may be slow; the node is not to blame
      SELVAGE_TRY(const bool more, each(std::move(block)));
      give(settings_.fetch_timeout);
      if (!more) return {};
    }
    if (stopped()) return cancelled();
    {
      std::lock_guard lock(watch.mutex);
      if (watch.fired) {
        return unavailable(fmt::format("didn't receive a response within {}ms", settings_.fetch_timeout.count()));
      }
    }
    return unavailable(endpoint.address + ": " + stream->finish().to_string());
  }();
  {
    std::lock_guard lock(watch.mutex);
    watch.end = true;
    watch.wake.notify_all();
  }
  watcher.join();
  stream->cancel();
  return result;
}

Result<std::shared_ptr<::common::Block>> RangeClient::one(const Endpoint& endpoint, std::optional<uint64_t> number) {
  SELVAGE_TRY(Bytes request, seek(number, number));
  const auto channel = dial(endpoint);
  std::shared_ptr<::common::Block> found;
  const auto done = receive(*channel, endpoint, std::move(request), [&](std::shared_ptr<::common::Block> block) -> Result<bool> {
    found = std::move(block);
    return false;
  });
  done_with(channel);
  if (!done) return fail(done.error());
  if (number && found->header().number() != *number) return unavailable(endpoint.address + " sent another block than asked for");
  return found;
}

// All nodes at once: one that is down costs its time-out only once.
Result<std::vector<RangeClient::Node>> RangeClient::probe(const channel::Bundle& bundle, uint64_t at_least) {
  const auto endpoints = orderer_endpoints(bundle, {});
  std::vector<Result<std::shared_ptr<::common::Block>>> answers(endpoints.size(), std::shared_ptr<::common::Block>());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    threads.emplace_back([&, i] { answers[i] = one(endpoints[i], std::nullopt); });
  }
  for (std::thread& thread : threads) thread.join();
  if (stopped()) return cancelled();
  std::vector<Node> nodes;
  bool forbidden = false;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (!answers[i]) {
      forbidden = forbidden || answers[i].error().code == Code::kPermissionDenied;
      if (answers[i].error().code != Code::kFailedPrecondition) {
        LOG_WARN(logger_, "Received error of type '{}' from {}", to_string(answers[i].error()), endpoints[i].address);
      }
      continue;
    }
    const uint64_t newest = (*answers[i])->header().number();
    if (newest < at_least) {
      LOG_INFO(logger_, "Skipping pulling from {}: minimum requested sequence is {} but {} is at sequence {}",
               endpoints[i].address, at_least, endpoints[i].address, newest);
      continue;
    }
    LOG_INFO(logger_, "[channel: {}] {} is at block sequence of {}", channel_, endpoints[i].address, newest);
    nodes.push_back({endpoints[i], newest});
  }
  if (!nodes.empty()) return nodes;
  if (forbidden) return fail(Code::kPermissionDenied, "forbidden pulling the channel");
  std::string all;
  for (const Endpoint& endpoint : endpoints) all += (all.empty() ? "" : ", ") + endpoint.address;
  return unavailable("Could not connect to any endpoint of [" + all + "]");
}

Result<uint64_t> RangeClient::newest_height(const channel::Bundle& bundle) {
  SELVAGE_TRY(const auto nodes, probe(bundle, 0));
  const auto highest = std::max_element(nodes.begin(), nodes.end(),
                                        [](const Node& a, const Node& b) { return a.newest < b.newest; });
  LOG_DEBUG(logger_, "Orderer endpoint {} has the biggest ledger height: {}", highest->endpoint.address,
            highest->newest + 1);
  return highest->newest + 1;
}

Result<::common::Block> RangeClient::newest_config(const channel::BundlePtr& bundle) {
  SELVAGE_TRY(const auto nodes, probe(*bundle, 0));
  const auto highest = std::max_element(nodes.begin(), nodes.end(),
                                        [](const Node& a, const Node& b) { return a.newest < b.newest; });
  SELVAGE_TRY(const auto newest, one(highest->endpoint, highest->newest));
  SELVAGE_CHECK(check_block_signatures(*newest, *bundle));
  uint64_t number = 0;
  if (newest->header().number() != 0) {
    SELVAGE_TRY(number, wire::last_config_index(*newest));
  }
  SELVAGE_TRY(const auto config, one(highest->endpoint, number));
  if (!wire::is_config_block(*config)) return unavailable(highest->endpoint.address + " sent no config block");
  if (wire::data_hash(config->data()) != config->header().data_hash()) {
    return unavailable(highest->endpoint.address + " sent a config block whose hash is wrong");
  }
  if (number != 0) SELVAGE_CHECK(check_block_signatures(*config, *bundle));
  return *config;
}

Status RangeClient::pull(uint64_t next, Bytes last_hash, channel::BundlePtr bundle, uint64_t until,
                         const channel::BundlePtr& endpoints, const Take& take) {
  if (!endpoints && !bundle) return fail(Code::kInvalidArgument, "nothing says where blocks are to be had");
  SELVAGE_TRY(auto nodes, probe(endpoints ? *endpoints : *bundle, next));
  const Node chosen = nodes[random_.below(nodes.size())];
  const uint64_t last = std::min(until, chosen.newest);
  LOG_INFO(logger_, "Sending request for block [{}] to {}", next, chosen.endpoint.address);
  SELVAGE_TRY(Bytes request, seek(next, last));
  std::optional<BlockVerifier> verifier;
  if (bundle) verifier.emplace(bundle, next, std::move(last_hash));
  const auto channel = dial(chosen.endpoint);
  const auto done = receive(*channel, chosen.endpoint, std::move(request),
                            [&](std::shared_ptr<::common::Block> block) -> Result<bool> {
    const uint64_t number = block->header().number();
    if (!verifier) {
      if (number != 0) return fail(Code::kInvalidArgument, "expected the genesis block, got another one");
      if (wire::data_hash(block->data()) != block->header().data_hash()) {
        return fail(Code::kInvalidArgument, "the hash of the genesis block is wrong");
      }
      SELVAGE_TRY(auto first, channel::Bundle::from_block(*block));
      if (first->channel_id() != channel_) return fail(Code::kInvalidArgument, "the genesis block is of another channel");
      verifier.emplace(std::move(first), 1, wire::header_hash(block->header()));
    } else if (auto fine = verifier->accept(*block); !fine) {
      return fail(fine.error().within(fmt::format("Failed verifying received block [{}]", number)));
    }
    LOG_DEBUG(logger_, "[channel: {}] Got block [{}] from {}", channel_, number, chosen.endpoint.address);
    SELVAGE_CHECK(take(std::move(block)));
    return number < last;
  });
  done_with(channel);
  if (!done) return done;
  LOG_INFO(logger_, "[channel: {}] Got blocks [{}] to [{}] from {}", channel_, next, last, chosen.endpoint.address);
  if (last < until) return unavailable(fmt::format("{} has no blocks after [{}]", chosen.endpoint.address, last));
  return {};
}

}  // namespace selvage::deliver
