#include "deliver/pull/header_watch_worker.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "common/common.pb.h"
#include "orderer/ab.pb.h"
#include "rpc/channel.h"
#include "wire/block.h"

namespace selvage::deliver {
namespace {

constexpr size_t kHeardAhead = 32;  // attestations of one orderer that wait; then its stream is paused

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

// What one orderer's stream has left.
struct HeaderWatch::Line {
  std::shared_ptr<rpc::ClientCall> call;
  bool paused = false;
  std::deque<Bytes> messages;
  std::optional<std::string> end;  // why nothing more comes
};

// Filled by the streams, on their loops, and by whoever takes blocks; emptied by the watch's thread. Streams that are ending
// may outlive the watch, and hold it.
struct HeaderWatch::Inbox {
  std::mutex mutex;
  std::condition_variable filled;
  bool news = false;
  bool stopping = false;
  std::vector<std::shared_ptr<Line>> lines;  // by witness; a line that was replaced is nobody's any more
  std::optional<BlockVerifier> position;

  void ring() {
    news = true;
    filled.notify_one();
  }
};

struct HeaderWatch::Witness {
  Endpoint endpoint;
  size_t place;
  BlockVerifier verifier;
  std::chrono::milliseconds pause;
  SteadyTime ask_at;  // when it is not asked now
  bool asked = false;
  std::shared_ptr<rpc::Channel> channel;
};

class HeaderWatch::Listener final : public rpc::ClientHandler {
 public:
  Listener(std::shared_ptr<Inbox> inbox, std::shared_ptr<Line> line) : inbox_(std::move(inbox)), line_(std::move(line)) {}
  void on_message(Bytes message) override {
    const std::lock_guard lock(inbox_->mutex);
    line_->messages.push_back(std::move(message));
    if (line_->messages.size() >= kHeardAhead && !std::exchange(line_->paused, true)) line_->call->pause();
    inbox_->ring();
  }
  void on_end(const rpc::Status& status, const rpc::Metadata&) override {
    const std::lock_guard lock(inbox_->mutex);
    line_->end = status.ok() ? "the orderer ended the stream" : status.to_string();
    line_->call = nullptr;
    inbox_->ring();
  }

