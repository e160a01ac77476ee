#include "node/peer/peer_channels.h"

#include "base/log.h"
#include "common/common.pb.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("peer");
  return instance;
}

}  // namespace

PeerChannels::PeerChannels(Parts parts) : parts_(std::move(parts)), sources_(*this) {}

PeerChannels::~PeerChannels() { stop(); }

Status PeerChannels::open() {
  for (auto& ledger : parts_.ledgers.ledgers()) {
    LOG_INFO(logger(), "Loading chain {}", ledger->channel());
    SELVAGE_TRY([[maybe_unused]] const auto channel, add(std::move(ledger)));
  }
  return {};
}

void PeerChannels::start() {
  std::vector<std::shared_ptr<PeerChannel>> channels;
  {
    std::lock_guard lock(mutex_);
    started_ = true;
    for (const auto& [id, channel] : channels_) channels.push_back(channel);
  }
  for (const auto& channel : channels) start(*channel);
}

void PeerChannels::start(PeerChannel& channel) {
  if (parts_.events.lifecycle_changed) parts_.events.lifecycle_changed(channel.id());
  channel.start(parts_.pull, parts_.signer, parts_.clock, parts_.random, parts_.lead);
}

void PeerChannels::stop() {
  std::vector<std::shared_ptr<PeerChannel>> channels;
  {
    std::lock_guard joining(joining_);
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [id, channel] : channels_) channels.push_back(channel);
  }
  for (const auto& channel : channels) channel->stop();
}

std::shared_ptr<PeerChannel> PeerChannels::peer_channel(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : found->second;
}

std::shared_ptr<chaincode::Channel> PeerChannels::find(const std::string& channel_id) { return peer_channel(channel_id); }

std::vector<std::string> PeerChannels::names() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [id, channel] : channels_) names.push_back(id);
  return names;
}

Status PeerChannels::join(const std::string& channel_id, const ::common::Block& block) {
  std::lock_guard joining(joining_);
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return fail(Code::kUnavailable, "the peer is stopping");
  }
  auto ledger = parts_.ledgers.create(block);
  if (!ledger) return fail(ledger.error().within("cannot create ledger from genesis block"));
  SELVAGE_TRY(const auto channel, add(std::move(*ledger)));
  bool started = false;
  {
    std::lock_guard lock(mutex_);
    started = started_;
  }
  if (started) start(*channel);
  return {};
}

Result<std::shared_ptr<PeerChannel>> PeerChannels::add(std::shared_ptr<ledger::Ledger> ledger) {
  const std::string id = ledger->channel();
  auto channel = PeerChannel::make(
      parts_.channel, {std::move(ledger), parts_.collections, parts_.metrics, parts_.parallel, parts_.signatures,
                       parts_.private_source, parts_.plugins},
      parts_.events);
  if (!channel) return fail(channel.error().within("channel " + id));
  std::lock_guard lock(mutex_);
  channels_[id] = *channel;
  return *channel;
}

}  // namespace selvage::node
