// A channel for tests: an orderer organisation, application organisations, policies as configtxgen's sample has them.
//
//   test::Channel channel;                       // "testchannel", OrdererMSP, Org1MSP and Org2MSP
//   channel::BundlePtr bundle = channel.bundle();
//   common::Envelope update = channel.signed_update(next_config, {&channel.org(0).admin(), &channel.org(1).admin()});
//
// Capabilities: channel V3_0, orderer V2_0, application V2_5. Ends the test program when something cannot be made.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "kit/identities.h"
#include "kit/random.h"

namespace selvage::test {

struct ChannelOptions {
  std::string id = "testchannel";
  std::vector<std::string> orgs = {"Org1MSP", "Org2MSP"};  // group names are those without "MSP"
  std::string orderer_org = "OrdererMSP";                  // group "Orderer"
  std::string orderer_endpoint = "127.0.0.1:7050";
  uint32_t max_message_count = 10;
  std::string batch_timeout = "200ms";
  // etcdraft ConfigMetadata with one consenter at orderer_endpoint, whose TLS certificate is this PEM; empty: made by the
  // orderer organisation's TLS CA.
  std::string consenter_tls_pem;
};

class Channel {
 public:
  explicit Channel(ChannelOptions options = {});

  [[nodiscard]] const std::string& id() const { return options_.id; }
  [[nodiscard]] Organization& org(size_t index) { return orgs_.at(index); }
  [[nodiscard]] Organization& orderer() { return *orderer_; }
  // TLS identity of the one consenter (unless a PEM was given).
  [[nodiscard]] const Identity& consenter_tls() const { return consenter_tls_.front(); }

  // What tests may change before they ask for more: the configuration at sequence 0.
  [[nodiscard]] ::common::Config& config() { return config_; }
  [[nodiscard]] channel::BundlePtr bundle() const;
  [[nodiscard]] ::common::Block genesis_block();
  // A block with these transactions; hashes fit, metadata slots are there, and the orderer's signature when `sign`.
  [[nodiscard]] ::common::Block block(uint64_t number, const Bytes& previous_hash, std::vector<Bytes> transactions,
                                      bool sign = false);
  // The orderer's signature, in place of what is in slot SIGNATURES.
  void sign(::common::Block& block);

  // A CONFIG_UPDATE envelope from config() to `updated`, sent by the first signer and signed by all of them.
  [[nodiscard]] ::common::Envelope signed_update(const ::common::Config& updated,
                                                 const std::vector<const identity::SigningIdentity*>& signers);
  // The same as the CONFIG envelope that an orderer puts into a block.
  [[nodiscard]] ::common::Envelope config_envelope(const ::common::Envelope& update);

 private:
  ChannelOptions options_;
  std::deque<Organization> orgs_;
  std::unique_ptr<Organization> orderer_;
  std::vector<Identity> consenter_tls_;
  ::common::Config config_;
  SeededRandom random_;
};

// The policies Readers, Writers, Admins (and Endorsement) of an organisation's group.
[[nodiscard]] ::common::ConfigGroup organization_group(const Organization& organization, bool application);

}  // namespace selvage::test
