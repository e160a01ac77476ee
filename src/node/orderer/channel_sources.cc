#include "node/orderer/channel_sources.h"

#include <utility>

#include "order/registrar.h"

namespace selvage::node {
namespace {

class ChannelSource final : public deliver::Source {
 public:
  ChannelSource(std::shared_ptr<order::ChainWorker> chain, std::shared_ptr<deliver::ChangeSignal> signal)
      : chain_(std::move(chain)), signal_(std::move(signal)) {}
  uint64_t height() const override { return chain_->height(); }
  Result<std::shared_ptr<const ::common::Block>> block(uint64_t number) const override { return chain_->block(number); }
  std::shared_ptr<const channel::Bundle> bundle() const override { return chain_->bundle(); }
  bool failing() const override { return chain_->failing(); }
  std::unique_ptr<deliver::Subscription> subscribe(std::function<void()> changed) override {
    return signal_->subscribe(std::move(changed));
  }

 private:
  std::shared_ptr<order::ChainWorker> chain_;
  std::shared_ptr<deliver::ChangeSignal> signal_;
};

}  // namespace

std::shared_ptr<deliver::Source> ChannelSources::find(const std::string& channel) const {
  auto chain = registrar_->chain(channel);
  if (!chain) return nullptr;
  std::lock_guard lock(mutex_);
  auto& signal = signals_[channel];
  if (!signal) signal = std::make_shared<deliver::ChangeSignal>();
  return std::make_shared<ChannelSource>(std::move(chain), signal);
}

void ChannelSources::changed(const std::string& channel) {
  std::shared_ptr<deliver::ChangeSignal> signal;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = signals_.find(channel); found != signals_.end()) signal = found->second;
  }
  if (signal) signal->notify();
}

void ChannelSources::forget(const std::string& channel) {
  changed(channel);
  std::lock_guard lock(mutex_);
  signals_.erase(channel);
}

}  // namespace selvage::node
