// Results of discovery as Fabric's discover prints them: JSON indented with tabs. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "discovery/protocol.pb.h"

namespace selvage::tools::discover {

// `of_channel`: with ledger heights and chaincodes.
[[nodiscard]] std::string show_peers(const ::discovery::PeerMembershipResult& members, bool of_channel);
[[nodiscard]] std::string show_config(const ::discovery::ConfigResult& config);
[[nodiscard]] std::string show_endorsers(const ::discovery::ChaincodeQueryResult& result);

}  // namespace selvage::tools::discover
