// gossip.Gossip on our server: Ping, and the streams that other peers open.
#pragma once

#include <functional>
#include <memory>

#include "gossip/comm/stream_worker.h"
#include "rpc/server.h"

namespace selvage::gossip {

// Before server.start(). `opened` is called on loops, before any event of its stream; false refuses the stream.
void add_gossip_service(rpc::Server& server, size_t receive_queue, std::shared_ptr<StreamEvents> events,
                        std::function<bool(const StreamPtr& stream)> opened);

}  // namespace selvage::gossip
