// `gateway.Gateway/CommitStatus` and `/ChaincodeEvents` on a gRPC server.
//
// A call that waits holds no thread; a client that goes away leaves nothing behind. What verifies signatures or reads blocks
// runs on the pool that `post` gives.
#pragma once

#include <functional>
#include <memory>

#include "event/commit_notifier.h"
#include "event/source.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::event {

class EventService {
 public:
  struct Parts {  // references outlive the service
    Channels& channels;
    CommitNotifier& commits;
    AccessCheck access;
    std::function<void(std::function<void()>)> post;  // soon, on a thread of a pool; never within the call
  };
  explicit EventService(Parts parts);
  ~EventService();  // stop()

  // Before server.start(). The service outlives the server.
  void add_to(rpc::Server& server);
  // Ends all event streams, with Unavailable. Calls of CommitStatus end with CommitNotifier::stop().
  void stop();

  [[nodiscard]] size_t open_streams() const;

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace selvage::event
