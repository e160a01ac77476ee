// Opens gossip streams to other peers.
#pragma once

#include <memory>
#include <string>

#include "gossip/comm/stream_worker.h"
#include "gossip/settings.h"
#include "tls/context.h"

namespace selvage::gossip {

struct DialSettings {
  std::shared_ptr<tls::ClientContext> tls;  // null: plaintext
  Milliseconds dial_timeout{3000};
  Milliseconds keepalive_interval{60000};   // peer.keepalive.client.interval
  Milliseconds keepalive_timeout{20000};    // peer.keepalive.client.timeout
  size_t receive_bytes_max = 100u << 20;    // peer.maxRecvMsgSize
  size_t send_bytes_max = 100u << 20;       // peer.maxSendMsgSize
  size_t receive_queue = 20;
};

// Starts to connect, at once and once; what is written is sent when the connection is up. `events` is told of the stream's
// end exactly once.
[[nodiscard]] StreamPtr dial(const std::string& endpoint, const DialSettings& settings, std::shared_ptr<StreamEvents> events);

}  // namespace selvage::gossip
