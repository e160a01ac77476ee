// What an endorsement plugin may ask of this peer while it endorses one proposal. Private to endorse/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endorse/endorser.h"
#include "ledger/state/state_view.h"
#include "plugin/endorsement_plugin.h"

namespace selvage::endorse {

// One call, one thread. Both arguments outlive it.
class PluginHost final : public plugin::EndorsementHost {
 public:
  PluginHost(Channel& channel, const identity::SigningIdentity& signer) : channel_(channel), signer_(signer) {}

  Result<Bytes> sign(BytesView message) override { return signer_.sign(message); }
  Result<std::vector<std::optional<Bytes>>> state(const std::string& chaincode,
                                                  const std::vector<std::string>& keys) override;
  Result<std::vector<std::optional<Bytes>>> private_data(const std::string& chaincode, const std::string& collection,
                                                         const std::vector<std::string>& keys) override;
  Result<std::vector<Bytes>> transient(const std::string& txid) override;

 private:
  Channel& channel_;
  const identity::SigningIdentity& signer_;
  std::shared_ptr<const ledger::StateView> view_;  // the newest when state is first asked for
};

}  // namespace selvage::endorse
