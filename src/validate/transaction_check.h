// What one transaction says of itself: forms, creator, hashes, endorsers' signatures. Private to validate/.
//
// Needs the channel configuration and no state, so that it may run before the block before is committed.
// Fabric quirk: core/common/validation/msgvalidation.go, core/committer/txvalidator/v20/plugindispatcher/dispatcher.go;
// codes depend on the order of the checks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "channel/bundle.h"
#include "ledger/state/rw_set.h"
#include "policy/policy.h"
#include "validate/verdict.h"

namespace selvage::validate {

struct CheckedTransaction {
  Verdict form;      // up to and including the creator's signature and the proposal hash
  Verdict content;   // what comes after the search for an equal transaction id
  std::string tx_id;
  int header_type = 0;
  BytesView config;  // ConfigEnvelope bytes, of a config transaction; points into the block
  std::string chaincode;
  std::shared_ptr<const ledger::TxRwSet> rw_set;
  std::vector<std::string> written_namespaces;  // the chaincode's own first among them, sorted
  std::vector<policy::IdentityPtr> endorsers;   // those whose signatures hold, in order, each once
};

[[nodiscard]] CheckedTransaction check_transaction(BytesView envelope, const channel::Bundle& bundle,
                                                   identity::SignatureMemory* signatures);

}  // namespace selvage::validate
