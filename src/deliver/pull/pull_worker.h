// Takes one channel's blocks from the ordering service: dials an orderer, asks for all blocks from the ledger's height on,
// verifies each and hands it on; when a stream ends, goes on with the next endpoint after a growing pause.
//
// Has a thread of its own. Does not store or validate anything: that is the sink's part.
// Fabric quirk: common/deliverclient/blocksprovider/{deliverer,bft_deliverer}.go.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "deliver/pull/endpoints.h"
#include "deliver/pull/orderer_client.h"
#include "wire/signer.h"

namespace common {
class Block;
}
namespace selvage::rpc {
class Channel;
}

namespace selvage::deliver {

class BlockVerifier;
class HeaderWatch;

// Where the next block goes. Called from the puller's thread only.
class BlockSink {
 public:
  virtual ~BlockSink() = default;
  // What the puller starts from: the newest block that was handed over (its number + 1, its header's hash) and the
  // configuration in force after it.
  struct Position {
    uint64_t next_number = 0;
    Bytes last_hash;
    channel::BundlePtr bundle;
  };
  [[nodiscard]] virtual Position position() = 0;
  // A verified block, in order. May wait (that is the backpressure), but must return soon after stop() began. An error
  // ends the stream, which is tried again from position().
  virtual Status accept(std::shared_ptr<::common::Block> block) = 0;
};

struct PullSettings {
  DialSettings dial;
  std::vector<AddressOverride> overrides;                  // peer.deliveryclient.addressOverrides
  std::chrono::milliseconds pause_first{100};              // between attempts: first, times 1.2 each, at most
  std::chrono::milliseconds pause_max{3600 * 1000};        // peer.deliveryclient.reConnectBackoffThreshold
  std::chrono::milliseconds pauses_total{3600 * 1000};     // peer.deliveryclient.reconnectTotalTimeThreshold
  // peer.deliveryclient.policy "cluster": with a BFT ordering service the other orderers are listened to, and one that holds
  // blocks back is given up. With "simple" it is taken at its word.
  bool watch_bft = true;
  std::chrono::milliseconds censorship_timeout{30000};     // peer.deliveryclient.blockCensorshipTimeoutKey
};

class Puller {
 public:
  // `sink`, `clock` and `random` outlive it. `gave_up`, when it is set, is called once, on the puller's thread, after pauses
  // of more than `pauses_total` without a block: the puller then does nothing more. It must not destroy the puller.
  Puller(std::string channel_id, PullSettings settings, wire::Signer signer, BlockSink& sink, const Clock& clock,
         Random& random, std::function<void()> gave_up = nullptr);
  ~Puller();  // as stop()
  Puller(const Puller&) = delete;
  Puller& operator=(const Puller&) = delete;

  void start();
  // Ends the stream that is open and joins the thread. Twice is fine.
  void stop();

 private:
  enum class Ended { kStopped, kRefreshed, kFailed };
  void run();
  Ended pull_from(const Endpoint& endpoint, BlockVerifier& verifier, bool* progress);
  Ended receive(rpc::Channel& channel, Bytes request, const Endpoint& endpoint, BlockVerifier& verifier, bool* progress);
  // Is this ordering service one whose orderers may lie?
  [[nodiscard]] bool watches(const channel::Bundle& bundle) const;
  // Null unless it is.
  [[nodiscard]] std::unique_ptr<HeaderWatch> watch_others(const Endpoint& source, const BlockVerifier& verifier,
                                                          std::function<void()> censored) const;
  bool pause(std::chrono::milliseconds time);

  const std::string channel_id_;
  const PullSettings settings_;
  const OrdererClient client_;
  BlockSink& sink_;
  const std::function<void()> gave_up_;
  log::Logger logger_;
  // Of the puller's thread: TLS verdicts one after another, the cause last told by address, and whether it was the same.
  size_t verdicts_ = 0;
  std::map<std::string, std::string> told_;
  bool repeated_ = false;
  EndpointChoice endpoints_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::shared_ptr<rpc::Channel> open_channel_;  // to be closed by stop(), whatever waits on it
  std::thread thread_;
};

}  // namespace selvage::deliver
