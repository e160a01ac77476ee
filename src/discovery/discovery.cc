#include "discovery/discovery.h"

#include <algorithm>

#include "base/log.h"
#include "base/utf8.h"
#include "channel/bundle.h"
#include "crypto/certificate.h"
#include "crypto/hash.h"
#include "discovery/channel_config.h"
#include "policy/policy_manager.h"
#include "wire/go_text.h"
#include "wire/marshal.h"

namespace selvage::discovery {
namespace {

using ::discovery::Query;
using ::discovery::QueryResult;

const log::Logger& logger() {
  static const log::Logger instance("discovery");
  return instance;
}

constexpr int kQueriesMax = 100;  // of one request: each may cost a walk over all peers

QueryResult error_result(std::string text) {
  QueryResult result;
  result.mutable_error()->set_content(to_utf8(std::move(text)));
  return result;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kUnknown, std::move(text)); }

const char* fault_of(const ::discovery::ChaincodeQuery& query) {
  if (query.interests().empty()) return "chaincode query must have at least one chaincode interest";
  for (const auto& interest : query.interests()) {
    if (interest.chaincodes().empty()) return "chaincode interest must contain at least one chaincode";
    for (const auto& call : interest.chaincodes())
      if (call.name().empty()) return "chaincode name in interest cannot be empty";
  }
  return nullptr;
}

}  // namespace

Discovery::Discovery(Settings settings, Parts parts)
    : settings_(settings), parts_(std::move(parts)), cache_(settings.cache) {
  LOG_INFO(logger(), "Created with config TLS: {}, authCacheMaxSize: {}, authCachePurgeRatio: {:f}",
           settings.bind_to_tls_certificate, settings.cache.entries_max, settings.cache.retention_ratio);
}

Result<::discovery::Request> read_request(const ::discovery::SignedRequest& request) {
  auto parsed = wire::parse<::discovery::Request>(request.payload());
  if (!parsed) return refuse(std::string("failed parsing request: ") + wire::kBadWireFormat);
  if (!parsed->has_authentication()) return refuse("access denied, no authentication info in request");
  if (parsed->authentication().client_identity().empty()) return refuse("access denied, client identity wasn't supplied");
  if (parsed->queries_size() > kQueriesMax) return refuse("too many queries in one request");
  return parsed;
}

Status Discovery::check_binding(const ::discovery::AuthInfo& claimed, const Caller& caller) const {
  if (!settings_.bind_to_tls_certificate) return {};
  if (caller.certificate.empty()) return refuse("client didn't send a TLS certificate");
  const Bytes& hash = claimed.client_tls_cert_hash();
  if (hash == caller.certificate_sha256) return {};
  const auto certificate = crypto::Certificate::from_der(caller.certificate);
  if (certificate && hash == crypto::sha256(certificate->pem())) return {};
  LOG_WARN(logger(), "client claimed TLS hash {} doesn't match computed TLS hash from gRPC stream {}", to_hex(hash),
           to_hex(caller.certificate_sha256));
  return refuse("client claimed TLS hash doesn't match computed TLS hash from gRPC stream");
}

Result<::discovery::Response> Discovery::answer(const ::discovery::SignedRequest& signed_request, const Caller& caller) {
  auto request = read_request(signed_request);
  Status good = request ? check_binding(request->authentication(), caller) : Status(fail(request.error()));
  if (!good) {
    LOG_WARN(logger(), "Request from {} is malformed or invalid: {}", caller.address, good.error().message);
    return fail(std::move(good).error());
  }
  const policy::SignedData data{signed_request.payload(), request->authentication().client_identity(),
                                signed_request.signature()};
  ::discovery::Response response;
  for (const auto& query : request->queries()) *response.add_results() = answer(query, data, caller);
  return response;
}

