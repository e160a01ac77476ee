// Listens to the orderers that blocks are *not* taken from: each is asked for attestations (headers with signatures), and
// when they are ahead of the block source for too long, somebody is told. For BFT ordering services, where one orderer may
// lie by being silent.
//
// Has a thread of its own. An orderer that is down or sends what does not verify is asked again after a growing pause, and
// counts for nothing until then. Fabric quirk: common/deliverclient/blocksprovider/bft_header_receiver.go.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "deliver/pull/block_verifier.h"
#include "deliver/pull/censorship.h"
#include "deliver/pull/endpoints.h"
#include "deliver/pull/orderer_client.h"

namespace selvage::deliver {

struct HeaderWatchSettings {
  std::chrono::milliseconds censorship_timeout{30000};  // peer.deliveryclient.blockCensorshipTimeoutKey
  std::chrono::milliseconds pause_first{100};           // before an orderer that failed is asked again; doubled each time
  std::chrono::milliseconds pause_max{10000};
};

class HeaderWatch {
 public:
  // `others`: whom to listen to; `position` follows the newest block that is here. `censored` is called at most once, on
  // this object's thread, and must not destroy it. `client` outlives it.
  HeaderWatch(HeaderWatchSettings settings, const OrdererClient& client, std::vector<Endpoint> others,
              const BlockVerifier& position, std::function<void()> censored);
  ~HeaderWatch();  // ends all streams and joins the thread
  HeaderWatch(const HeaderWatch&) = delete;
  HeaderWatch& operator=(const HeaderWatch&) = delete;

  // A block has come, which this verifier now follows. Any thread.
  void moved_on(const BlockVerifier& position);

 private:
  struct Line;
  struct Inbox;
  struct Witness;
  class Listener;
  void run();
  // Until there is something to do; false: the watch is to end.
  [[nodiscard]] bool wait() const;
  void follow_source();
  void listen(Witness& witness);
  void ask(Witness& witness);
  [[nodiscard]] Status hear(Witness& witness, const Bytes& message);
  void fall_silent(Witness& witness, const std::string& why);

  const HeaderWatchSettings settings_;
  const OrdererClient& client_;
  const std::function<void()> censored_;
  const log::Logger logger_;
  const std::shared_ptr<Inbox> inbox_;  // what others leave for the thread
  // Of the thread:
  std::vector<std::unique_ptr<Witness>> witnesses_;
  BlockVerifier position_;
  CensorshipDetector detector_;
  std::thread thread_;
};

}  // namespace selvage::deliver
