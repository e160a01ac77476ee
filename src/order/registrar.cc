#include "order/registrar.h"

#include <fmt/chrono.h>

#include <condition_variable>
#include <utility>

#include "base/log.h"
#include "channel/config_update.h"
#include "channel/duration.h"
#include "common/common.pb.h"
#include "order/consensus_metadata.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.multichannel");
  return instance;
}

metrics::Options participation_metric(const char* name, const char* help) {
  return {.name_space = "participation",
          .subsystem = "",
          .name = name,
          .help = help,
          .label_names = {"channel"},
          .statsd_format = "%{#fqname}.%{channel}",
          .buckets = {}};
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

Result<std::unique_ptr<Registrar>> Registrar::open(Settings settings, Parts parts) {
  const std::string directory = settings.ledger_directory;
  const auto make = [&](const std::string& path, const char* setting) -> Status {
    auto made = parts.disk.make_directories(path);
    if (made) return {};
    Error error = made.error();
    error.hint = fmt::format("{} must name a directory that this process can make and write: {}", setting, path);
    return fail(std::move(error));
  };
  SELVAGE_CHECK(make(directory + "/chains", "FileLedger.Location"));
  SELVAGE_CHECK(make(settings.wal_directory, "Consensus.WALDir"));
  SELVAGE_CHECK(make(settings.snapshot_directory, "Consensus.SnapDir"));
  auto lock = parts.disk.lock(directory + "/orderer.lock");
  if (!lock) {
    return fail(lock.error().code, fmt::format("the directory {} is in use by another orderer process", directory),
                lock.error().message + " " + lock.error().cause,
                "stop the other process, or give this one a FileLedger.Location of its own");
  }
  LOG_INFO(logger(), "Channel Participation API enabled, registrar initializing with file repo {}/pendingops", directory);
  SELVAGE_TRY(auto joins, JoinStore::open(parts.disk, directory));
  std::unique_ptr<Registrar> registrar(
      new Registrar(std::move(settings), std::move(parts), std::move(joins), std::move(*lock)));
  SELVAGE_CHECK(registrar->load());
  return registrar;
}

Registrar::Registrar(Settings settings, Parts parts, JoinStore joins, std::unique_ptr<DiskLock> lock)
    : settings_(std::move(settings)),
      parts_(std::move(parts)),
      joins_(std::move(joins)),
      lock_(std::move(lock)),
      processor_(parts_.signer, parts_.clock, parts_.random, settings_.check_expiry),
      chain_metrics_(parts_.metrics),
      status_gauge_(parts_.metrics.gauge(participation_metric(
          "status",
          "The channel participation status of the node: 0 if inactive, 1 if active, 2 if onboarding, 3 if failed."))),
      relation_gauge_(parts_.metrics.gauge(
          participation_metric("consensus_relation",
                               "The channel participation consensus relation of the node: 0 if other, 1 if consenter, 2 "
                               "if follower, 3 if config-tracker."))) {}

Registrar::~Registrar() { stop(); }

std::string Registrar::chain_directory(const std::string& channel) const {
  return settings_.ledger_directory + "/chains/" + channel;
}

Status Registrar::load() {
  SELVAGE_TRY(const auto removals, joins_.removals());
  for (const std::string& channel : removals) {
    LOG_INFO(logger(), "Finishing the removal of channel {}", channel);
    SELVAGE_CHECK(remove_files(channel));
  }
  SELVAGE_TRY(const auto joins, joins_.joins());
  for (const std::string& channel : joins) {
    if (auto loaded = load_join(channel); !loaded) return fail(loaded.error().within("channel " + channel));
  }
  SELVAGE_TRY(const auto names, parts_.disk.list(settings_.ledger_directory + "/chains"));
  for (const std::string& channel : names) {
    if (chains_.contains(channel) || followers_.contains(channel) || !channel::check_channel_id(channel)) continue;
    if (auto loaded = load_channel(channel); !loaded) return fail(loaded.error().within("channel " + channel));
  }
  return {};
}

// A join that was begun: with a genesis block that names us it is done over, else the channel is followed from where it is.
Status Registrar::load_join(const std::string& channel) {
  SELVAGE_TRY(const Bytes bytes, joins_.join_block(channel));
  auto block = wire::parse<common::Block>(bytes);
  if (!block) {
    return fail(Code::kDataLoss, "the join block cannot be read", block.error().message,
                fmt::format("remove {}/pendingops/join/{}.join and join again", settings_.ledger_directory, channel));
  }
  SELVAGE_TRY(const auto bundle, channel::Bundle::from_block(*block));
  auto member = is_member(*bundle, parts_.server_certificate, parts_.clock.now());
  if (!member) return fail(member.error().within("Failed to determine cluster membership from join-block"));
  if (*member && block->header().number() == 0) {
    SELVAGE_TRY(chains_[channel], create_from(channel, *block));
    return joins_.join_done(channel);
  }
  SELVAGE_TRY(auto store, open_store(channel));
  SELVAGE_TRY(followers_[channel], make_follower(channel, std::move(store), std::move(*block), false));
  return {};
}

Status Registrar::load_channel(const std::string& channel) {
  SELVAGE_TRY(auto store, open_store(channel));
  if (store->height() == 0) {
    LOG_WARN(logger(), "Channel '{}' has an empty ledger without a join-block, removing it", channel);
    store.reset();
    return parts_.disk.remove_all(chain_directory(channel));
  }
  SELVAGE_TRY(const auto end, end_of(*store));
  if (auto fine = check_resources(*end.bundle); !fine) {
    return fail(fine.error().within("error checking bundle for channel: " + channel));
  }
  auto member = is_member(*end.bundle, parts_.server_certificate, parts_.clock.now());
  if (!member) return fail(member.error().within("Failed to determine cluster membership from config-block"));
  if (*member) {
    SELVAGE_TRY(chains_[channel], make_chain(channel, end.bundle, std::move(store)));
    return joins_.following_done(channel);
  }
  SELVAGE_TRY(followers_[channel], make_follower(channel, std::move(store), std::nullopt, false));
  return {};
}

void Registrar::start() {
  std::map<std::string, std::shared_ptr<ChainWorker>> chains;
  std::map<std::string, std::shared_ptr<Follower>> followers;
  {
    std::lock_guard lock(mutex_);
    started_ = true;
    chains = chains_;
    followers = followers_;
  }
  tasks_thread_ = std::thread([this] { run_tasks(); });
  for (auto& [name, chain] : chains) {
    chain->start();
    report(describe(name, *chain));
  }
  for (auto& [name, follower] : followers) follower->start();
  LOG_INFO(logger(),
           "Registrar initializing without a system channel, number of application channels: {}, with {} "
           "consensus.Chain(s) and {} follower.Chain(s)",
           chains.size() + followers.size(), chains.size(), followers.size());
}

void Registrar::stop() {
  {
    std::lock_guard lock(tasks_mutex_);
    tasks_end_ = true;
    tasks_wake_.notify_all();
  }
  if (tasks_thread_.joinable()) tasks_thread_.join();
  std::lock_guard changing(changing_);
  std::map<std::string, std::shared_ptr<ChainWorker>> chains;
  std::map<std::string, std::shared_ptr<Follower>> followers;
  {
    std::lock_guard lock(mutex_);
    chains = chains_;
    followers = followers_;
  }
  for (auto& [name, follower] : followers) follower->stop();
  for (auto& [name, chain] : chains) chain->stop();
}

std::shared_ptr<ChainWorker> Registrar::chain(const std::string& channel) const {
  std::lock_guard lock(mutex_);
  const auto found = chains_.find(channel);
  return found == chains_.end() ? nullptr : found->second;
}

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

Result<std::shared_ptr<ledger::BlockStore>> Registrar::open_store(const std::string& channel) {
  ledger::BlockStore::Settings store;
  store.directory = chain_directory(channel);
  store.channel = channel;
  store.metrics = &parts_.metrics;
  SELVAGE_TRY(auto opened, ledger::BlockStore::open(parts_.disk, std::move(store)));
  return std::shared_ptr<ledger::BlockStore>(std::move(opened));
}

Result<std::shared_ptr<ChainWorker>> Registrar::make_chain(const std::string& channel, channel::BundlePtr bundle,
                                                           std::shared_ptr<ledger::BlockStore> store) {
  if (auto fine = check_resources(*bundle); !fine) {
    return fail(fine.error().within("error checking bundle for channel: " + channel));
  }
  SELVAGE_TRY(const auto config, config_metadata_of(*bundle));
  SELVAGE_TRY(const auto newest, store->block(store->height() - 1));
  SELVAGE_TRY(const auto ids, block_metadata_of(*newest, config));
  SELVAGE_TRY(const auto place, find_self(config, parts_.server_certificate));
  if (!place) {
    return fail(Code::kFailedPrecondition, "this orderer is not a consenter of channel " + channel, "",
                "its General.TLS.Certificate must have the key of a consenter's server_tls_cert in the channel's "
                "configuration");
  }
  auto tick = settings_.tick_interval_override;
  if (tick.count() == 0) {
    SELVAGE_TRY(tick, channel::parse_go_duration(config.options().tick_interval()));
  } else {
    static log::Logger raft("orderer.consensus.etcdraft");
    LOG_INFO(raft, "TickIntervalOverride is set, overriding channel configuration tick interval to {}",
             std::chrono::duration_cast<std::chrono::milliseconds>(tick));
  }
  ChainWorker::Settings worker;
  worker.id = ids.consenter_ids(static_cast<int>(*place));
  worker.tick_interval = std::max(tick, std::chrono::nanoseconds(1'000'000));
  worker.wal.directory = settings_.wal_directory + "/" + channel;
  worker.wal.snapshot_directory = settings_.snapshot_directory + "/" + channel;
  worker.joining = joins_.following(channel) || raft::Wal::exists(parts_.disk, worker.wal.directory);
  worker.eviction_suspicion = settings_.eviction_suspicion;
  ChainWorker::Parts parts{parts_.disk, parts_.random, processor_, chain_metrics_, parts_.signer};
  parts.transport = parts_.transport;
  parts.make_source = parts_.make_source;
  parts.server_certificate = parts_.server_certificate;
  parts.on_evicted = [this, channel] { post([this, channel] { switch_to_follower(channel); }); };
  SELVAGE_TRY(auto made, ChainWorker::make(std::move(worker), std::move(parts), std::move(store), std::move(bundle),
                                           parts_.on_bundle, [this, channel] {
                                             if (parts_.on_change) parts_.on_change(channel);
                                           }));
  return std::shared_ptr<ChainWorker>(std::move(made));
}

Result<std::shared_ptr<ChainWorker>> Registrar::create_from(const std::string& channel, const common::Block& block) {
  SELVAGE_TRY(auto bundle, channel::Bundle::from_block(block));
  SELVAGE_TRY(auto store, open_store(channel));
  if (store->height() == 0) {
    if (auto written = store->append(block); !written) {
      return fail(written.error().within("failed to append join block to the ledger"));
    }
  }
  return make_chain(channel, std::move(bundle), std::move(store));
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
  if (const auto& type = (*bundle)->orderer()->consensus_type; type != "etcdraft") {
    return fail(Code::kInvalidArgument, "failed to find a consenter for consensus type: " + type);
  }
  auto member = is_member(**bundle, parts_.server_certificate, parts_.clock.now());
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
    const auto taken = target->order(submission, [room, gate] {
      std::lock_guard lock(gate->first);
      *room = true;
      gate->second.notify_all();
    }, &why);
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

// The raft log first: a ledger without its log cannot be mistaken for a channel that may go on.
Status Registrar::remove_files(const std::string& channel) {
  SELVAGE_CHECK(forget_log(channel));
  SELVAGE_CHECK(joins_.join_done(channel));
  SELVAGE_CHECK(joins_.following_done(channel));
  SELVAGE_CHECK(parts_.disk.remove_all(chain_directory(channel)));
  SELVAGE_CHECK(parts_.disk.sync_directory(settings_.ledger_directory + "/chains"));
  return joins_.removal_done(channel);
}

Status Registrar::forget_log(const std::string& channel) {
  SELVAGE_CHECK(parts_.disk.remove_all(settings_.wal_directory + "/" + channel));
  return parts_.disk.remove_all(settings_.snapshot_directory + "/" + channel);
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

std::vector<std::pair<std::string, std::string>> Registrar::failures() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string>> failed;
  for (const auto& [name, chain] : chains_) {
    if (auto why = chain->failure(); !why.empty()) failed.emplace_back(name, std::move(why));
  }
  return failed;
}

void Registrar::report(const ChannelInfo& channel) {
  const auto& status = channel.status;
  const auto& relation = channel.consensus_relation;
  status_gauge_.with({channel.name})
      .set(status == "active" ? 1 : status == "onboarding" ? 2 : status == "failed" ? 3 : 0);
  relation_gauge_.with({channel.name})
      .set(relation == "consenter" ? 1 : relation == "follower" ? 2 : relation == "config-tracker" ? 3 : 0);
}

}  // namespace selvage::order
