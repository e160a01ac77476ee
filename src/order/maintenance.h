// Which configurations may follow each other while a channel goes into maintenance, changes its consensus and comes out
// again. Pure. Fabric quirk: orderer/common/msgprocessor/maintenancefilter.go
#pragma once

#include "base/result.h"
#include "channel/bundle.h"

namespace selvage::order {

// Errors: kInvalidArgument with Fabric's words. No other consensus than etcdraft can be changed to.
[[nodiscard]] Status check_maintenance(const common::ConfigEnvelope& next, const channel::Bundle& current);

}  // namespace selvage::order
