// One channel as gossip sees it: which organisations may be in it, what its peers say of themselves (state-info: ledger
// height, chaincodes, whether they left), and our own state-info.
//
// Pure; one thread. Checks of signatures and of the handshake are the caller's (Core), told apart below.
// Fabric quirk: gossip/gossip/channel/channel.go.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gossip/view/identity_store.h"
#include "gossip/view/membership.h"
#include "gossip/message.h"

namespace selvage::gossip {

// What a configuration says to gossip.
struct ChannelConfig {
  std::string id;
  uint64_t sequence = 0;
  struct Anchor {
    std::string host;
    int32_t port = 0;
    [[nodiscard]] std::string endpoint() const;  // "host:port"
  };
  std::map<std::string, std::vector<Anchor>> orgs;  // MSP id -> anchor peers
};

// A chaincode that a peer runs on the channel.
struct ChaincodeInfo {
  std::string name;
  std::string version;
};

class ChannelView {
 public:
  ChannelView(ChannelConfig config, Bytes own_pki_id, Now now);

  [[nodiscard]] const ChannelConfig& config() const { return config_; }
  // False when it is older than what we have. Peers of organisations that are not in it any more are dropped.
  bool set_config(ChannelConfig config, const Membership::OrgOf& org_of);
  [[nodiscard]] bool has_org(const std::string& mspid) const { return config_.orgs.contains(mspid); }

  // Our own state-info, changed; own_content() is then to be signed and given to set_own().
  void set_height(uint64_t height, Now now);
  void set_chaincodes(std::vector<ChaincodeInfo> chaincodes, Now now);
  void set_left(Now now);
  [[nodiscard]] uint64_t height() const { return own_.properties().ledger_height(); }
  [[nodiscard]] bool left() const { return own_.properties().left_channel(); }
  [[nodiscard]] ::gossip::GossipMessage own_content() const;
  void set_own(MessagePtr signed_message);
  // Null before the first set_own().
  [[nodiscard]] const MessagePtr& own() const { return own_message_; }

  // The MAC names this channel and the sender of the state-info.
  [[nodiscard]] bool fits(const ::gossip::StateInfo& info) const;
  [[nodiscard]] bool is_news(const ::gossip::StateInfo& info) const;
  // An authentic state-info that fits and is news. True when its peer was not known in this channel, or had left it.
  bool learn(const MessagePtr& message);
  void forget(const Bytes& pki_id);
  // Null when that peer has told us nothing of this channel.
  [[nodiscard]] MessagePtr state_info_of(const Bytes& pki_id) const;

  // For peers of `org`: those of our own organisation without an external endpoint are told to their own only.
  [[nodiscard]] ::gossip::GossipMessage snapshot_for(const std::string& org, const std::string& own_org,
                                                     const Membership& membership, const Membership::OrgOf& org_of) const;
  [[nodiscard]] ::gossip::GossipMessage snapshot_request() const;

  // Alive members that are in the channel and have not left it.
  struct Peer {
    Member member;
    MessagePtr state_info;
    [[nodiscard]] const ::gossip::Properties& properties() const { return state_info->message.state_info().properties(); }
  };
  [[nodiscard]] std::vector<Peer> peers(const Membership& membership) const;

 private:
  void touch(Now now);
  ChannelConfig config_;
  const Bytes own_pki_id_;
  ::gossip::StateInfo own_;
  MessagePtr own_message_;
  std::map<Bytes, MessagePtr> infos_;
};

// "Membership view has changed. peers went online: ..., current view: ..." between two views, as Fabric's tracker prints it;
// "" when it is the same. Fabric quirk: an endpoint that is internal and external alike is shown once.
[[nodiscard]] std::string describe_change(const std::string& channel, const std::vector<ChannelView::Peer>& before,
                                          const std::vector<ChannelView::Peer>& now);

}  // namespace selvage::gossip
