#include "deliver/pull/censorship.h"

namespace selvage::deliver {

void CensorshipDetector::attested(const std::string& orderer, uint64_t number, SteadyTime now) {
  newest_[orderer] = {number, now};
  suspect();
}

void CensorshipDetector::reached(uint64_t height) {
  height_ = height;
  if (suspicion_ && suspicion_->number < height_) suspicion_.reset();
  suspect();
}

// Newer attestations neither add to a suspicion nor end it: only the block does.
void CensorshipDetector::suspect() {
  if (suspicion_) return;
  for (const auto& [orderer, newest] : newest_) {
    if (newest.number < height_) continue;
    if (!suspicion_ || newest.when < suspicion_->when) suspicion_ = newest;
  }
}

std::optional<SteadyTime> CensorshipDetector::deadline() const {
  if (!suspicion_) return std::nullopt;
  return suspicion_->when + timeout_;
}

}  // namespace selvage::deliver
