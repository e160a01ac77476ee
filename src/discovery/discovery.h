// Answers signed discovery requests: configuration, peers, local peers and endorsers.
//
// Knows no socket; discovery_service puts it on a server. Safe from any thread. Texts are Fabric's.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "discovery/auth_cache.h"
#include "discovery/endorsers.h"
#include "discovery/membership.h"
#include "discovery/protocol.pb.h"

namespace selvage::discovery {

// The client's end of the connection.
struct Caller {
  std::string address;
  Bytes certificate;         // DER; empty: none
  Bytes certificate_sha256;  // of the DER
};

class Discovery {
 public:
  struct Settings {
    AuthCache::Settings cache;
    // Holds the TLS certificate hash in the request against the connection's certificate, in both forms that are about:
    // over DER, as SDKs do, and over PEM, as Fabric's command line does. Fabric quirk: discovery/service.go never looks.
    bool bind_to_tls_certificate = false;
  };
  struct Parts {  // all outlive it
    Membership& membership;
    Channels& channels;
    // May this signer ask about the peers of this peer's own organisation, without a channel?
    std::function<Status(const policy::SignedData& data)> local_access;
  };
  Discovery(Settings settings, Parts parts);

  // An error is a gRPC error (kUnknown, Fabric's text); what is wrong with one query is said in its result.
  [[nodiscard]] Result<::discovery::Response> answer(const ::discovery::SignedRequest& request, const Caller& caller);

  // For the gateway, which asks on its own behalf.
  [[nodiscard]] Result<Endorsers> endorsers(const std::string& channel, const ::protos::ChaincodeInterest& interest) const;

 private:
  Status check_binding(const ::discovery::AuthInfo& claimed, const Caller& caller) const;
  [[nodiscard]] ::discovery::QueryResult answer(const ::discovery::Query& query, const policy::SignedData& data,
                                                const Caller& caller);
  [[nodiscard]] ::discovery::QueryResult dispatch(const ::discovery::Query& query, const ChannelState& channel) const;
  [[nodiscard]] ::discovery::QueryResult answer_endorsers(const ::discovery::Query& query, const ChannelState& channel) const;
  [[nodiscard]] ::discovery::QueryResult answer_peers(const ::discovery::Query& query, const ChannelState& channel) const;
  [[nodiscard]] ::discovery::QueryResult answer_local_peers() const;

  const Settings settings_;
  const Parts parts_;
  AuthCache cache_;
};

// The request inside; pure. Errors as Discovery::answer.
[[nodiscard]] Result<::discovery::Request> read_request(const ::discovery::SignedRequest& request);

}  // namespace selvage::discovery
