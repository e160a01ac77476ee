// An orderer's TLS while it runs: what every node has (node/tls_upkeep.h), and trust that follows the channels, whose
// configurations also say which key this consenter must keep.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "config/orderer_settings.h"
#include "node/orderer/listeners.h"
#include "node/tls_upkeep.h"

namespace selvage::node {

class OrdererTlsUpkeep final : public TlsUpkeep {
 public:
  // `registry` and `operations` outlive it. Registers the general listener's pair and roots.
  OrdererTlsUpkeep(const config::OrdererSettings& settings, const crypto::Certificate& enrolment,
                   const Listener& general, tls::Registry& registry, ops::Operations& operations, const Clock& clock);
  ~OrdererTlsUpkeep();  // stop()

  // Trust of the general listener, the consenters whose ends are watched, and what a new pair is held against. Any
  // thread.
  void follow(const channel::Bundle& bundle);
  void forget(const std::string& channel);
  // A pair by which other orderers know this one: registered, held against the channels' consenters and hosts as the general
  // one is. Before the first follow().
  void add_cluster_pair(tls::Pair pair);

 private:
  // Whether other orderers, who know this one by its public key, would know it by the next pair too.
  [[nodiscard]] Status judge(const tls::Credentials& now, const tls::Credentials& next);
  void register_pairs();

  std::mutex mutex_;
  std::vector<tls::Pair> pairs_;  // hosts and judge are set when they are registered
  const Listener general_;
  std::map<std::string, std::vector<tls::Watched>> consenters_;  // by channel
  std::map<std::string, std::vector<std::string>> endpoints_;    // by channel: hosts of all orderers
};

}  // namespace selvage::node
