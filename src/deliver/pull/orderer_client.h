// How a peer asks an orderer for a channel's blocks: the connection and the signed request.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "deliver/pull/endpoints.h"
#include "tls/credentials.h"
#include "wire/signer.h"

namespace selvage::rpc {
class Channel;
}

namespace selvage::deliver {

inline constexpr const char* kDeliverMethod = "/orderer.AtomicBroadcast/Deliver";

struct DialSettings {
  bool tls = true;                                      // peer.tls.enabled
  // Set when the peer authenticates itself to orderers (peer.tls.clientAuthRequired): sent in the handshake, and its
  // hash in each request.
  std::shared_ptr<tls::CredentialStore> credentials;
  std::chrono::milliseconds connect_timeout{3000};      // peer.deliveryclient.connTimeout
  std::chrono::milliseconds keepalive_interval{60000};  // peer.keepalive.deliveryClient.interval
  std::chrono::milliseconds keepalive_timeout{20000};   // peer.keepalive.deliveryClient.timeout
};

// Safe from any thread.
class OrdererClient {
 public:
  // `clock` and `random` outlive it.
  OrdererClient(std::string channel_id, DialSettings settings, wire::Signer signer, const Clock& clock, Random& random);

  [[nodiscard]] const std::string& channel_id() const { return channel_id_; }
  // Does not connect yet.
  [[nodiscard]] std::shared_ptr<rpc::Channel> dial(const Endpoint& endpoint) const;
  enum class Content { kBlocks, kAttestations };  // headers with signatures, and config blocks whole
  // A signed request for everything from block `from` on, without an end. Errors: our own signature failed.
  [[nodiscard]] Result<Bytes> seek(uint64_t from, Content content) const;

 private:
  const std::string channel_id_;
  const DialSettings settings_;
  const wire::Signer signer_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace selvage::deliver