 private:
  const std::shared_ptr<Inbox> inbox_;
  const std::shared_ptr<Line> line_;
};

HeaderWatch::HeaderWatch(HeaderWatchSettings settings, const OrdererClient& client, std::vector<Endpoint> others,
                         const BlockVerifier& position, std::function<void()> censored)
    : settings_(settings),
      client_(client),
      censored_(std::move(censored)),
      logger_(log::Logger("BFTCensorshipMonitor").with("channel", client.channel_id())),
      inbox_(std::make_shared<Inbox>()),
      position_(position),
      detector_(settings.censorship_timeout, position.next_number()) {
  for (Endpoint& endpoint : others) {
    const size_t place = witnesses_.size();
    witnesses_.push_back(std::make_unique<Witness>(
        Witness{std::move(endpoint), place, position, settings_.pause_first, SteadyTime{}, false, nullptr}));
    inbox_->lines.push_back(std::make_shared<Line>());
  }
  inbox_->news = true;
  thread_ = std::thread([this] { run(); });
}

HeaderWatch::~HeaderWatch() {
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->stopping = true;
    inbox_->ring();
  }
  thread_.join();
}

void HeaderWatch::moved_on(const BlockVerifier& position) {
  const std::lock_guard lock(inbox_->mutex);
  inbox_->position = position;
  inbox_->ring();
}

void HeaderWatch::run() {
  while (wait()) {
    follow_source();
    for (const auto& witness : witnesses_) listen(*witness);
    const auto deadline = detector_.deadline();
    if (!deadline || now() < *deadline) continue;
    LOG_WARN(logger_, "block censorship timeout ({}ms) expired; last block number: {} < than suspicion header number: {}; "
                      "censorship event detected",
             settings_.censorship_timeout.count(), position_.next_number() - 1, detector_.missing());
    censored_();
    break;
  }
  for (const auto& witness : witnesses_)
    if (witness->channel) witness->channel->close();
}

bool HeaderWatch::wait() const {
  std::optional<SteadyTime> until = detector_.deadline();
  for (const auto& witness : witnesses_)
    if (!witness->asked) until = std::min(until.value_or(witness->ask_at), witness->ask_at);
  std::unique_lock lock(inbox_->mutex);
  const auto something = [this] { return inbox_->news || inbox_->stopping; };
  if (until) {
    inbox_->filled.wait_until(lock, *until, something);
  } else {
    inbox_->filled.wait(lock, something);
  }
  inbox_->news = false;
  return !inbox_->stopping;
}

void HeaderWatch::follow_source() {
  const std::lock_guard lock(inbox_->mutex);
  if (!inbox_->position) return;
  position_ = std::move(*inbox_->position);
  inbox_->position.reset();
  detector_.reached(position_.next_number());
}

void HeaderWatch::listen(Witness& witness) {
  std::deque<Bytes> messages;
  std::optional<std::string> end;
  {
    const std::lock_guard lock(inbox_->mutex);
    Line& line = *inbox_->lines[witness.place];
    messages.swap(line.messages);
    end = std::exchange(line.end, std::nullopt);
    if (std::exchange(line.paused, false) && line.call) line.call->resume();
  }
  for (const Bytes& message : messages)
    if (Status heard = hear(witness, message); !heard) return fall_silent(witness, heard.error().message);
  if (end) return fall_silent(witness, *end);
  if (!witness.asked && witness.ask_at <= now()) ask(witness);
}

void HeaderWatch::ask(Witness& witness) {
  if (witness.verifier.next_number() < position_.next_number()) witness.verifier = position_;
  auto request = client_.seek(witness.verifier.next_number(), OrdererClient::Content::kAttestations);
  if (!request) return fall_silent(witness, to_string(request.error()));
  if (!witness.channel) witness.channel = client_.dial(witness.endpoint);
  LOG_DEBUG(logger_, "Asking {} for headers from {} on", witness.endpoint.address, witness.verifier.next_number());
  witness.asked = true;
  auto line = std::make_shared<Line>();
  const std::lock_guard lock(inbox_->mutex);  // the stream's first words find the call in the line
  line->call = witness.channel->open(kDeliverMethod, {}, std::make_unique<Listener>(inbox_, line));
  line->call->write(std::move(*request));
  inbox_->lines[witness.place] = std::move(line);
}

Status HeaderWatch::hear(Witness& witness, const Bytes& message) {
  ::orderer::DeliverResponse response;
  if (!response.ParseFromString(message)) return fail(Code::kInvalidArgument, "what it sent is no DeliverResponse");
  if (response.has_status())
    return fail(Code::kAborted, "got bad status " + ::common::Status_Name(response.status()));
  if (!response.has_block()) return fail(Code::kInvalidArgument, "it sent neither block nor status");
  const ::common::Block& block = response.block();
  const uint64_t number = block.header().number();
  const Status good = wire::is_config_block(block) ? witness.verifier.accept(block)
                                                   : witness.verifier.accept_attestation(block);
  if (!good) {
    return fail(good.error().within("last block attestation verification failed, blockNum [" + std::to_string(number) + "]"));
  }
  witness.pause = settings_.pause_first;
  detector_.attested(witness.endpoint.address, number, now());
  return {};
}

// Asked again after a pause, from the newest block that it attested or that is here.
void HeaderWatch::fall_silent(Witness& witness, const std::string& why) {
  LOG_DEBUG(logger_, "Header receiver to {} had stopped ({}), retry in {}ms", witness.endpoint.address, escape(why, 300),
            witness.pause.count());
  witness.asked = false;
  witness.ask_at = now() + witness.pause;
  witness.pause = std::min(2 * witness.pause, settings_.pause_max);
  // Dialled anew: the next request is signed for the certificate that we have then, and this connection may show an older one.
  if (witness.channel) witness.channel->close();
  witness.channel = nullptr;
  const std::lock_guard lock(inbox_->mutex);
  auto line = std::exchange(inbox_->lines[witness.place], std::make_shared<Line>());
  if (line->call) line->call->cancel();
}

}  // namespace selvage::deliver
