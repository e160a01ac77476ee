// What operators ask for, by way of order/participation.h: channels are told of, joined, updated, removed and fetched
// from.
#include <fmt/format.h>

#include <condition_variable>
#include <utility>

#include "base/log.h"
#include "common/common.pb.h"
#include "order/consensus_metadata.h"
#include "order/registrar.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.multichannel");
  return instance;
}

const char* text_of(ChainStatus status) {
  switch (status) {
    case ChainStatus::kActive:
      return "active";
    case ChainStatus::kInactive:
      return "inactive";
    case ChainStatus::kFailed:
      break;
  }
  return "failed";
}

auto no_channel() { return fail(Code::kNotFound, "channel does not exist"); }

auto not_ready() { return fail(Code::kFailedPrecondition, "channel is not ready, he is a follower"); }

}  // namespace

std::vector<std::string> Registrar::list() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, chain] : chains_) names.push_back(name);
  for (const auto& [name, follower] : followers_) names.push_back(name);
  for (const auto& [name, removing] : removing_) names.push_back(name);
  return names;
}

ChannelInfo Registrar::describe(const std::string& channel, const ChainWorker& chain) const {
  return {channel, chain.evicted() ? "config-tracker" : "consenter", text_of(chain.status()), chain.height()};
}

ChannelInfo Registrar::describe(const std::string& channel, const Follower& follower) const {
  return {channel, follower.relation(), follower.status(), follower.height()};
}

Result<ChannelInfo> Registrar::info(const std::string& channel) const {
  std::lock_guard lock(mutex_);
  if (const auto found = chains_.find(channel); found != chains_.end()) return describe(channel, *found->second);
  if (const auto found = followers_.find(channel); found != followers_.end()) return describe(channel, *found->second);
  if (const auto found = removing_.find(channel); found != removing_.end()) {
    return ChannelInfo{channel, found->second.relation, found->second.failed ? "failed" : "inactive", 0};
  }
  return no_channel();
}

Status Registrar::removal_state(const std::string& channel) const {
  std::lock_guard lock(mutex_);
  const auto found = removing_.find(channel);
  if (found == removing_.end()) return {};
  if (found->second.failed) return fail(Code::kInternal, "channel removal failure");
  return fail(Code::kAborted, "channel pending removal");
}

Result<ChannelInfo> Registrar::join(const std::string& channel, const common::Block& block) {
  std::lock_guard changing(changing_);
  SELVAGE_CHECK(removal_state(channel));
  bool there = false;
  {
    std::lock_guard lock(mutex_);
    there = chains_.contains(channel) || followers_.contains(channel);
  }
  if (there) return fail(Code::kAlreadyExists, "channel already exists");
  const auto within = [](Error error, std::string_view what) {
    Error outer = error.within(what);
    outer.code = Code::kInvalidArgument;
    return fail(std::move(outer));
  };
  auto bundle = channel::Bundle::from_block(block);
  if (!bundle) {
    return within(bundle.error().within("error creating channelconfig bundle"), "failed creating ledger resources");
  }
  if (auto fine = check_resources(**bundle); !fine) {
    return within(fine.error().within("error checking bundle for channel: " + channel),
                  "failed creating ledger resources");
  }
  if (auto known = check_consensus_type(**bundle); !known) {
    LOG_WARN(logger(), "Channel {} cannot be joined: {}", channel, known.error().message);
    return fail(known.error());
  }
  auto member = is_member(**bundle, parts_.server_certificate.current(), parts_.clock.now());
  if (!member) return within(member.error(), "failed to determine cluster membership from join-block");
  if (auto saved = joins_.save_join(channel, wire::marshal(block)); !saved) {
    return within(saved.error(), "failed saving joinblock to file repo for channel " + channel);
  }
  std::shared_ptr<ChainWorker> chain;
  std::shared_ptr<Follower> follower;
  const bool found = *member && block.header().number() == 0;
  const auto made = [&]() -> Status {
    if (found) {
      SELVAGE_TRY(chain, create_from(channel, block));
      return joins_.join_done(channel);
    }
    SELVAGE_TRY(auto store, open_store(channel));
    SELVAGE_TRY(follower, make_follower(channel, std::move(store), block, false));
    return {};
  }();
  if (!made) {
    if (auto removed = remove_files(channel); !removed) {
      LOG_WARN(logger(), "Failed to cleanup ledger: {}", to_string(removed.error()));
    }
    if (auto done = joins_.join_done(channel); !done) {
      LOG_WARN(logger(), "Failed to cleanup joinblock for channel {}: {}", channel, to_string(done.error()));
    }
    return within(made.error(), found ? "failed to create chain support" : "failed to create follower");
  }
  const ChannelInfo info = found ? describe(channel, *chain) : describe(channel, *follower);
  LOG_INFO(logger(), "Joining channel: {{{}  {} {} {}}}", info.name, info.consensus_relation, info.status, info.height);
  bool start = false;
  {
    std::lock_guard lock(mutex_);
    if (found) {
      chains_[channel] = chain;
    } else {
      followers_[channel] = follower;
    }
    start = started_;
  }
  report(info);
  if (start && chain) chain->start();
  if (start && follower) follower->start();
  return info;
}

