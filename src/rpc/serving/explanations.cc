#include "rpc/serving/explanations.h"

namespace selvage::rpc {

bool Explanations::may_explain(const std::string& source, SteadyTime now) {
  if (at_once_->load() >= kAtOnceMax) return false;
  std::lock_guard lock(mutex_);
  auto found = told_.find(source);
  return found == told_.end() || now - found->second.since >= kWindow || found->second.count < kPerSourceMax;
}

std::shared_ptr<void> Explanations::begin(const std::string& source, SteadyTime now) {
  if (at_once_->fetch_add(1) >= kAtOnceMax) {
    at_once_->fetch_sub(1);
    return nullptr;
  }
  std::shared_ptr<void> permit(this, [count = at_once_](void*) { count->fetch_sub(1); });
  std::lock_guard lock(mutex_);
  if (told_.size() >= kSourcesMax) std::erase_if(told_, [&](const auto& one) { return now - one.second.since >= kWindow; });
  if (told_.size() >= kSourcesMax) return nullptr;
  Told& told = told_[source];
  if (now - told.since >= kWindow) told = {now, 0};
  ++told.count;
  return permit;
}

}  // namespace selvage::rpc
