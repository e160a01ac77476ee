// What becomes of one envelope of a client before it is put in line: which channel it is for, whether it is let
// through, and what that channel's chain is given. broadcast_service.cc calls it on the threads of a pool.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "common/common.pb.h"
#include "order/chain.h"

namespace selvage::order {

class ChainWorker;
class Registrar;

struct CheckedEnvelope {
  common::Status status = common::SUCCESS;  // and `info`: what the client is told
  std::string info;
  bool unparsable = false;  // no answer then; the stream ends as Go's does
  // For log and metrics; "unknown" unless it is ours to order.
  std::string channel = "unknown";
  std::string type = "unknown";
  std::shared_ptr<ChainWorker> chain;  // set when it is to be ordered
  Submission submission;
};

// `address` is the client's, for the log. Any thread.
[[nodiscard]] CheckedEnvelope check_envelope(Bytes envelope, const Registrar& registrar, const std::string& address);

}  // namespace selvage::order
