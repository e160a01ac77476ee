// The part of an orderer section that BFT channels have: SmartBFT's options and the consenters with their identities.
//
// Fabric quirk: internal/configtxgen/encoder, common/policies/bft.go.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "common/configtx.pb.h"
#include "config/tree.h"
#include "orderer/configuration.pb.h"
#include "orderer/smartbft/configuration.pb.h"
#include "tools/configtxgen/yaml_fields.h"

namespace selvage::tools::configtxgen {

struct BftConsenter {
  uint32_t id = 0;
  std::string host;
  uint32_t port = 0;
  std::string mspid;
  std::string identity;  // files
  std::string client_tls_cert;
  std::string server_tls_cert;
};

struct BftOrderer {
  bool has_options = false;  // there is a SmartBFT section
  ::orderer::smartbft::Options options;
  std::vector<BftConsenter> consenters;
};

// Keys ConsenterMapping and SmartBFT of the orderer's section; there in every profile, used where the type is BFT.
[[nodiscard]] BftOrderer read_bft(YamlFields& orderer, const config::Tree& tree, YamlErrors& errors);

// Fills options with SmartBFT's defaults when there are none, and checks the consenters.
[[nodiscard]] Status complete_bft(BftOrderer& orderer);

// Adds the consenters to the orderer group and replaces its BlockValidation policy by a quorum of their identities.
// Reads certificate files. The group has a BlockValidation policy.
[[nodiscard]] Status add_bft(const BftOrderer& orderer, ::common::ConfigGroup& group,
                             ::orderer::ConsensusType& consensus);

}  // namespace selvage::tools::configtxgen
