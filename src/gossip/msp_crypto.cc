#include "gossip/msp_crypto.h"

#include "policy/policy_manager.h"

namespace selvage::gossip {
namespace {

constexpr size_t kKnownMax = 1000;

}  // namespace

void MspCrypto::follow(channel::BundlePtr bundle) {
  std::lock_guard lock(mutex_);
  channels_[bundle->channel_id()] = std::move(bundle);
  known_.clear();
  ++version_;
}

MspCrypto::Channels MspCrypto::channels() const {
  std::lock_guard lock(mutex_);
  return channels_;
}

std::string MspCrypto::org_of(BytesView identity) const {
  if (local_->deserialize(identity)) return local_->mspid();
  for (const auto& [id, bundle] : channels()) {
    if (auto found = bundle->msps()->deserialize(identity)) return (*found)->mspid();
  }
  return "";
}

Result<MspCrypto::Found> MspCrypto::find(BytesView identity) const {
  std::unique_lock lock(mutex_);
  if (const auto known = known_.find(identity); known != known_.end()) return known->second;
  const Channels under = channels_;
  const uint64_t version = version_;
  lock.unlock();
  SELVAGE_TRY(auto found, look_up(identity, under));
  lock.lock();
  if (version != version_) return found;
  if (known_.size() >= kKnownMax) known_.clear();
  known_.emplace(identity, found);
  return found;
}

// Our own MSP decides on those who claim it, whatever a channel says of them.
Result<MspCrypto::Found> MspCrypto::look_up(BytesView identity, const Channels& channels) const {
  if (identity.empty()) return fail(Code::kInvalidArgument, "Invalid Peer Identity. It must be different from nil.");
  if (auto own = local_->deserialize(identity)) {
    if (auto formed = local_->check_well_formed(identity); !formed) {
      return fail(formed.error().within("identity is not well formed"));
    }
    SELVAGE_CHECK((*own)->validate());
    return Found{std::move(*own), ""};
  }
  for (const auto& [id, bundle] : channels) {
    auto found = bundle->msps()->deserialize(identity);
    if (!found) continue;
    if (auto formed = bundle->msps()->check_well_formed(identity); !formed) {
      return fail(formed.error().within("identity is not well formed"));
    }
    if (!(*found)->validate()) continue;
    return Found{std::move(*found), id};
  }
  return fail(Code::kPermissionDenied, "Peer Identity " + identity::describe_identity(identity) +
                                           " cannot be validated. No MSP found able to do that.");
}

Status MspCrypto::validate(BytesView identity) const {
  SELVAGE_TRY([[maybe_unused]] const auto found, find(identity));
  return {};
}

Result<SystemTime> MspCrypto::expires_at(BytesView identity) const {
  SELVAGE_TRY(const auto found, find(identity));
  return found.identity->expires_at();
}

Status MspCrypto::verify(BytesView identity, BytesView signature, BytesView message) const {
  SELVAGE_TRY(const auto found, find(identity));
  if (found.channel.empty()) return found.identity->verify(message, signature);
  return verify_in_channel(found.channel, identity, signature, message);
}

Status MspCrypto::verify_in_channel(const std::string& channel, BytesView identity, BytesView signature,
                                    BytesView message) const {
  channel::BundlePtr bundle;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = channels_.find(channel); found != channels_.end()) bundle = found->second;
  }
  if (!bundle) return fail(Code::kNotFound, "Could not acquire policy manager for channel " + channel);
  const policy::SignedData data{message, identity, signature};
  return bundle->policies().evaluate(policy::kChannelApplicationReaders, std::span(&data, 1));
}

}  // namespace selvage::gossip
