#include "order/registrar.h"

#include <fmt/chrono.h>

#include <utility>

#include "base/log.h"
#include "channel/config_update.h"
#include "channel/duration.h"
#include "common/common.pb.h"
#include "order/consensus_metadata.h"
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
  auto member = is_member(*bundle, parts_.server_certificate.current(), parts_.clock.now());
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
  auto member = is_member(*end.bundle, parts_.server_certificate.current(), parts_.clock.now());
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
  SELVAGE_TRY(const auto place, find_self(config, parts_.server_certificate.current()));
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
  SELVAGE_TRY(worker.joining, begins_anew(channel, worker.id));
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

// May this node start with an empty log? A consenter that was removed and added again has another id, and what it knew as
// the old one is forgotten here. One that only had a key which the channel did not know goes on where it was.
Result<bool> Registrar::begins_anew(const std::string& channel, raft::NodeId id) {
  SELVAGE_TRY(auto owner, raft::Wal::owner(parts_.disk, settings_.wal_directory + "/" + channel));
  if (!joins_.following(channel)) return owner.has_value();
  if (owner && *owner != id) {
    LOG_INFO(logger(), "Channel {}: this orderer was node {} and is node {} now; the Raft log of node {} is removed", channel,
             *owner, id, *owner);
    SELVAGE_CHECK(forget_log(channel));
    owner.reset();
  }
  SELVAGE_TRY(const auto log_of, joins_.following_with_log_of(channel));
  return owner.has_value() || log_of != id;
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
