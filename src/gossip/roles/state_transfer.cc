#include "gossip/roles/state_transfer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace selvage::gossip {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.state");
  return instance;
}

}  // namespace

StateTransfer::StateTransfer(const StateSettings& settings, std::string channel, Random& random, SteadyTime now)
    : settings_(settings), channel_(std::move(channel)), random_(random), next_(now + settings.check_interval) {}

std::optional<StateTransfer::Request> StateTransfer::tick(uint64_t height, const std::vector<ChannelView::Peer>& peers,
                                                          SteadyTime now) {
  if (now < next_) return std::nullopt;
  if (waiting_) {  // in vain
    waiting_.reset();
    if (++tries_ > settings_.retries_max) {
      LOG_WARN(logger(), "Wasn't  able to get blocks in range [{}...{}), after {} retries", height,
               height + settings_.batch_blocks, tries_);
      tries_ = 0;
      next_ = now + settings_.check_interval;
      return std::nullopt;
    }
  }
  uint64_t highest = 0;
  for (const auto& peer : peers) highest = std::max<uint64_t>(highest, peer.properties().ledger_height());
  if (height >= highest) {
    tries_ = 0;
    next_ = now + settings_.check_interval;
    return std::nullopt;
  }
  const uint64_t last = std::min(highest - 1, height + settings_.batch_blocks);
  std::vector<const ChannelView::Peer*> able;
  for (const auto& peer : peers) {
    if (peer.properties().ledger_height() >= last + 1) able.push_back(&peer);
  }
  const auto& chosen = *able[random_.below(able.size())];  // the highest one is among them
  Request request{chosen.member.pki_id, chosen.member.preferred_endpoint(), {}};
  const uint64_t nonce = make_nonce(random_);
  request.message.set_nonce(nonce);
  request.message.set_tag(::gossip::GossipMessage::CHAN_OR_ORG);
  request.message.set_channel(channel_);
  request.message.mutable_state_request()->set_start_seq_num(height);
  request.message.mutable_state_request()->set_end_seq_num(last);
  LOG_DEBUG(logger(), "State transfer, with peer {}, requesting blocks in range [{}...{}), for chainID {}",
            escape(request.endpoint), height, last, channel_);
  waiting_ = {nonce, request.pki_id};
  next_ = now + settings_.response_timeout;
  return request;
}

bool StateTransfer::take_answer(const ::gossip::GossipMessage& message, const Bytes& from, SteadyTime now) {
  if (!waiting_ || message.nonce() != waiting_->nonce || from != waiting_->peer) return false;
  if (message.state_response().payloads_size() == 0) {
    LOG_WARN(logger(), "Wasn't able to process state response, due to Received state transfer response without payload");
    next_ = now;  // counts as a try in vain: somebody else is asked
    return false;
  }
  waiting_.reset();
  next_ = SteadyTime::max();
  return true;
}

void StateTransfer::taken(bool all_good, SteadyTime now) {
  next_ = now;
  if (all_good) {
    tries_ = 0;
  } else if (++tries_ > settings_.retries_max) {
    tries_ = 0;
    next_ = now + settings_.check_interval;
  }
}

Status StateTransfer::check_request(const ::gossip::RemoteStateRequest& request, uint64_t batch_blocks) {
  const uint64_t first = request.start_seq_num(), last = request.end_seq_num();
  if (first > last) return fail(Code::kInvalidArgument, fmt::format("Invalid sequence interval [{}...{}).", first, last));
  if (last - first > batch_blocks) {
    return fail(Code::kInvalidArgument, fmt::format("Requesting blocks range [{}-{}) greater than configured allowed ({}) "
                                                    "batching size for anti-entropy.", first, last, batch_blocks));
  }
  return {};
}

}  // namespace selvage::gossip
