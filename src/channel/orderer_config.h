// The Orderer group of a channel configuration, parsed and checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "channel/capabilities.h"
#include "identity/msp.h"

namespace selvage::channel {

struct BatchSize {
  uint32_t max_message_count = 0;
  uint32_t absolute_max_bytes = 0;
  uint32_t preferred_max_bytes = 0;
  [[nodiscard]] bool operator==(const BatchSize&) const = default;
};

enum class ConsensusState { kNormal = 0, kMaintenance = 1 };

struct OrdererOrg {
  std::string name;  // of the group
  std::shared_ptr<const identity::Msp> msp;
  std::vector<std::string> endpoints;  // "host:port"
  [[nodiscard]] const std::string& mspid() const { return msp->mspid(); }
};

// One consenter of the BFT mapping (Orderers value); etcdraft's are in the consensus metadata.
struct Consenter {
  uint32_t id = 0;
  std::string host;
  uint32_t port = 0;
  std::string mspid;
  Bytes identity;         // PEM
  Bytes client_tls_cert;  // PEM
  Bytes server_tls_cert;  // PEM
};

struct OrdererConfig {
  std::string consensus_type;  // "etcdraft", "BFT"
  Bytes consensus_metadata;    // etcdraft.ConfigMetadata or smartbft.Options; the consensus module parses it
  ConsensusState consensus_state = ConsensusState::kNormal;
  BatchSize batch_size;
  std::chrono::nanoseconds batch_timeout{};
  uint64_t max_channels = 0;
  std::map<std::string, OrdererOrg> orgs;  // by group name
  std::vector<Consenter> consenters;
  OrdererCapabilities capabilities;
};

}  // namespace selvage::channel
