#include "order/cluster/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "crypto/chain.h"
#include "crypto/hash.h"

namespace selvage::order::cluster {
namespace {

constexpr auto kBetweenWarnings = std::chrono::minutes(5);

// The consenter whose place `certificate` was made for: it may be dialled at that endpoint, or has the same name.
const Member* find_namesake(const Members& members, const crypto::Certificate& certificate) {
  const std::string& name = certificate.common_name();
  for (const Member& member : members) {
    if (!name.empty() && member.client.common_name() == name) return &member;
  }
  const Member* found = nullptr;
  for (const Member& member : members) {
    if (crypto::check_host(certificate, member.endpoint.substr(0, member.endpoint.rfind(':')))) continue;
    if (found != nullptr) return nullptr;  // "localhost" of all of them says nothing
    found = &member;
  }
  return found;
}

}  // namespace

std::string facts_of(const crypto::Certificate& certificate) {
  const auto date = [](std::chrono::sys_seconds time) { return crypto::to_rfc3339(time).substr(0, 10); };
  return fmt::format("{} (serial {}, key {}.., {} to {})", escape(certificate.subject(), 120), certificate.serial_hex().substr(0, 40),
                     to_hex(crypto::sha256(certificate.spki_der()).substr(0, 4)), date(certificate.not_before()),
                     date(certificate.not_after()));
}

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
                       std::move(*server), std::move(*client), {}});
  }
  return members;
}

void keep_times(Members& members, const Members& before, SteadyTime now) {
  for (Member& member : members) {
    const auto old = std::find_if(before.begin(), before.end(), [&](const Member& one) { return one.id == member.id; });
    const bool same = old != before.end() && old->client.spki_der() == member.client.spki_der();
    member.client_since = same ? old->client_since : now;
  }
}

const Member* sender_of(const Members& members, BytesView certificate_der) {
  const auto certificate = crypto::Certificate::from_der(certificate_der);
  if (!certificate) return nullptr;
  for (const Member& member : members) {
    if (member.client.spki_der() == certificate->spki_der()) return &member;
  }
  return nullptr;
}

std::string describe_stranger(const Members& members, const std::string& channel, const std::string& address,
                              BytesView certificate_der) {
  const auto certificate = crypto::Certificate::from_der(certificate_der);
  if (!certificate) return address + " sent a certificate that cannot be read";
  const Member* namesake = find_namesake(members, *certificate);
  if (namesake == nullptr) {
    return fmt::format("TLS-51: {} presents {}, the key of no consenter of channel {}; the client_tls_cert of a consenter in the channel's "
                       "configuration must have the key of that orderer's General.Cluster.ClientCertificate (or General.TLS.Certificate)",
                       address, facts_of(*certificate), channel);
  }
  return fmt::format("TLS-51: {} presents {}, but channel {} has {} for the consenter {}; renewed without reusing the key? Put the old pair "
                     "back there, or update client_tls_cert and server_tls_cert of that consenter: selvage rotate orderer",
                     address, facts_of(*certificate), channel, facts_of(namesake->client), namesake->endpoint);
}

std::string describe_own_refusal(const std::string& channel, const std::string& endpoint, const crypto::Certificate& ours) {
  return fmt::format("TLS-51: {} does not take our TLS client certificate {} for that of a consenter of channel {}: the channel's configuration "
                     "there has another key in our client_tls_cert. Renewed without reusing the key? Put the old pair back "
                     "(General.Cluster.ClientCertificate, or General.TLS.Certificate), or update our entry: selvage rotate orderer",
                     endpoint, facts_of(ours), channel);
}

std::function<Status(const crypto::Certificate&)> server_pin(std::string endpoint, crypto::Certificate expected) {
  return [endpoint = std::move(endpoint), expected = std::move(expected)](const crypto::Certificate& leaf) -> Status {
    if (leaf.spki_der() == expected.spki_der()) return {};
    return fail(Code::kPermissionDenied,
                fmt::format("public key of server certificate presented by {} doesn't match the expected public key",
                            endpoint),
                fmt::format("it presents {}, but the channel's configuration has {} for this consenter", facts_of(leaf), facts_of(expected)),
                "renewed without reusing the key? Put the old pair back there (General.TLS.Certificate, or "
                "General.Cluster.ServerCertificate), or update server_tls_cert and client_tls_cert of that consenter: selvage "
                "rotate orderer");
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
