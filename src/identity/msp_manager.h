// All MSPs of one channel configuration. Remembers the identities it has deserialized (bounded), and through them
// whether they are valid, so that a creator's chain is checked once per channel-config sequence.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "identity/identity.h"
#include "identity/msp.h"

namespace selvage::identity {

// Safe from any thread.
class MspManager final : public IdentityDeserializer {
 public:
  static constexpr size_t kRememberedIdentities = 4096;

  // kInvalidArgument when two MSPs of different content carry one id.
  [[nodiscard]] static Result<std::shared_ptr<const MspManager>> make(std::vector<std::shared_ptr<const Msp>> msps);
  ~MspManager() override;

  // "MSP <id> is unknown" / "could not deserialize a SerializedIdentity".
  [[nodiscard]] Result<std::shared_ptr<const Identity>> deserialize(BytesView serialized) const override;
  [[nodiscard]] Status check_well_formed(BytesView serialized) const override;

  // Null when unknown.
  [[nodiscard]] std::shared_ptr<const Msp> msp(std::string_view mspid) const;
  [[nodiscard]] const std::map<std::string, std::shared_ptr<const Msp>, std::less<>>& msps() const { return msps_; }

 private:
  explicit MspManager(std::map<std::string, std::shared_ptr<const Msp>, std::less<>> msps);
  struct Memory;
  std::map<std::string, std::shared_ptr<const Msp>, std::less<>> msps_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace selvage::identity
