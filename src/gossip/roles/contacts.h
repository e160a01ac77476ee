// The endpoints that we were told to make contact with: bootstrap peers of our organisation, and anchor peers of channels.
// Tried until one answered as the peer it should be.
//
// Pure; one thread. Fabric quirk: discovery_impl.go Connect; ours tries again after a second first, and only later every
// reconnectInterval.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gossip/comm/handshake.h"
#include "gossip/settings.h"
#include "gossip/view/channel_view.h"

namespace selvage::gossip {

class Contacts {
 public:
  Contacts(const Settings& settings, std::string own_org, SteadyTime now);

  // The anchor peers of this configuration, in place of what its channel had.
  void set_channel(const ChannelConfig& config, SteadyTime now);
  // Bootstrap and anchor peers are never forgotten as members.
  [[nodiscard]] bool has(const std::string& endpoint) const { return contacts_.contains(endpoint); }

  // Endpoints to dial now.
  [[nodiscard]] std::vector<std::string> due(SteadyTime now);
  [[nodiscard]] SteadyTime next() const;
  // How it went. True: this is the peer that should be there, ask it for members with `nonce`, then answered() is awaited.
  [[nodiscard]] bool dialled(const std::string& endpoint, const Result<SenderPtr>& outcome, const Bytes& own_pki_id,
                             uint64_t nonce, SteadyTime now);
  void answered(uint64_t nonce);

 private:
  struct Contact {
    std::set<std::string> channels;  // that name it; empty: bootstrap only
    bool bootstrap = false;
    bool own_org = false;            // whoever answers must be of our organisation
    bool done = false;
    int attempts = 0;
    uint64_t nonce = 0;
    SteadyTime next;
  };
  [[nodiscard]] bool is_ourselves(const std::string& endpoint) const;
  void retry(Contact& contact, SteadyTime now) const;

  const Settings& settings_;
  const std::string own_org_;
  std::map<std::string, Contact> contacts_;
};

}  // namespace selvage::gossip
