#include "tools/discover/rendering.h"

#include <nlohmann/json.hpp>

#include <map>

#include "gossip/message.pb.h"
#include "msp/identities.pb.h"
#include "tools/go_text.h"
#include "wire/marshal.h"

namespace selvage::tools::discover {
namespace {

using Json = nlohmann::ordered_json;

::gossip::GossipMessage message_of(const ::gossip::Envelope& envelope) {
  ::gossip::GossipMessage message;
  if (!wire::parse_into(envelope.payload(), message)) message.Clear();
  return message;
}

std::string dump(const Json& json) { return json.dump(1, '\t', false, Json::error_handler_t::replace) + "\n"; }

struct Shown {
  ::msp::SerializedIdentity identity;
  std::string endpoint;
  ::gossip::Properties properties;
};
Shown open(const ::discovery::Peer& peer) {
  Shown out;
  if (!wire::parse_into(peer.identity(), out.identity)) out.identity.Clear();
  out.endpoint = message_of(peer.membership_info()).alive_msg().membership().endpoint();
  out.properties = message_of(peer.state_info()).state_info().properties();
  return out;
}

}  // namespace

std::string show_peers(const ::discovery::PeerMembershipResult& members, bool of_channel) {
  Json peers;  // null when there are none, as Go has it
  const std::map<std::string, ::discovery::Peers> sorted(members.peers_by_org().begin(), members.peers_by_org().end());
  for (const auto& [mspid, of_org] : sorted) {
    for (const auto& peer : of_org.peers()) {
      const Shown shown = open(peer);
      Json one = {{"MSPID", mspid}};
      if (of_channel) one["LedgerHeight"] = shown.properties.ledger_height();
      one["Endpoint"] = shown.endpoint;
      one["Identity"] = shown.identity.id_bytes();
      if (of_channel) {
        Json chaincodes;
        for (const auto& chaincode : shown.properties.chaincodes()) chaincodes.push_back(chaincode.name());
        one["Chaincodes"] = std::move(chaincodes);
      }
      peers.push_back(std::move(one));
    }
  }
  return dump(peers);
}

std::string show_config(const ::discovery::ConfigResult& config) { return go_json(config, "\t") + "\n"; }

std::string show_endorsers(const ::discovery::ChaincodeQueryResult& result) {
  Json descriptors;
  for (const auto& descriptor : result.content()) {
    Json groups = Json::object();
    const std::map<std::string, ::discovery::Peers> sorted(descriptor.endorsers_by_groups().begin(),
                                                           descriptor.endorsers_by_groups().end());
    for (const auto& [name, peers] : sorted) {
      Json group;
      for (const auto& peer : peers.peers()) {
        const Shown shown = open(peer);
        group.push_back({{"MSPID", shown.identity.mspid()},
                         {"LedgerHeight", shown.properties.ledger_height()},
                         {"Endpoint", shown.endpoint},
                         {"Identity", shown.identity.id_bytes()}});
      }
      groups[name] = std::move(group);
    }
    Json layouts;
    for (const auto& layout : descriptor.layouts()) {
      Json quantities = Json::object();
      const std::map<std::string, uint32_t> by_name(layout.quantities_by_group().begin(),
                                                    layout.quantities_by_group().end());
      for (const auto& [name, count] : by_name) quantities[name] = count;
      layouts.push_back({{"quantities_by_group", std::move(quantities)}});
    }
    descriptors.push_back({{"Chaincode", descriptor.chaincode()},
                           {"EndorsersByGroups", std::move(groups)},
                           {"Layouts", std::move(layouts)}});
  }
  return dump(descriptors);
}

}  // namespace selvage::tools::discover
