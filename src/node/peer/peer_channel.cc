#include "node/peer/peer_channel.h"

#include <algorithm>

#include "chaincode/collections.h"
#include "common/common.pb.h"
#include "deliver/pull/block_verifier.h"
#include "lifecycle/keys.h"
#include "wire/block.h"

namespace selvage::node {

PeerChannel::PeerChannel(Settings settings, Parts parts, Events events, channel::BundlePtr bundle)
    : id_(parts.ledger->channel()),
      settings_(settings),
      events_(std::move(events)),
      ledger_(std::move(parts.ledger)),
      logger_(log::Logger("gossip.privdata").with("channel", id_)),
      metrics_(parts.metrics, id_),
      committer_(ledger_, parts.collections, parts.metrics, settings.transient_blocks_max),
      validator_(id_, std::move(parts.parallel), parts.signatures, std::move(parts.plugins)),
      bundle_(std::move(bundle)) {
  handed_over_ = {ledger_->height(), ledger_->info().current_hash, bundle_};
  committer_.set_source(parts.private_source);
  committer_.set_pull_invalid(settings.pull_invalid);
  on_commit_ = committer_.subscribe([this](const commit::CommitNotice& notice) { committed(notice); });
}

PeerChannel::~PeerChannel() { stop(); }

Result<std::shared_ptr<PeerChannel>> PeerChannel::make(Settings settings, Parts parts, Events events) {
  SELVAGE_TRY(const auto block, parts.ledger->last_config_block());
  SELVAGE_TRY(auto bundle, channel::Bundle::from_block(*block));
  SELVAGE_CHECK(bundle->check_capabilities());
  auto channel = std::shared_ptr<PeerChannel>(
      new PeerChannel(settings, std::move(parts), std::move(events), std::move(bundle)));
  if (channel->events_.config_changed) channel->events_.config_changed(channel->bundle());
  return channel;
}

void PeerChannel::start(deliver::PullSettings pull, wire::Signer signer, const Clock& clock, Random& random, bool lead_it) {
  thread_ = std::thread([this] { run(); });
  {
    std::lock_guard lock(leading_);
    std::function<void()> gave_up;
    if (events_.gave_up) gave_up = [this] { events_.gave_up(id_); };
    make_puller_ = [this, pull = std::move(pull), signer = std::move(signer), &clock, &random, gave_up] {
      return std::make_unique<deliver::Puller>(id_, pull, signer, static_cast<deliver::BlockSink&>(*this), clock, random,
                                               gave_up);
    };
  }
  lead(lead_it);
}

void PeerChannel::lead(bool lead) {
  std::lock_guard lock(leading_);
  if (!lead) {
    puller_.reset();
  } else if (!puller_ && make_puller_) {
    puller_ = make_puller_();
    puller_->start();
  }
}

void PeerChannel::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    line_changed_.notify_all();
  }
  {
    std::lock_guard lock(leading_);
    make_puller_ = nullptr;
    puller_.reset();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const channel::Bundle> PeerChannel::bundle() const {
  std::lock_guard lock(mutex_);
  return bundle_;
}

std::unique_ptr<ledger::TxSimulator> PeerChannel::new_simulator(const std::string& txid) {
  return chaincode::new_simulator(*ledger_, bundle(), txid);
}

Result<std::shared_ptr<const ::common::Block>> PeerChannel::block(uint64_t number) const {
  return ledger_->blocks().block(number);
}

std::unique_ptr<deliver::Subscription> PeerChannel::subscribe(std::function<void()> changed) {
  return changed_.subscribe(std::move(changed));
}

deliver::BlockSink::Position PeerChannel::position() {
  std::lock_guard lock(mutex_);
  return handed_over_;
}

uint64_t PeerChannel::next_number() { return position().next_number; }

// From the ordering service: verified already, but somebody else may have been faster.
Status PeerChannel::accept(std::shared_ptr<::common::Block> block) {
  std::lock_guard feeding(feeding_);
  const uint64_t next = next_number(), number = block->header().number();
  if (number < next) return {};
  if (number > next) return fail(Code::kOutOfRange, "block [" + std::to_string(next) + "] is still missing");
  return hand_over(std::move(block));
}

Status PeerChannel::offer(std::shared_ptr<::common::Block> block) {
  std::lock_guard feeding(feeding_);
  const Position at = position();
  const uint64_t number = block->header().number();
  if (number < at.next_number) return {};
  if (number > at.next_number) {
    return fail(Code::kOutOfRange, "block [" + std::to_string(at.next_number) + "] is still missing");
  }
  deliver::BlockVerifier verifier(at.bundle, at.next_number, at.last_hash);
  SELVAGE_CHECK(verifier.accept(*block));
  return hand_over(std::move(block));
}

Status PeerChannel::hand_over(std::shared_ptr<::common::Block> block) {
  const size_t bytes = block->ByteSizeLong();
  Position next{block->header().number() + 1, wire::header_hash(block->header()), nullptr};
  if (wire::is_config_block(*block)) {
    SELVAGE_TRY(next.bundle, channel::Bundle::from_block(*block));
  }
  {
    std::unique_lock lock(mutex_);
    line_changed_.wait(lock, [&] {
      return stopping_ || failed_ || line_.empty() ||
             (line_.size() < settings_.blocks_ahead_max && line_bytes_ + bytes <= settings_.bytes_ahead_max);
    });
    if (stopping_) return fail(Code::kCancelled, "the peer is stopping");
    if (failed_) return fail(Code::kFailedPrecondition, "channel " + id_ + " has failed");
  }
  // Nobody else adds to the line meanwhile, so what was free above is free below.
  Waiting waiting{std::move(block), nullptr, bytes};
  waiting.prepared = validator_.prepare(waiting.block, handed_over_.bundle);
  std::lock_guard lock(mutex_);
  if (!next.bundle) next.bundle = handed_over_.bundle;
  handed_over_ = std::move(next);
  line_bytes_ += bytes;
  line_.push_back(std::move(waiting));
  metrics_.waiting->set(static_cast<double>(line_.size()));
  line_changed_.notify_all();
  return {};
}

void PeerChannel::run() {
  while (true) {
    Waiting waiting;
    {
      std::unique_lock lock(mutex_);
      line_changed_.wait(lock, [&] { return stopping_ || !line_.empty(); });
      if (stopping_) return;
      waiting = std::move(line_.front());
      line_bytes_ -= waiting.bytes;
      line_.pop_front();
      metrics_.waiting->set(static_cast<double>(line_.size()));
      line_changed_.notify_all();
    }
    const uint64_t number = waiting.block->header().number();
    LOG_INFO(logger_, "Received block [{}] from buffer", number);
    const auto started = std::chrono::steady_clock::now();
    if (auto done = validate_and_commit(std::move(waiting)); !done) return fail_channel(number, done.error());
    metrics_.whole->observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
}

Status PeerChannel::validate_and_commit(Waiting waiting) {
  SELVAGE_TRY(auto result, validator_.finish(std::move(waiting.prepared), bundle(), *ledger_->view(),
                                             [this](const std::string& tx_id) -> Result<bool> {
                                               SELVAGE_TRY(const auto place, ledger_->find_transaction(tx_id));
                                               return place.has_value();
                                             }));
  metrics_.validation->observe(result.seconds);
  if (result.next_bundle) SELVAGE_CHECK(result.next_bundle->check_capabilities());
  next_bundle_ = std::move(result.next_bundle);
  commit::ValidatedBlock validated;
  validated.block = std::move(waiting.block);
  validated.validation_seconds = result.seconds;
  const auto in_force = bundle();
  validated.keeps_private_data_of_invalid =
      in_force->application() != nullptr && in_force->application()->capabilities.store_private_data_of_invalid_tx();
  for (auto& transaction : result.transactions) {
    validated.transactions.push_back({transaction.code, std::move(transaction.tx_id), transaction.header_type,
                                      std::move(transaction.rw_set), std::move(transaction.chaincode)});
  }
  return committer_.commit(std::move(validated));
}

void PeerChannel::fail_channel(uint64_t number, const Error& error) {
  const bool others_go_on = error.code == Code::kAborted;  // a validation plugin gave no judgement
  if (others_go_on) {
    LOG_ERROR(log::Logger("gossip.state").with("channel", id_),
              "Failed executing VSCC due to {}. Aborting chain processing at block [{}]: this channel stands still until the "
              "peer is started again", to_string(error), number);
  } else {
    LOG_ERROR(logger_, "Block [{}] could not be committed: {}", number, to_string(error));
  }
  {
    std::lock_guard lock(mutex_);
    failed_ = true;
    line_changed_.notify_all();
  }
  if (others_go_on) {
    std::lock_guard lock(leading_);
    make_puller_ = nullptr;
    puller_.reset();
  } else if (events_.failed) {
    events_.failed(id_, error);
  }
}

// The configuration first: whoever is woken by the block reads by the rules that the block made.
void PeerChannel::committed(const commit::CommitNotice& notice) {
  metrics_.list_missing->observe(notice.times.list_missing);
  metrics_.store->observe(notice.times.store);
  metrics_.purge->observe(notice.times.purge);
  if (notice.config && next_bundle_) {
    {
      std::lock_guard lock(mutex_);
      bundle_ = next_bundle_;
    }
    if (events_.config_changed) events_.config_changed(next_bundle_);
  }
  const bool lifecycle = notice.updates->public_updates.contains(lifecycle::kNamespace) ||
                         std::any_of(notice.updates->hashed_updates.begin(), notice.updates->hashed_updates.end(),
                                     [](const auto& item) { return item.first.first == lifecycle::kNamespace; });
  if (lifecycle && events_.lifecycle_changed) events_.lifecycle_changed(id_);
  changed_.notify();
  if (events_.committed) events_.committed(id_, notice.block->header().number() + 1);
}

}  // namespace selvage::node
