// The other consenters of a channel, and how an orderer knows that it speaks with one of them.
//
// Cluster connections are pinned: the channel's configuration names a client and a server certificate of each consenter,
// and what counts on the wire is the public key in it, so that a renewed certificate with the same key needs no config
// update. Both checks come on top of the ordinary TLS verification:
//   - outgoing: tls::ClientPolicy::pin of each connection is server_pin(); roots and our certificate come from the two
//     stores in Transport::Parts (General.Cluster.RootCAs and the orderer organisations of all channels;
//     General.Cluster.ClientCertificate/ClientPrivateKey, or General.TLS' pair on a shared listener);
//   - incoming: StepService asks sender_of() with the certificate of the TLS connection, for every channel anew.
// Node wiring: node/orderer/cluster_tls.h. Pure; values may be read from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "order/raft/message.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "orderer/etcdraft/metadata.pb.h"

namespace selvage::order::cluster {

struct Member {
  raft::NodeId id = raft::kNone;
  std::string endpoint;        // "host:port" of the consenter in the channel's configuration
  crypto::Certificate server;  // server_tls_cert: what it shows when we dial it
  crypto::Certificate client;  // client_tls_cert: what it shows when it dials us
  SteadyTime client_since{};   // when it came to have the key of that, while this node watched
};
using Members = std::vector<Member>;
using MembersPtr = std::shared_ptr<const Members>;

// All consenters but `self`. Errors: kInvalidArgument when a certificate is no PEM or no X.509.
[[nodiscard]] Result<Members> members_of(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config,
                                         raft::NodeId self);

// Takes over from `before` since when each member has its client's key; for a key that is new it is `now`.
void keep_times(Members& members, const Members& before, SteadyTime now);

// The member whose client certificate has the public key of `certificate_der`; null: none has.
[[nodiscard]] const Member* sender_of(const Members& members, BytesView certificate_der);

// "CN=orderer2 (serial 3f9c, key ab12cd34.., 2026-01-01 to 2027-01-01)"
[[nodiscard]] std::string facts_of(const crypto::Certificate& certificate);

// What to say of somebody whose certificate is that of no consenter of `channel`: which key it has, and which key the consenter
// has that it seems to be (TLS-51).
[[nodiscard]] std::string describe_stranger(const Members& members, const std::string& channel, const std::string& address,
                                            BytesView certificate_der);

// The other side of it: another orderer does not take our certificate for that of a consenter.
[[nodiscard]] std::string describe_own_refusal(const std::string& channel, const std::string& endpoint, const crypto::Certificate& ours);

// Refuses a server whose key is not that of `expected`. Fabric's words, with subject and setting after them.
[[nodiscard]] std::function<Status(const crypto::Certificate& leaf)> server_pin(std::string endpoint,
                                                                               crypto::Certificate expected);

// When to say that the certificate of the other side is about to end. One stream's; one thread.
// Fabric quirk: orderer/common/cluster/util.go certificateExpirationCheck
class ExpiryWarning {
 public:
  ExpiryWarning(std::chrono::sys_seconds ends, std::chrono::nanoseconds threshold) : ends_(ends), threshold_(threshold) {}
  // True when a line is due at `now`: below the threshold, and none was written for five minutes.
  [[nodiscard]] bool due(std::chrono::sys_seconds now);
  // "Certificate of orderer2 from 127.0.0.1:7050 for channel ch1 expires in less than 3h0m0s".
  [[nodiscard]] std::string text(const std::string& name, const std::string& endpoint, const std::string& channel,
                                 std::chrono::sys_seconds now) const;

 private:
  std::chrono::sys_seconds ends_;
  std::chrono::nanoseconds threshold_;
  std::chrono::sys_seconds said_{};
};

}  // namespace selvage::order::cluster
