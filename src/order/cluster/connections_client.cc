#include "order/cluster/connections_client.h"

#include <utility>

namespace selvage::order::cluster {

uint64_t Connections::version() const {
  const auto shown = credentials_->current();
  return shown ? shown->version() : 0;
}

std::shared_ptr<rpc::Channel> Connections::to(const Member& member) {
  auto& connection = current_[key_of(member)];
  const uint64_t now = version();
  if (connection.channel && connection.credentials == now) return connection.channel;
  if (connection.channel) retired_.push_back(std::move(connection.channel));
  connection = {dial_(member), now};
  return connection.channel;
}

std::shared_ptr<rpc::Channel> Connections::find(const Member& member) const {
  const auto found = current_.find(key_of(member));
  return found == current_.end() ? nullptr : found->second.channel;
}

Connections::Channels Connections::take_unused(const std::set<Bytes>& used,
                                               const std::function<bool(const rpc::Channel&)>& carries) {
  Channels unused;
  std::erase_if(current_, [&](auto& entry) {
    if (used.contains(entry.first)) return false;
    unused.push_back(std::move(entry.second.channel));
    return true;
  });
  std::erase_if(retired_, [&](auto& old) {
    if (carries(*old)) return false;
    unused.push_back(std::move(old));
    return true;
  });
  return unused;
}

Connections::Channels Connections::take_all() {
  Channels all = std::exchange(retired_, {});
  for (auto& [key, connection] : std::exchange(current_, {})) all.push_back(std::move(connection.channel));
  return all;
}

}  // namespace selvage::order::cluster
