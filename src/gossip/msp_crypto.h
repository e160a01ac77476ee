// PeerCrypto over our local MSP and the configurations of our channels.
// Fabric quirk: internal/peer/gossip/mcs.go, sa.go.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "channel/bundle.h"
#include "gossip/peer_crypto.h"
#include "identity/msp.h"
#include "wire/signer.h"

namespace selvage::gossip {

class MspCrypto final : public PeerCrypto {
 public:
  MspCrypto(std::shared_ptr<const identity::Msp> local, wire::Signer signer)
      : local_(std::move(local)), signer_(std::move(signer)) {}
  // The configuration in force of its channel, from now on.
  void follow(channel::BundlePtr bundle);

  [[nodiscard]] const Bytes& own_identity() const override { return signer_.serialized; }
  [[nodiscard]] Result<Bytes> sign(BytesView message) const override { return signer_.sign(message); }
  [[nodiscard]] std::string org_of(BytesView identity) const override;
  [[nodiscard]] Status validate(BytesView identity) const override;
  [[nodiscard]] Result<SystemTime> expires_at(BytesView identity) const override;
  [[nodiscard]] Status verify(BytesView identity, BytesView signature, BytesView message) const override;
  [[nodiscard]] Status verify_in_channel(const std::string& channel, BytesView identity, BytesView signature,
                                         BytesView message) const override;

 private:
  struct Found {
    std::shared_ptr<const identity::Identity> identity;
    std::string channel;  // whose configuration knows it; empty: our own MSP
  };
  using Channels = std::map<std::string, channel::BundlePtr>;
  [[nodiscard]] Channels channels() const;
  [[nodiscard]] Result<Found> find(BytesView identity) const;
  [[nodiscard]] Result<Found> look_up(BytesView identity, const Channels& channels) const;

  const std::shared_ptr<const identity::Msp> local_;
  const wire::Signer signer_;
  mutable std::mutex mutex_;
  Channels channels_;
  // Valid identities under these configurations: a message then costs its own signature, and not those of a chain.
  mutable std::map<Bytes, Found, std::less<>> known_;
  uint64_t version_ = 0;  // of channels_
};

}  // namespace selvage::gossip
