// Connections to the other peers and the orderers of our channels: made when first needed, kept, and let go when a
// configuration changes what they rest on.
//
// Safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/planner.h"
#include "gateway/submit.h"

namespace selvage::rpc {
class Channel;
}

namespace selvage::gateway {

// A channel to this address that believes these roots and shows the peer's certificate; without roots in plaintext. Does
// not connect.
using Dial = std::function<std::shared_ptr<rpc::Channel>(const std::string& address, const std::vector<tls::Root>& roots)>;

class EndorserClients final : public Endorsers {
 public:
  // `network` outlives it.
  EndorserClients(EndorserPtr local, Network& network, Dial dial);

  [[nodiscard]] EndorserPtr local() override { return local_; }
  [[nodiscard]] EndorserPtr find(const std::string& channel, const Member& member) override;
  void drop(const Endorser& endorser) override;
  // A channel's configuration changed: connections to organisations whose TLS roots are others now are let go.
  void config_changed(const channel::Bundle& bundle);
  // Ends all calls.
  void stop();
  [[nodiscard]] size_t size() const;

 private:
  class Remote;
  const EndorserPtr local_;
  Network& network_;
  const Dial dial_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Remote>> remotes_;  // by endpoint
  bool stopped_ = false;
};

class OrdererClients final : public Orderers {
 public:
  explicit OrdererClients(Dial dial) : dial_(std::move(dial)) {}

  [[nodiscard]] std::vector<std::shared_ptr<Orderer>> use(const std::string& channel,
                                                          const std::vector<OrdererEndpoint>& endpoints) override;
  // Closes what only an older configuration of the channel named.
  void config_changed(const std::string& channel, const std::vector<OrdererEndpoint>& endpoints);
  void stop();
  [[nodiscard]] size_t size() const;

 private:
  class Remote;
  void set_channel(const std::string& channel, const std::vector<OrdererEndpoint>& endpoints);  // with mutex_ held
  const Dial dial_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<OrdererEndpoint>> channels_;
  std::map<std::string, std::shared_ptr<Remote>> remotes_;  // by address
  bool stopped_ = false;
};

}  // namespace selvage::gateway
