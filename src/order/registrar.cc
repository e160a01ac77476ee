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

// The configuration in force at the end of a chain.
Result<channel::BundlePtr> bundle_at_end(const ledger::BlockStore& store) {
  SELVAGE_TRY(const auto newest, store.block(store.height() - 1));
  uint64_t number = 0;
  if (newest->header().number() != 0) {
    SELVAGE_TRY(number, wire::last_config_index(*newest));
  }
  SELVAGE_TRY(const auto block, store.block(number));
  return channel::Bundle::from_block(*block);
}

}  // namespace

Result<std::unique_ptr<Registrar>> Registrar::open(Settings settings, Parts parts) {
  const std::string directory = settings.ledger_directory;
  SELVAGE_CHECK(parts.disk.make_directories(directory + "/chains"));
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
    SELVAGE_TRY(const Bytes bytes, joins_.join_block(channel));
    common::Block block;
    if (!block.ParseFromString(bytes)) {
      return fail(Code::kDataLoss, fmt::format("the join block of channel {} cannot be read", channel), "",
                  fmt::format("remove {}/pendingops/join/{}.join and join again", settings_.ledger_directory, channel));
    }
    auto chain = create_from(channel, block);
    if (!chain) return fail(chain.error().within("channel " + channel));
    SELVAGE_CHECK(joins_.join_done(channel));
    chains_[channel] = std::move(*chain);
  }
  SELVAGE_TRY(const auto names, parts_.disk.list(settings_.ledger_directory + "/chains"));
  for (const std::string& channel : names) {
    if (chains_.contains(channel) || !channel::check_channel_id(channel)) continue;
    auto store = open_store(channel);
    if (!store) return fail(store.error().within("channel " + channel));
    if ((*store)->height() == 0) {
      LOG_WARN(logger(), "Channel '{}' has an empty ledger without a join-block, removing it", channel);
      store->reset();
      SELVAGE_CHECK(parts_.disk.remove_all(chain_directory(channel)));
      continue;
    }
    auto bundle = bundle_at_end(**store);
    if (!bundle) return fail(bundle.error().within("channel " + channel));
    auto chain = make_chain(channel, *bundle, *store);
    if (!chain) return fail(chain.error().within("channel " + channel));
    chains_[channel] = std::move(*chain);
  }
  return {};
}

void Registrar::start() {
  std::map<std::string, std::shared_ptr<ChainWorker>> chains;
  {
    std::lock_guard lock(mutex_);
    started_ = true;
    chains = chains_;
  }
  for (auto& [name, chain] : chains) {
    chain->start();
    report(name, "active");
  }
  LOG_INFO(logger(),
           "Registrar initializing without a system channel, number of application channels: {}, with {} "
           "consensus.Chain(s) and {} follower.Chain(s)",
           chains.size(), chains.size(), 0);
}

void Registrar::stop() {
  std::lock_guard changing(changing_);
  std::map<std::string, std::shared_ptr<ChainWorker>> chains;
  {
    std::lock_guard lock(mutex_);
    chains = chains_;
  }
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
  for (const auto& [name, failed] : removing_) names.push_back(name);
  return names;
}

ChannelInfo Registrar::describe(const std::string& channel, const ChainWorker& chain) const {
  return {channel, "consenter", text_of(chain.status()), chain.height()};
}

Result<ChannelInfo> Registrar::info(const std::string& channel) const {
  std::lock_guard lock(mutex_);
  if (const auto found = chains_.find(channel); found != chains_.end()) return describe(channel, *found->second);
  if (const auto found = removing_.find(channel); found != removing_.end()) {
    return ChannelInfo{channel, "consenter", found->second ? "failed" : "inactive", 0};
  }
  return no_channel();
}

