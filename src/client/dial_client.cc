#include "client/dial_client.h"

#include "tls/context.h"
#include "tls/files_service.h"

namespace selvage::client {

Dialer::Dialer(TlsIdentity identity, DialSettings settings)
    : identity_(std::move(identity)), settings_(std::move(settings)) {}

Result<std::shared_ptr<rpc::Channel>> Dialer::dial(const Target& target) const {
  rpc::ChannelSettings channel_settings;
  channel_settings.targets = {target.address};
  channel_settings.server_name = target.server_name;
  channel_settings.connect_timeout = settings_.connect_timeout;
  channel_settings.receive_bytes_max = settings_.receive_bytes_max;
  channel_settings.send_bytes_max = settings_.send_bytes_max;
  if (target.trust) {
    tls::ClientPolicy policy;
    policy.time_shift = settings_.time_shift;
    policy.server_name_override = target.server_name;
    policy.server_name_setting = target.server_name_setting;
    policy.roots_setting = target.roots_setting;
    policy.certificate_setting = settings_.certificate_setting;
    policy.is_cli = settings_.is_cli;
    channel_settings.tls = std::make_shared<tls::ClientContext>(identity_, target.trust, std::move(policy));
    if (auto ready = channel_settings.tls->check(); !ready)
      return fail(ready.error().within("failed to create new connection"));
  }
  auto channel = rpc::Channel::make(std::move(channel_settings));
  if (auto ready = channel->wait_ready(settings_.connect_timeout); !ready)
    return fail(ready.error().within("failed to create new connection"));
  return channel;
}

Bytes Dialer::certificate_hash() const {
  const auto credentials = identity_ ? identity_->current() : nullptr;
  return credentials ? credentials->leaf().sha256() : Bytes();
}

Result<std::shared_ptr<tls::TrustStore>> trust_file(const std::string& path, const Origin& setting) {
  SELVAGE_TRY(auto roots, tls::load_roots(path, setting));
  return std::make_shared<tls::TrustStore>(std::move(roots));
}

}  // namespace selvage::client
