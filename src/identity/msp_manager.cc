#include "identity/msp_manager.h"

#include <fmt/format.h>

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "identity/well_formed.h"
#include "msp/identities.pb.h"
#include "wire/marshal.h"

namespace selvage::identity {
namespace {
constexpr size_t kRememberedBytesMax = 16 * 1024;
}

// Two generations: when the young one is full it becomes the old one. What is asked for again moves back, so that the
// identities in use stay while strangers pass through.
struct MspManager::Memory {
  using Map = std::unordered_map<std::string_view, std::shared_ptr<const Identity>>;  // key: the identity's own bytes
  std::shared_mutex mutex;
  Map young, old;

  std::shared_ptr<const Identity> find(BytesView serialized) {
    std::shared_ptr<const Identity> aged;
    {
      std::shared_lock lock(mutex);
      if (auto at = young.find(serialized); at != young.end()) return at->second;
      if (auto at = old.find(serialized); at != old.end()) aged = at->second;
    }
    return aged ? keep(aged) : nullptr;
  }

  std::shared_ptr<const Identity> keep(const std::shared_ptr<const Identity>& identity) {
    std::unique_lock lock(mutex);
    if (young.size() >= kRememberedIdentities / 2) {
      old = std::move(young);
      young = {};
    }
    // Another thread may have been first: everybody gets the same object, and with it one answer to validate().
    return young.emplace(identity->serialized(), identity).first->second;
  }
};

MspManager::MspManager(std::map<std::string, std::shared_ptr<const Msp>, std::less<>> msps)
    : msps_(std::move(msps)), memory_(std::make_unique<Memory>()) {}
MspManager::~MspManager() = default;

Result<std::shared_ptr<const MspManager>> MspManager::make(std::vector<std::shared_ptr<const Msp>> msps) {
  std::map<std::string, std::shared_ptr<const Msp>, std::less<>> by_id;
  for (auto& msp : msps) {
    const std::string id = msp->mspid();
    if (auto [at, fresh] = by_id.emplace(id, msp); !fresh && at->second != msp) {
      return fail(Code::kInvalidArgument, fmt::format("Attempted to define two different versions of MSP: {}", id));
    }
  }
  return std::shared_ptr<const MspManager>(new MspManager(std::move(by_id)));
}

Result<std::shared_ptr<const Identity>> MspManager::deserialize(BytesView serialized) const {
  if (auto known = memory_->find(serialized)) return known;
  ::msp::SerializedIdentity claim;
  if (!wire::parse_into(serialized, claim)) {
    return fail(Code::kInvalidArgument,
                "could not deserialize a SerializedIdentity: proto: cannot parse invalid wire-format data");
  }
  const auto at = msps_.find(claim.mspid());
  if (at == msps_.end()) {
    return fail(Code::kInvalidArgument, fmt::format("MSP {} is not defined on channel", claim.mspid()));
  }
  // Identities that do not deserialize are not remembered: they would let a stranger fill the memory for nothing.
  SELVAGE_TRY(std::shared_ptr<const Identity> identity, at->second->identity_from(claim.id_bytes(), Bytes(serialized)));
  // Nor are oversized ones: a PEM file may carry any amount of text around its certificate.
  if (serialized.size() > kRememberedBytesMax) return identity;
  return memory_->keep(identity);
}

Status MspManager::check_well_formed(BytesView serialized) const { return check_identity_form(serialized); }

std::shared_ptr<const Msp> MspManager::msp(std::string_view mspid) const {
  const auto at = msps_.find(mspid);
  return at == msps_.end() ? nullptr : at->second;
}

}  // namespace selvage::identity
