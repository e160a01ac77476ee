#include "client/commit_client.h"

#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "client/deliver_client.h"
#include "orderer/ab.pb.h"
#include "peer/events.pb.h"
#include "wire/marshal.h"

namespace selvage::client {
namespace {

constexpr const char* kTimedOut = "timed out waiting for txid on all peers";

}  // namespace

CommitClient::CommitClient(std::string channel_id, std::string transaction_id, wire::Signer signer,
                           Bytes certificate_hash)
    : channel_id_(std::move(channel_id)),
      transaction_id_(std::move(transaction_id)),
      signer_(std::move(signer)),
      certificate_hash_(std::move(certificate_hash)) {}

CommitClient::~CommitClient() {
  for (Watch& watch : watches_) watch.stream->cancel();
}

template <class Each>
bool CommitClient::on_all(std::chrono::milliseconds timeout, Each each) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t open = watches_.size();
  std::vector<std::thread> threads;
  for (Watch& watch : watches_) {
    threads.emplace_back([&] {
      each(watch);
      const std::lock_guard lock(mutex);
      --open;
      changed.notify_all();
    });
  }
  bool in_time = false;
  {
    std::unique_lock lock(mutex);
    in_time = changed.wait_for(lock, timeout, [&] { return open == 0; });
  }
  if (!in_time)
    for (Watch& watch : watches_) watch.stream->cancel();
  for (std::thread& thread : threads) thread.join();
  return in_time;
}

Status CommitClient::connect(const std::vector<CommitPeer>& peers, std::chrono::milliseconds timeout) {
  ::orderer::SeekInfo seek;
  seek.mutable_start()->mutable_newest();
  seek.mutable_stop()->mutable_specified()->set_number(std::numeric_limits<uint64_t>::max());
  seek.set_behavior(::orderer::SeekInfo::BLOCK_UNTIL_READY);
  SELVAGE_TRY(const auto envelope, make_seek_envelope(channel_id_, signer_, certificate_hash_, seek));
  const Bytes request = wire::marshal(envelope);
  for (const CommitPeer& peer : peers) {
    Watch watch{peer.channel, peer.address, peer.channel->stream("/protos.Deliver/DeliverFiltered"), {}};
    if (!watch.stream->write(request)) {
      const rpc::Status status = watch.stream->finish();
      return fail(status.code,
                  "failed to connect to deliver on all peers: error sending deliver seek info envelope to " +
                      peer.address + ": " + status.to_string());
    }
    watch.stream->half_close();
    watches_.push_back(std::move(watch));
  }
  const bool in_time = on_all(timeout, [](Watch& watch) {
    if (Bytes message; watch.stream->read(&message)) watch.first = std::move(message);
  });
  if (!in_time) return fail(Code::kDeadlineExceeded, kTimedOut, "a peer did not begin to send blocks; the transaction was not sent");
  return {};
}

Status CommitClient::follow(Watch& watch, const Told& told) const {
  for (Bytes message = std::exchange(watch.first, {}); !message.empty() || watch.stream->read(&message); message.clear()) {
    SELVAGE_TRY(const auto answer, wire::parse<::protos::DeliverResponse>(message));
    if (!answer.has_filtered_block())
      return fail(Code::kUnknown, "deliver completed with status (" + ::common::Status_Name(answer.status()) +
                                      ") before txid received",
                  why_refused(*watch.stream, answer.status()));
    for (const auto& transaction : answer.filtered_block().filtered_transactions()) {
      if (transaction.txid() != transaction_id_) continue;
      if (told) told(watch.address, transaction.tx_validation_code());
      if (transaction.tx_validation_code() == ::protos::VALID) return {};
      return fail(Code::kAborted, "transaction invalidated with status (" +
                                      ::protos::TxValidationCode_Name(transaction.tx_validation_code()) + ")");
    }
  }
  const rpc::Status status = watch.stream->finish();
  return fail(
      status.ok() ? Code::kUnavailable : status.code,
      "error receiving from deliver filtered at " + watch.address + ": " + (status.ok() ? "EOF" : status.to_string()));
}

Status CommitClient::wait(std::chrono::milliseconds timeout, const Told& told) {
  std::mutex mutex;
  std::optional<Error> error;
  const bool in_time = on_all(timeout, [&](Watch& watch) {
    auto done = follow(watch, told);
    const std::lock_guard lock(mutex);
    if (!done && !error) error = done.error();
  });
  if (!in_time) return fail(Code::kDeadlineExceeded, kTimedOut);
  if (error) return fail(*error);
  return {};
}

}  // namespace selvage::client
