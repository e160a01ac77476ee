// Which chaincodes and collections a simulated transaction touched, so that a gateway can find out who must endorse it.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace protos {
class ChaincodeInterest;
}
namespace selvage::ledger {
class StateView;
struct SimulationResults;
}  // namespace selvage::ledger

namespace selvage::endorse {

// Pure but for reads of `view`, the state that the simulation saw: keys with an endorsement policy of their own (state
// metadata VALIDATION_PARAMETER) add that policy. Fabric quirk: core/endorser/endorser.go buildChaincodeInterest.
[[nodiscard]] Result<protos::ChaincodeInterest> make_interest(const ledger::SimulationResults& results,
                                                              const ledger::StateView& view,
                                                              const std::function<bool(const std::string&)>& is_system);

}  // namespace selvage::endorse
