#include "gossip/comm/stream_worker.h"

namespace selvage::gossip {

void Stream::came(StreamEvents& events, Bytes envelope) {
  // A bound on the bytes is what HTTP/2's window and rpc's limit on one message leave: this counts messages.
  if (++on_their_way_ >= queue_ && !paused_.exchange(true)) wire->pause();
  events.came(shared_from_this(), std::move(envelope));
}

void Stream::done() {
  if (--on_their_way_ <= queue_ / 2 && paused_.exchange(false)) wire->resume();
}

}  // namespace selvage::gossip
