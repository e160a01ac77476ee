#include "node/orderer/consenter_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/chain.h"
#include "order/cluster/members.h"
#include "order/consensus_metadata.h"

namespace selvage::node {

void ConsenterKeys::follow(const channel::Bundle& bundle) {
  std::vector<Consenter> consenters;
  if (auto metadata = bundle.orderer() == nullptr ? fail(Code::kNotFound, "") : order::config_metadata_of(bundle)) {
    for (const auto& one : metadata->consenters()) {
      if (auto server = crypto::Certificate::from_pem(one.server_tls_cert())) {
        consenters.push_back({one.host(), one.port(), std::move(*server)});
      }
    }
  }
  std::lock_guard lock(mutex_);
  channels_[bundle.channel_id()] = std::move(consenters);
}

void ConsenterKeys::forget(const std::string& channel) {
  std::lock_guard lock(mutex_);
  channels_.erase(channel);
}

std::string ConsenterKeys::other_key_for(uint16_t port, const crypto::Certificate& own) const {
  std::lock_guard lock(mutex_);
  for (const auto& [channel, consenters] : channels_) {
    const auto known = [&](const Consenter& one) { return one.server.spki_der() == own.spki_der(); };
    if (std::any_of(consenters.begin(), consenters.end(), known)) continue;
    for (const Consenter& one : consenters) {
      if (one.port != port || crypto::check_host(own, one.host)) continue;
      return fmt::format("channel {} has {} for the consenter {}:{}, and this listener presents {}", channel,
                         order::cluster::facts_of(one.server), escape(one.host, 120), one.port, order::cluster::facts_of(own));
    }
  }
  return "";
}

}  // namespace selvage::node
