// The Application group of a channel configuration, parsed and checked.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "channel/capabilities.h"
#include "identity/msp.h"
#include "policy/acl.h"

namespace selvage::channel {

struct AnchorPeer {
  std::string host;
  int32_t port = 0;
};

struct ApplicationOrg {
  std::string name;  // of the group
  std::shared_ptr<const identity::Msp> msp;
  std::vector<AnchorPeer> anchor_peers;
  [[nodiscard]] const std::string& mspid() const { return msp->mspid(); }
};

struct ApplicationConfig {
  std::map<std::string, ApplicationOrg> orgs;  // by group name
  policy::AclTable acls;                       // resource -> absolute policy path
  ApplicationCapabilities capabilities;

  [[nodiscard]] std::vector<std::string> mspids() const;  // sorted
};

}  // namespace selvage::channel
