// All of gossip that needs no socket: members, identities, channels, elections and transfers joined into one state machine.
//
// Pure; one thread at a time (gossip_worker.h holds a lock). Every input takes the time; what is to be done is taken with
// take_output() after each. A message that is not what it should be is dropped and counted by its reason; a peer that sends
// many such is cut off.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/random.h"
#include "gossip/metrics.h"
#include "gossip/outbox.h"
#include "gossip/peer_crypto.h"
#include "gossip/roles/contacts.h"
#include "gossip/roles/election.h"
#include "gossip/roles/state_transfer.h"
#include "gossip/settings.h"
#include "gossip/view/channel_view.h"
#include "gossip/view/identity_pull.h"
#include "gossip/view/identity_store.h"
#include "gossip/view/membership.h"

namespace selvage::gossip {

class Core {
 public:
  // All outlive it.
  Core(const Settings& settings, const PeerCrypto& crypto, Random& random, Metrics& metrics, Now now);

  // Everything that is due. Call it at the latest at next_due().
  void tick(Now now);
  [[nodiscard]] SteadyTime next_due() const;
  [[nodiscard]] Outbox take_output();

  // From the transport.
  void received(const SenderPtr& from, const MessagePtr& message, Now now);
  void dialled(const std::string& endpoint, Result<SenderPtr> outcome, Now now);
  void unreachable(const Bytes& pki_id, Now now);
  void replaced(const Bytes& old_pki_id, Now now);  // the peer at its endpoint has another identity now
  [[nodiscard]] IdentityStore& identities() { return identities_; }

  // From the peer. A channel's first configuration joins it.
  void set_channel(ChannelConfig config, Now now);
  void leave_channel(const std::string& channel, Now now);
  void set_height(const std::string& channel, uint64_t height, Now now);
  void set_chaincodes(const std::string& channel, std::vector<ChaincodeInfo> chaincodes, Now now);
  void yield_leadership(const std::string& channel, Now now);
  // Blocks up to here need not be asked for: they are stored or on their way to the ledger.
  void set_transfer_height(const std::string& channel, uint64_t height);
  [[nodiscard]] bool take_state_answer(const ::gossip::GossipMessage& message, const Bytes& from, Now now);
  void state_taken(const std::string& channel, bool all_good, Now now);
  // Passes a verified block on within the organisation.
  void pass_block_on(const MessagePtr& block, const Bytes& except, Now now);

  // Views.
  [[nodiscard]] const Membership& membership() const { return membership_; }
  [[nodiscard]] const IdentityStore& identities() const { return identities_; }
  [[nodiscard]] const std::string& own_org() const { return own_org_; }
  // Null when the channel was not joined.
  [[nodiscard]] const ChannelView* channel(const std::string& id) const;
  [[nodiscard]] std::vector<ChannelView::Peer> peers_of(const std::string& channel) const;
  [[nodiscard]] MessagePtr own_alive(Now now);  // null when it cannot be signed

 private:
  struct Channel {
    Channel(ChannelConfig config, const Settings& settings, const Bytes& own, Random& random, Now now);
    ChannelView view;
    StateTransfer transfer;
    std::optional<Election> election;
    uint64_t transfer_height = 0;
    bool unpublished = true;                       // our state-info changed
    bool members_changed = true;
    std::vector<ChannelView::Peer> reported;       // what the log said last
    std::map<Bytes, Bytes> eligible;               // PKI-id -> handshake signature that this configuration accepts
    std::map<Bytes, ::gossip::PeerTime> leadership;  // newest message of each peer
  };
  struct Penalty {
    SteadyTime since;
    size_t count = 0;
  };
  enum class Verdict { kGood, kUnknown, kBad };

  // core.cc
  // True when it is worth a line in the log: the first suspicious message of this peer in a while.
  bool drop(const SenderPtr& from, const char* reason, bool suspicious, SteadyTime now);
  void forget_peer(const Bytes& pki_id, Now now);
  [[nodiscard]] std::string org_of(const Bytes& pki_id) const { return identities_.org_of(pki_id); }
  [[nodiscard]] Result<MessagePtr> sign(::gossip::GossipMessage message) const;
  void tick_members(Now now);
  void tick_channel(Channel& channel, Now now);
  void act_on(Channel& channel, const Election::Step& step, Now now);
  void handle_leadership(Channel& channel, const SenderPtr& from, const MessagePtr& message, Now now);

  // core_members.cc
  [[nodiscard]] Verdict check_alive(const SignedMessage& message, Now now);
  bool learn_alive(const SenderPtr& from, const MessagePtr& message, Now now);
  void welcome(const Member& member, Now now);
  void ask_identities(const Target& from, Now now);
  void handle_alive(const SenderPtr& from, const MessagePtr& message, Now now);
  void handle_membership_request(const SenderPtr& from, const MessagePtr& message, Now now);
  void handle_membership_response(const SenderPtr& from, const MessagePtr& message, Now now);
  void handle_identity_pull(const SenderPtr& from, const MessagePtr& message, Now now);
  void take_identities(const SenderPtr& from, const ::gossip::DataUpdate& update, Now now);
  void request_membership(const Target& to, const std::string& to_org, uint64_t nonce, Now now);
  void gossip_alive(const MessagePtr& alive, const Bytes& except, size_t count);
  [[nodiscard]] bool may_have_identity(const Bytes& pki_id, const std::string& org) const;

  // core_channels.cc
  void handle_channel_message(const SenderPtr& from, const MessagePtr& message, Now now);
  [[nodiscard]] Channel* channel_for(const ::gossip::GossipMessage& message, const Bytes& from);
  [[nodiscard]] bool is_eligible(Channel& channel, const Sender& from);
  void handle_state_info(Channel& channel, const SenderPtr& from, const MessagePtr& message, Now now);
  void handle_snapshot(Channel& channel, const SenderPtr& from, const MessagePtr& message, Now now);
  [[nodiscard]] Verdict check_state_info(Channel& channel, const SignedMessage& message, Now now);
  void publish(Channel& channel, Now now);
  void introduce(Channel& channel, const Member& member);
  void gossip_state_info(Channel& channel, const MessagePtr& info, const Bytes& except, size_t count);
  [[nodiscard]] bool may_see_state_info(const Channel& channel, const Bytes& of, const Bytes& to) const;

  using Filter = std::function<bool(const Member&)>;
  // At random, but for all that one event sends alike: it then shares packets, and wakes few peers.
  [[nodiscard]] std::vector<const Member*> choose(size_t count, const Filter& filter);
  [[nodiscard]] static Target target_of(const Member& member) { return {member.pki_id, member.preferred_endpoint()}; }

  const Settings& settings_;
  const PeerCrypto& crypto_;
  Random& random_;
  Metrics& metrics_;
  const Bytes own_;
  const std::string own_org_;
  IdentityStore identities_;
  Membership membership_;
  IdentityPull pull_;
  Contacts contacts_;
  std::map<std::string, Channel> channels_;
  std::map<Bytes, Penalty> penalties_;
  std::map<Bytes, SteadyTime> identities_asked_;  // of whom, lately
  std::map<Bytes, SteadyTime> ask_again_;         // whose members we could not take for want of identities
  Outbox out_;
  std::optional<uint64_t> lot_;  // of this event's choose()

  const uint64_t incarnation_;
  uint64_t alive_number_ = 0;
  MessagePtr own_alive_;
  SteadyTime own_alive_made_;
  SteadyTime tell_identity_until_;  // our identity goes with our alive messages
  struct {
    SteadyTime alive, expiry, sync, reconnect, publish, request, tracker;
  } due_;
};

}  // namespace selvage::gossip