QueryResult Discovery::answer(const Query& query, const policy::SignedData& data, const Caller& caller) {
  ChannelState channel;
  Status allowed;
  if (query.channel().empty()) {
    allowed = cache_.check("", 0, data, [&] { return parts_.local_access(data); });
  } else {
    channel = parts_.channels.find(query.channel());
    if (!channel.bundle) {
      LOG_WARN(logger(), "got query for channel {} from {} but it doesn't exist", escape(query.channel(), 100),
               caller.address);
      return error_result("access denied");
    }
    allowed = cache_.check(query.channel(), channel.bundle->sequence(), data, [&] {
      const policy::SignedData one[] = {data};
      return channel.bundle->policies().evaluate(policy::kChannelApplicationWriters, one);
    });
  }
  if (!allowed) {
    LOG_WARN(logger(), "got query for channel {} from {} but it isn't eligible: {}", query.channel(), caller.address,
             escape(allowed.error().message, 300));
    return error_result("access denied");
  }
  return dispatch(query, channel);
}

QueryResult Discovery::dispatch(const Query& query, const ChannelState& channel) const {
  if (query.channel().empty()) {
    if (query.query_case() == Query::kLocalPeers) return answer_local_peers();
    return error_result("unknown or missing request type");
  }
  switch (query.query_case()) {
    case Query::kConfigQuery: {
      auto config = make_config_result(channel.bundle->config());
      if (!config) {
        LOG_ERROR(logger(), "Failed fetching config for channel {}: {}", query.channel(), config.error().message);
        return error_result("failed fetching config for channel " + query.channel());
      }
      QueryResult result;
      *result.mutable_config_result() = std::move(*config);
      return result;
    }
    case Query::kCcQuery:
      return answer_endorsers(query, channel);
    case Query::kPeerQuery:
      return answer_peers(query, channel);
    default:
      return error_result("unknown or missing request type");
  }
}

QueryResult Discovery::answer_endorsers(const Query& query, const ChannelState& channel) const {
  if (const char* fault = fault_of(query.cc_query())) return error_result(fault);
  const auto peers = parts_.membership.peers_of(query.channel());
  const auto alive = parts_.membership.peers();
  QueryResult result;
  for (const auto& interest : query.cc_query().interests()) {
    auto endorsers = find_endorsers(channel, peers, alive, interest);
    if (!endorsers) {
      LOG_ERROR(logger(), "Failed constructing descriptor for chaincode {}: {}", escape(wire::go_text(interest), 1000),
                escape(endorsers.error().message, 300));
      return error_result("failed constructing descriptor for " + wire::go_text(interest));
    }
    *result.mutable_cc_query_res()->add_content() = to_message(*endorsers);
  }
  return result;
}

QueryResult Discovery::answer_peers(const Query& query, const ChannelState& channel) const {
  auto chosen = authorized_peers(channel, parts_.membership.peers_of(query.channel()), query.peer_query().filter());
  if (!chosen) return error_result(chosen.error().message);
  const auto alive = parts_.membership.peers();
  QueryResult result;
  auto& by_org = *result.mutable_members()->mutable_peers_by_org();
  for (const Peer& peer : *chosen) {
    const bool told = std::any_of(alive.begin(), alive.end(), [&](const Peer& other) {
      return other.pki_id == peer.pki_id && !other.endpoint.empty();
    });
    if (told) *by_org[peer.mspid].add_peers() = to_message(peer);
  }
  return result;
}

QueryResult Discovery::answer_local_peers() const {
  QueryResult result;
  auto& by_org = *result.mutable_members()->mutable_peers_by_org();
  for (Peer peer : parts_.membership.peers()) {
    if (peer.endpoint.empty()) continue;
    peer.state_info.Clear();
    *by_org[peer.mspid].add_peers() = to_message(peer);
  }
  return result;
}

Result<Endorsers> Discovery::endorsers(const std::string& channel, const ::protos::ChaincodeInterest& interest) const {
  const ChannelState state = parts_.channels.find(channel);
  if (!state.bundle) {  // what discovery says of a chaincode that it does not know
    return fail(Code::kNotFound, "No metadata was found for chaincode " +
                                     (interest.chaincodes().empty() ? "" : escape(interest.chaincodes(0).name(), 100)) +
                                     " in channel " + escape(channel, 100));
  }
  return find_endorsers(state, parts_.membership.peers_of(channel), parts_.membership.peers(), interest);
}

}  // namespace selvage::discovery
