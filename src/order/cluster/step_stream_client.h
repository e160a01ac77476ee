// One gRPC stream of orderer.Cluster/Step to another consenter: what waits on it, since when it stands still, and how
// it ended. Made and used by transport_client.cc.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "order/cluster/members.h"

namespace selvage::rpc {
class Channel;
class ClientCall;
}  // namespace selvage::rpc

namespace selvage::order::cluster {

struct StepStream {
  // The stream is over, by whose fault ever. On the connection's loop, once.
  using OnEnd = std::function<void(const std::shared_ptr<StepStream>& stream, const std::string& why)>;
  [[nodiscard]] static std::shared_ptr<StepStream> open(const std::shared_ptr<rpc::Channel>& connection, OnEnd on_end);

  // Without `mutex`. All wake who waits for room; the first reason is kept.
  void end(const std::string& why);
  void abort(const std::string& why);  // and cancels the call
  void leave(const std::string& why);  // what was written still goes out, and nothing is written after it
  void wake();

  // Under `mutex`.
  void push(Bytes request);
  // Forgets what the connection has taken since; how many bytes it has not.
  size_t settle();

  std::shared_ptr<rpc::ClientCall> call;
  std::weak_ptr<rpc::Channel> connection;
  uint64_t credentials = 0;  // version of the certificate that the connection was made with
  std::atomic<bool> over{false};
  std::mutex mutex;  // guards the rest
  std::string why;
  bool left = false;  // leave() was here
  std::vector<std::function<void()>> waiting_for_room;
  std::deque<size_t> queued;  // sizes of messages that the connection has not taken
  size_t queued_bytes = 0;
  SteadyTime moved_at;
  std::optional<ExpiryWarning> expiry;
  std::string server_name;
};

}  // namespace selvage::order::cluster
