// Who must endorse changes of one key (state-based endorsement): every listed organisation, by a member or a peer of it.
//
//   KeyPolicy policy;
//   policy.add({"Org1MSP", "Org2MSP"});
//   stub.set_validation_parameter(key, policy.encode());
//
// The bytes are those of Fabric's shims (chaincode-go pkg/statebased): endorsers with either agree. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::shim {

class KeyPolicy {
 public:
  enum class Role { kMember = 0, kPeer = 3 };  // msp.MSPRole's numbers

  // From a key's validation parameter. Principals that are no roles are passed over, as Fabric's shims do.
  // kInvalidArgument when it does not parse.
  [[nodiscard]] static Result<KeyPolicy> parse(BytesView policy);

  // A second time changes the role.
  void add(const std::vector<std::string>& mspids, Role role = Role::kPeer);
  void remove(const std::vector<std::string>& mspids);
  [[nodiscard]] std::vector<std::string> organisations() const;  // sorted
  // A serialised common.SignaturePolicyEnvelope.
  [[nodiscard]] Bytes encode() const;

 private:
  std::map<std::string, int> roles_;  // by MSP id
};

}  // namespace selvage::shim