Status Registrar::removal_state(const std::string& channel) const {
  std::lock_guard lock(mutex_);
  const auto found = removing_.find(channel);
  if (found == removing_.end()) return {};
  if (found->second) return fail(Code::kInternal, "channel removal failure");
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
                "configuration; following a channel without being a consenter is not supported");
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
  ChainWorker::Parts parts{parts_.disk, parts_.random, processor_, chain_metrics_, parts_.signer};
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
  if (chain(channel)) return fail(Code::kAlreadyExists, "channel already exists");
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
  constexpr const char* kMembership = "failed to determine cluster membership from join-block";
  auto config = config_metadata_of(**bundle);
  if (!config) return within(config.error(), kMembership);
  if (auto fine = verify_config_metadata(*config, **bundle, parts_.clock.now()); !fine) {
    return within(fine.error().within("failed to validate config metadata of ordering config"), kMembership);
  }
  auto place = find_self(*config, parts_.server_certificate);
  if (!place) return within(place.error().within("failed to detect self ID by comparing public keys"), kMembership);
  if (!*place || block.header().number() != 0) {
    return fail(Code::kInvalidArgument,
                !*place ? "this orderer is not a consenter of the channel, and following a channel is not supported"
                        : "only a genesis block can be joined: replication from other orderers is not supported");
  }
  if (config->consenters_size() != 1) {
    return fail(Code::kInvalidArgument, "a channel with several consenters is not supported: this orderer does not speak "
                                        "to other orderers");
  }
  if (auto saved = joins_.save_join(channel, wire::marshal(block)); !saved) {
    return within(saved.error(), "failed saving joinblock to file repo for channel " + channel);
  }
  auto made = create_from(channel, block);
  if (!made) {
    if (auto removed = remove_files(channel); !removed) {
      LOG_WARN(logger(), "Failed to cleanup ledger: {}", to_string(removed.error()));
    }
    if (auto done = joins_.join_done(channel); !done) {
      LOG_WARN(logger(), "Failed to cleanup joinblock for channel {}: {}", channel, to_string(done.error()));
    }
    return within(made.error(), "failed to create chain support");
  }
  SELVAGE_CHECK(joins_.join_done(channel));
  const ChannelInfo info = describe(channel, **made);
  LOG_INFO(logger(), "Joining channel: {{{}  {} {} {}}}", info.name, info.consensus_relation, info.status, info.height);
  bool start = false;
  {
    std::lock_guard lock(mutex_);
    chains_[channel] = *made;
    start = started_;
  }
  if (start) (*made)->start();
  report(channel, "active");
  return info;
}

Result<ChannelInfo> Registrar::update(const std::string& channel, const common::Envelope& envelope) {
  SELVAGE_CHECK(removal_state(channel));
  const auto target = chain(channel);
  if (!target) return no_channel();
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
    const auto taken = target->order(submission, [room, gate] {
      std::lock_guard lock(gate->first);
      *room = true;
      gate->second.notify_all();
    });
    if (taken == ChainWorker::Taken::kYes) return describe(channel, *target);
    if (taken != ChainWorker::Taken::kFull) {
      return fail(Code::kInvalidArgument,
                  what + " with SERVICE_UNAVAILABLE: rejected by Configure: " +
                      (taken == ChainWorker::Taken::kNoLeader ? "no Raft leader" : "chain is stopped"));
    }
    std::unique_lock lock(gate->first);
    gate->second.wait(lock, [&] { return *room; });
  }
}

Status Registrar::remove(const std::string& channel) {
  std::lock_guard changing(changing_);
  if (auto state = removal_state(channel); !state && state.error().code == Code::kAborted) return state;
  std::shared_ptr<ChainWorker> chain;
  {
    std::lock_guard lock(mutex_);
    const auto found = chains_.find(channel);
    if (found == chains_.end() && !removing_.contains(channel)) return no_channel();
    if (found != chains_.end()) {
      chain = std::move(found->second);
      chains_.erase(found);
    }
    removing_[channel] = false;
  }
  if (chain) chain->stop();
  chain.reset();
  if (parts_.on_removed) parts_.on_removed(channel);
  auto removed = joins_.save_removal(channel);
  if (removed) removed = remove_files(channel);
  std::lock_guard lock(mutex_);
  if (!removed) {
    LOG_ERROR(logger(), "ledger factory failed to remove ledger '{}', error: {}", channel, to_string(removed.error()));
    removing_[channel] = true;
    report(channel, "failed");
    return {};
  }
  removing_.erase(channel);
  LOG_INFO(logger(), "Removed channel: {}", channel);
  return {};
}

// The raft log first: a ledger without its log cannot be mistaken for a channel that may go on.
Status Registrar::remove_files(const std::string& channel) {
  SELVAGE_CHECK(parts_.disk.remove_all(settings_.wal_directory + "/" + channel));
  SELVAGE_CHECK(parts_.disk.remove_all(settings_.snapshot_directory + "/" + channel));
  SELVAGE_CHECK(parts_.disk.remove_all(chain_directory(channel)));
  SELVAGE_CHECK(parts_.disk.sync_directory(settings_.ledger_directory + "/chains"));
  return joins_.removal_done(channel);
}

Result<std::shared_ptr<const common::Block>> Registrar::fetch(const std::string& channel,
                                                              const std::string& block) const {
  SELVAGE_CHECK(removal_state(channel));
  const auto source = chain(channel);
  if (!source) return no_channel();
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

void Registrar::report(const std::string& channel, const char* status) {
  const std::string_view text(status);
  status_gauge_.with({channel}).set(text == "active" ? 1 : text == "failed" ? 3 : 0);
  relation_gauge_.with({channel}).set(1);
}

}  // namespace selvage::order
