// The same load through the Gateway of the first peer.
#pragma once

#include <memory>

#include "client/gateway/gateway_client.h"
#include "network/load.h"

namespace selvage::bench {

// Any thread.
class GatewayClient {
 public:
  [[nodiscard]] static Result<std::unique_ptr<GatewayClient>> make(const LoadSettings& settings);
  // Endorsed as the policy wants, ordered and committed.
  Status submit(const client::Call& call);
  Status endorse(const client::Call& call);
  Status evaluate(const client::Call& call);

 private:
  explicit GatewayClient(client::Contract contract) : contract_(std::move(contract)) {}
  client::Contract contract_;
};

}  // namespace selvage::bench
