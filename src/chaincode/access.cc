#include "chaincode/access.h"

#include "channel/bundle.h"
#include "policy/acl.h"

namespace selvage::chaincode {

AccessCheck make_access_check(Channels& channels, std::shared_ptr<const identity::Msp> local) {
  return [&channels, local = std::move(local)](const std::string& resource, const std::string& channel_id,
                                               const Creator& caller) -> Status {
    auto channel = channel_id.empty() ? nullptr : channels.find(channel_id);
    if (!channel) {
      policy::AclChannel none;
      none.channel_id = channel_id;
      return policy::check_acl(resource, none, *local, caller);
    }
    auto bundle = channel->bundle();
    // Remembered by the channel's MSPs: this is the identity that a proposal on this channel already has.
    auto known = caller ? bundle->msps()->deserialize(caller->serialized())
                        : Result<policy::IdentityPtr>(policy::IdentityPtr());
    const bool local_resource = policy::is_local_resource(resource);
    policy::IdentityPtr judged = local_resource ? caller : known ? *known : policy::IdentityPtr();
    return policy::check_acl(resource, bundle->acl_channel(), *local, judged);
  };
}

}  // namespace selvage::chaincode