Result<ChannelInfo> Registrar::update(const std::string& channel, const common::Envelope& envelope) {
  SELVAGE_CHECK(removal_state(channel));
  const auto target = chain(channel);
  if (!target) {
    std::lock_guard lock(mutex_);
    if (followers_.contains(channel)) return not_ready();
    return no_channel();
  }
  const auto bundle = target->bundle();
  const std::string what = "failed update config of channel " + channel;
  auto config = processor_.process_config_update(envelope, *bundle, target->consensus());
  if (!config) {
    Error error = config.error().within(what);
    error.code = Code::kInvalidArgument;
    return fail(std::move(error));
  }
  Submission submission;
  submission.message_bytes = config->payload().size() + config->signature().size();
  submission.envelope = wire::marshal(*config);
  submission.config = true;
  submission.validated_at = bundle->sequence();
  for (;;) {
    auto room = std::make_shared<bool>(false);
    auto gate = std::make_shared<std::pair<std::mutex, std::condition_variable>>();
    std::string why;
    const auto taken = target->order(
        submission,
        [room, gate] {
          std::lock_guard lock(gate->first);
          *room = true;
          gate->second.notify_all();
        },
        &why);
    if (taken == ChainWorker::Taken::kYes) return describe(channel, *target);
    if (taken != ChainWorker::Taken::kFull) {
      return fail(Code::kInvalidArgument,
                  what + " with SERVICE_UNAVAILABLE: rejected by Configure: " + ChainWorker::refusal(taken, why));
    }
    std::unique_lock lock(gate->first);
    gate->second.wait(lock, [&] { return *room; });
  }
}

Status Registrar::remove(const std::string& channel) {
  std::lock_guard changing(changing_);
  if (auto state = removal_state(channel); !state && state.error().code == Code::kAborted) return state;
  std::shared_ptr<ChainWorker> chain;
  std::shared_ptr<Follower> follower;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = chains_.find(channel); found != chains_.end()) {
      chain = std::move(found->second);
      chains_.erase(found);
      removing_[channel] = {false, "consenter"};
    } else if (const auto followed = followers_.find(channel); followed != followers_.end()) {
      follower = std::move(followed->second);
      followers_.erase(followed);
      removing_[channel] = {false, follower->relation()};
    } else if (!removing_.contains(channel)) {
      return no_channel();
    } else {
      removing_[channel].failed = false;
    }
  }
  // What a crash interrupts from here on is finished at the next start.
  auto removed = joins_.save_removal(channel);
  if (chain) chain->stop();
  if (follower) follower->stop();
  chain.reset();
  follower.reset();
  if (parts_.on_removed) parts_.on_removed(channel);
  if (removed) removed = joins_.join_done(channel);
  if (removed) removed = remove_files(channel);
  std::lock_guard lock(mutex_);
  if (!removed) {
    LOG_ERROR(logger(), "ledger factory failed to remove ledger '{}', error: {}", channel, to_string(removed.error()));
    removing_[channel].failed = true;
    report({channel, removing_[channel].relation, "failed", 0});
    return {};
  }
  removing_.erase(channel);
  LOG_INFO(logger(), "Removed channel: {}", channel);
  return {};
}

Result<std::shared_ptr<const common::Block>> Registrar::fetch(const std::string& channel,
                                                              const std::string& block) const {
  SELVAGE_CHECK(removal_state(channel));
  const auto source = chain(channel);
  if (!source) {
    std::lock_guard lock(mutex_);
    if (followers_.contains(channel)) return not_ready();
    return no_channel();
  }
  if (block == "oldest") return source->block(0);
  if (block == "newest") return source->block(source->height() - 1);
  if (block == "config") {
    SELVAGE_TRY(const auto newest, source->block(source->height() - 1));
    uint64_t number = 0;
    if (newest->header().number() != 0) {
      SELVAGE_TRY(number, wire::last_config_index(*newest));
    }
    return source->block(number);
  }
  uint64_t number = 0;
  for (char digit : block) {
    if (digit < '0' || digit > '9' || number > UINT64_MAX / 10 - 1) {
      return fail(Code::kNotFound, fmt::format("strconv.Atoi: parsing \"{}\": invalid syntax", block));
    }
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return source->block(number);
}

}  // namespace selvage::order
