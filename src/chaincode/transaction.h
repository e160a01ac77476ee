// What chaincode runs in: one proposal on one channel, with the ledger as it was when the proposal came.
//
// Made by the endorser's side (node/peer joins the two); borrowed by everything in this module for the length of one
// execution. One transaction is worked on by one thread at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "peer/chaincode_event.pb.h"
#include "peer/proposal_response.pb.h"

namespace protos {
class SignedProposal;
}
namespace selvage::identity {
class Identity;
}
namespace selvage::channel {
class Bundle;
}
namespace selvage::ledger {
class Ledger;
class TxSimulator;
}  // namespace selvage::ledger

namespace selvage::chaincode {

using Creator = std::shared_ptr<const identity::Identity>;

// "May this caller use this resource on this channel": ACLs of the channel configuration or Fabric's defaults. The
// caller's signature has been verified. Errors: Fabric's text.
using AccessCheck =
    std::function<Status(const std::string& resource, const std::string& channel_id, const Creator& caller)>;

struct Transaction {
  std::string channel_id;  // empty: a proposal without channel
  std::string txid;
  const protos::SignedProposal* signed_proposal = nullptr;  // as it came; handed on to the chaincode
  std::string proposal_chaincode;                // the chaincode the proposal itself names; differs in a nested call
  Creator creator;                               // its signature over the proposal has been verified
  std::shared_ptr<const channel::Bundle> bundle;  // null without channel
  ledger::TxSimulator* simulator = nullptr;       // null without channel, for cscc and for qscc
  const ledger::Ledger* ledger = nullptr;         // for history; null where simulator is
  std::map<std::string, Bytes> decorations;       // what decorators added; each chaincode of the transaction gets them
};

struct Outcome {
  protos::Response response;
  std::optional<protos::ChaincodeEvent> event;
};

}  // namespace selvage::chaincode
