#include "order/cluster/members.h"

#include <fmt/format.h>

#include <chrono>

namespace selvage::order::cluster {
namespace {

constexpr auto kBetweenWarnings = std::chrono::minutes(5);

}  // namespace

Result<Members> members_of(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config,
                           raft::NodeId self) {
  Members members;
  for (int i = 0; i < config.consenters_size() && i < ids.consenter_ids_size(); ++i) {
    if (ids.consenter_ids(i) == self) continue;
    const auto& consenter = config.consenters(i);
    auto server = crypto::Certificate::from_pem(consenter.server_tls_cert());
    auto client = crypto::Certificate::from_pem(consenter.client_tls_cert());
    if (!server || !client) {
      return fail(Code::kInvalidArgument,
                  fmt::format("the {} certificate of consenter {}:{} cannot be read", server ? "client" : "server",
                              consenter.host(), consenter.port()),
                  (server ? client : server).error().message);
    }
    members.push_back({ids.consenter_ids(i), fmt::format("{}:{}", consenter.host(), consenter.port()),
                       std::move(*server), std::move(*client)});
  }
  return members;
}

const Member* sender_of(const Members& members, BytesView certificate_der) {
  const auto certificate = crypto::Certificate::from_der(certificate_der);
  if (!certificate) return nullptr;
  for (const Member& member : members) {
    if (member.client.spki_der() == certificate->spki_der()) return &member;
  }
  return nullptr;
}

std::function<Status(const crypto::Certificate&)> server_pin(std::string endpoint, crypto::Certificate expected) {
  return [endpoint = std::move(endpoint), expected = std::move(expected)](const crypto::Certificate& leaf) -> Status {
    if (leaf.spki_der() == expected.spki_der()) return {};
    return fail(Code::kPermissionDenied,
                fmt::format("public key of server certificate presented by {} doesn't match the expected public key",
                            endpoint),
                fmt::format("presented: {} serial {}; the channel's configuration has: {} serial {}", leaf.subject(),
                            leaf.serial_hex(), expected.subject(), expected.serial_hex()),
                "give that orderer the pair that the channel's consenter entry names (General.TLS.Certificate, or "
                "General.Cluster.ServerCertificate), or update server_tls_cert of the entry");
  };
}

bool ExpiryWarning::due(std::chrono::sys_seconds now) {
  if (ends_ == std::chrono::sys_seconds{} || now + std::chrono::duration_cast<std::chrono::seconds>(threshold_) < ends_ ||
      (said_ != std::chrono::sys_seconds{} && now < said_ + kBetweenWarnings)) {
    return false;
  }
  said_ = now;
  return true;
}

std::string ExpiryWarning::text(const std::string& name, const std::string& endpoint, const std::string& channel,
                                std::chrono::sys_seconds now) const {
  const auto left = std::max<long long>((ends_ - now).count(), 0);
  const std::string time = left >= 3600 ? fmt::format("{}h{}m{}s", left / 3600, left / 60 % 60, left % 60)
                           : left >= 60 ? fmt::format("{}m{}s", left / 60, left % 60)
                                        : fmt::format("{}s", left);
  return fmt::format("Certificate of {} from {} for channel {} expires in less than {}", name, endpoint, channel, time);
}

}  // namespace selvage::order::cluster
