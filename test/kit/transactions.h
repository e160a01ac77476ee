// Endorsed transactions for tests: good ones of a test::Channel, with each part open to be spoiled.
//
//   test::Draft draft = test::good_draft(channel);   // writes k1 on "basic", endorsed by a peer of each organisation
//   draft.endorsers.pop_back();
//   test::Transaction made = test::make_transaction(channel, draft, random);
#pragma once

#include <string>
#include <vector>

#include "common/common.pb.h"
#include "kit/channels.h"
#include "ledger/rwset/rwset.pb.h"

namespace selvage::test {

struct Draft {
  std::string chaincode = "basic";
  std::string version = "1.0";
  std::vector<std::string> keys = {"k1"};  // public keys that are written
  std::vector<std::string> metadata_keys;  // public keys that get the validation parameter OR('Org1MSP.peer')
  std::string collection;                  // writes one hashed key into it
  ::rwset::TxReadWriteSet extra;           // more namespaces
  Bytes events;                            // marshalled ChaincodeEvent
  std::string answered_by;                 // chaincode named in the action; empty: the same
  std::vector<const identity::SigningIdentity*> endorsers;
  const identity::SigningIdentity* creator = nullptr;
};

[[nodiscard]] Draft good_draft(Channel& channel);

struct Transaction {
  ::common::Envelope envelope;
  std::string id;
};
[[nodiscard]] Transaction make_transaction(const Channel& channel, const Draft& draft, Random& random);

}  // namespace selvage::test
