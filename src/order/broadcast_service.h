// AtomicBroadcast/Broadcast: takes envelopes of clients, checks them, and gives them to the channel's chain.
//
// Many envelopes of a stream are checked at once on pool threads; they are put in line and answered in their order, and
// the first one that is refused ends the stream, as in Fabric.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::order {

class Registrar;

// Must outlive the rpc::Server that it was added to.
class BroadcastService {
 public:
  struct Settings {
    size_t ahead_max = 128;               // envelopes of one stream in work; then its window is closed
    size_t ahead_bytes_max = 16u << 20;
    size_t all_bytes_max = 256u << 20;    // of all streams together; then each has one envelope in work at a time
    int throttle_rate = 0;                // General.Throttling.Rate, messages a second; 0: no limit
    std::chrono::nanoseconds throttle_inactivity = std::chrono::seconds(5);  // General.Throttling.InactivityTimeout
  };
  using Post = std::function<void(std::function<void()>)>;  // runs soon, on a thread of a pool

  BroadcastService(Settings settings, Registrar& registrar, metrics::Provider& metrics, Post post);
  ~BroadcastService();

  // "/orderer.AtomicBroadcast/Broadcast". Before Server::start().
  void add_to(rpc::Server& server);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace selvage::order
