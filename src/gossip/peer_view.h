// The peers of a channel as discovery and the gateway see them: with their original signed messages.
#pragma once

#include <string>
#include <vector>

#include "gossip/message.h"
#include "gossip/view/channel_view.h"

namespace selvage::gossip {

struct PeerInfo {
  Bytes pki_id;
  Bytes identity;                 // msp.SerializedIdentity
  std::string org;                // MSP id
  std::string endpoint;           // external; may be empty
  std::string internal_endpoint;  // empty for other organisations
  ::gossip::Envelope alive;       // as its sender signed it; secrets only of our own organisation
  ::gossip::Envelope state_info;  // the same; empty in views that are of no channel
  uint64_t height = 0;
  std::vector<ChaincodeInfo> chaincodes;
  bool self = false;

  [[nodiscard]] const std::string& preferred_endpoint() const {
    return internal_endpoint.empty() ? endpoint : internal_endpoint;
  }
};

}  // namespace selvage::gossip
