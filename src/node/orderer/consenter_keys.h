// By which server keys the channels' configurations know the orderers, to tell an operator that other orderers refuse this
// one's listener for its key (TLS-51). What is demanded of other orderers: order/cluster/members.h.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "crypto/certificate.h"

namespace selvage::node {

// Any thread.
class ConsenterKeys {
 public:
  void follow(const channel::Bundle& bundle);
  void forget(const std::string& channel);
  // `own`: what our listener on this port shows. A channel that has another key for the consenter at this port, under a name
  // of `own`, is told with both certificates; empty when there is none.
  [[nodiscard]] std::string other_key_for(uint16_t port, const crypto::Certificate& own) const;

 private:
  struct Consenter {
    std::string host;
    uint32_t port = 0;
    crypto::Certificate server;
  };
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Consenter>> channels_;
};

}  // namespace selvage::node
