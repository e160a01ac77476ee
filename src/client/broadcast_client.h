// orderer.AtomicBroadcast/Broadcast: hands envelopes to the ordering service.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "rpc/channel.h"

namespace common {
class Envelope;
}

namespace selvage::client {

class BroadcastClient {
 public:
  // One orderer; or, for BFT, all of them: each gets every envelope. Opens a stream on each channel.
  explicit BroadcastClient(const std::vector<std::shared_ptr<rpc::Channel>>& orderers);
  ~BroadcastClient();

  // Waits for the acknowledgement of every orderer. Errors: "got unexpected status: FORBIDDEN -- <info>", "could not
  // send to orderer node: ..." One thread at a time.
  [[nodiscard]] Status send(const ::common::Envelope& envelope);

 private:
  std::vector<std::shared_ptr<rpc::Channel>> channels_;  // a channel that goes ends its streams
  std::vector<std::unique_ptr<rpc::ClientStream>> streams_;
};

}  // namespace selvage::client
