// The channels of an orderer as Deliver reads them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "deliver/serve/change_signal.h"
#include "deliver/serve/source.h"

namespace selvage::order {
class Registrar;
}

namespace selvage::node {

// Safe from any thread.
class ChannelSources final : public deliver::Sources {
 public:
  // Before anything is found; the registrar must outlive this object.
  void set_registrar(const order::Registrar* registrar) { registrar_ = registrar; }
  [[nodiscard]] std::shared_ptr<deliver::Source> find(const std::string& channel) const override;
  // Wakes whoever waits for this channel.
  void changed(const std::string& channel);
  void forget(const std::string& channel);

 private:
  const order::Registrar* registrar_ = nullptr;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<deliver::ChangeSignal>> signals_;
};

}  // namespace selvage::node
