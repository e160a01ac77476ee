// Does the orderer that we take blocks from hold some back? Compares what the others attest with what came. Pure; one
// thread.
//
// Who attests a block that has not come is taken at its word only so far: for `timeout` nothing happens, then the source is
// given up for another one. Fabric quirk: common/deliverclient/blocksprovider/bft_censorship_monitor.go.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"

namespace selvage::deliver {

class CensorshipDetector {
 public:
  // `height`: blocks that are here.
  CensorshipDetector(std::chrono::milliseconds timeout, uint64_t height) : timeout_(timeout), height_(height) {}

  // The newest block that this orderer has attested, and when it did.
  void attested(const std::string& orderer, uint64_t number, SteadyTime now);
  // So many blocks are here now.
  void reached(uint64_t height);

  // From when on the source counts as censoring, unless the block comes before; nullopt: nothing is suspicious.
  [[nodiscard]] std::optional<SteadyTime> deadline() const;
  // The block that is missing; only with a deadline.
  [[nodiscard]] uint64_t missing() const { return suspicion_->number; }

 private:
  struct Attestation {
    uint64_t number = 0;
    SteadyTime when{};
  };
  void suspect();

  const std::chrono::milliseconds timeout_;
  uint64_t height_;
  std::map<std::string, Attestation> newest_;  // by orderer
  std::optional<Attestation> suspicion_;
};

}  // namespace selvage::deliver
