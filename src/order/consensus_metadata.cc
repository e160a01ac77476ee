#include "order/consensus_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "channel/bundle.h"
#include "channel/duration.h"
#include "channel/tls_notes.h"
#include "common/common.pb.h"
#include "crypto/chain.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

auto refuse(std::string why) { return fail(Code::kInvalidArgument, std::move(why)); }

struct Pools {
  crypto::CertificatePool roots;
  crypto::CertificatePool intermediates;
  std::string said;  // whose roots they are
};

Pools orderer_pools(const channel::Bundle& bundle) {
  Pools pools;
  pools.said = channel::list_orderer_tls_roots(bundle);
  for (const auto& org : bundle.org_tls_roots()) {
    if (!org.orderer_org) continue;
    for (const auto& certificate : org.roots) pools.roots.add(certificate);
    for (const auto& certificate : org.intermediates) pools.intermediates.add(certificate);
  }
  return pools;
}

Result<crypto::Certificate> parse_certificate(const Bytes& pem) {
  if (pem.find("-----BEGIN") == Bytes::npos) return refuse("no PEM data found in cert[" + to_hex(pem) + "]");
  return crypto::Certificate::from_pem(pem);
}

Status verify_one(const char* kind, const crypto::Certificate& certificate, const Pools& pools, SystemTime now,
                  bool ignore_expiry) {
  const crypto::ChainQuestion question{now, {crypto::kClientAuth, crypto::kServerAuth}, ""};
  const auto answer = crypto::verify_chain(certificate, pools.intermediates, pools.roots, question);
  if (answer.accepted()) return {};
  const bool dates = answer.error->fault == crypto::ChainFault::kExpired ||
                     answer.error->fault == crypto::ChainFault::kNotYetValid;
  if (ignore_expiry && dates) return {};
  std::string why = fmt::format("verifying tls {} cert with serial number {}: {}", kind, certificate.serial_decimal(), answer.error->text);
  if (answer.error->fault == crypto::ChainFault::kUnknownAuthority) {
    why += fmt::format(" (TLS-52: {} was issued by {}, and the channel's configuration has these TLS roots of orderer organisations: {}; "
                       "put the CA under msp/tlscacerts/ of its organisation)",
                       escape(certificate.subject(), 120), escape(certificate.issuer(), 120), pools.said);
  }
  return refuse(std::move(why));
}

Status verify_consenter(const etcdraft::Consenter& consenter, const Pools& pools, SystemTime now, bool ignore_expiry) {
  auto client = parse_certificate(consenter.client_tls_cert());
  if (!client) {
    return fail(client.error().within(
        fmt::format("parsing tls client cert of {}:{}", consenter.host(), consenter.port())));
  }
  auto server = parse_certificate(consenter.server_tls_cert());
  if (!server) {
    return fail(server.error().within(
        fmt::format("parsing tls server cert of {}:{}", consenter.host(), consenter.port())));
  }
  SELVAGE_CHECK(verify_one("client", *client, pools, now, ignore_expiry));
  return verify_one("server", *server, pools, now, ignore_expiry);
}

}  // namespace

Status check_consensus_type(const channel::Bundle& bundle) {
  if (bundle.orderer() == nullptr) return refuse("no orderer config in bundle");
  const std::string& type = bundle.orderer()->consensus_type;
  if (type == "etcdraft") return {};
  return refuse(
      fmt::format("failed to find a consenter for consensus type: {}; this orderer orders with Raft only: make the "
                  "channel with OrdererType etcdraft, or join {} to it",
                  type, type == "BFT" ? "Fabric's own orderers" : "orderers that know this type"));
}

Result<etcdraft::ConfigMetadata> config_metadata_of(const channel::Bundle& bundle) {
  SELVAGE_CHECK(check_consensus_type(bundle));
  auto metadata = wire::parse<etcdraft::ConfigMetadata>(bundle.orderer()->consensus_metadata);
  if (!metadata) return fail(metadata.error().within("failed to unmarshal consensus metadata"));
  return metadata;
}

Status verify_config_metadata(const etcdraft::ConfigMetadata& metadata, const channel::Bundle& bundle, SystemTime now) {
  if (!metadata.has_options()) return refuse("nil Raft config metadata options");
  const auto& options = metadata.options();
  if (options.heartbeat_tick() == 0 || options.election_tick() == 0 || options.max_inflight_blocks() == 0) {
    return refuse(fmt::format("none of HeartbeatTick ({}), ElectionTick ({}) and MaxInflightBlocks ({}) can be zero",
                              options.heartbeat_tick(), options.election_tick(), options.max_inflight_blocks()));
  }
  if (options.election_tick() <= options.heartbeat_tick()) {
    return refuse(fmt::format("ElectionTick ({}) must be greater than HeartbeatTick ({})", options.election_tick(),
                              options.heartbeat_tick()));
  }
  const auto tick = channel::parse_go_duration(options.tick_interval());
  if (!tick) {
    return refuse(fmt::format("failed to parse TickInterval ({}) to time duration: {}", options.tick_interval(),
                              tick.error().message));
  }
  if (tick->count() == 0) return refuse("TickInterval cannot be zero");
  if (metadata.consenters().empty()) return refuse("empty consenter set");
  const Pools pools = orderer_pools(bundle);
  for (const auto& consenter : metadata.consenters()) {
    if (auto fine = verify_consenter(consenter, pools, now, true); !fine) {
      return fail(fine.error().within(
          fmt::format("consenter {}:{} has invalid certificate", consenter.host(), consenter.port())));
    }
  }
  std::set<Bytes> seen;
  for (const auto& consenter : metadata.consenters()) {
    // A consenter may use one certificate for both; two consenters may not share any.
    if (seen.contains(consenter.server_tls_cert()) || seen.contains(consenter.client_tls_cert())) {
      return refuse(fmt::format("duplicate consenter: server cert: {}, client cert: {}", consenter.server_tls_cert(),
                                consenter.client_tls_cert()));
    }
    seen.insert(consenter.server_tls_cert());
    seen.insert(consenter.client_tls_cert());
  }
  return {};
}

Result<std::optional<size_t>> find_self(const etcdraft::ConfigMetadata& metadata, const crypto::Certificate& own) {
  for (int i = 0; i < metadata.consenters_size(); ++i) {
    auto theirs = crypto::Certificate::from_pem(metadata.consenters(i).server_tls_cert());
    if (!theirs) return refuse("invalid PEM block");
    if (theirs->spki_der() == own.spki_der()) return std::optional<size_t>(static_cast<size_t>(i));
  }
  return std::optional<size_t>();
}

Result<etcdraft::BlockMetadata> block_metadata_of(const common::Block& newest, const etcdraft::ConfigMetadata& config) {
  Bytes value;
  if (newest.header().number() != 0) {
    SELVAGE_TRY(value, wire::consenter_metadata(newest));
  }
  etcdraft::BlockMetadata metadata;
  if (!value.empty()) {
    auto parsed = wire::parse<etcdraft::BlockMetadata>(value);
    if (!parsed) return fail(parsed.error().within("failed to unmarshal block's metadata"));
    metadata = std::move(*parsed);
  } else {
    for (int i = 1; i <= config.consenters_size(); ++i) metadata.add_consenter_ids(static_cast<uint64_t>(i));
    metadata.set_next_consenter_id(static_cast<uint64_t>(config.consenters_size()) + 1);
  }
  if (metadata.consenter_ids_size() != config.consenters_size()) {
    return fail(Code::kDataLoss, fmt::format("the newest block names {} consenter ids, its configuration {} consenters",
                                             metadata.consenter_ids_size(), config.consenters_size()));
  }
  return metadata;
}

bool MembershipChanges::loses_quorum(const std::vector<raft::NodeId>& active) const {
  const auto size = static_cast<size_t>(block_metadata.consenter_ids_size());
  const size_t quorum = size / 2 + 1;
  const bool tolerant = size > 2;  // smaller clusters cannot lose a node anyway
  const auto alive_without = [&](raft::NodeId gone) {
    return static_cast<size_t>(std::count_if(active.begin(), active.end(), [&](auto id) { return id != gone; }));
  };
  if (change && change->kind == raft::Change::Kind::kAdd) return tolerant && active.size() < quorum;
  if (rotated != raft::kNone) return tolerant && alive_without(rotated) < quorum;
  if (change) return alive_without(change->node) < quorum;
  return false;
}

Result<MembershipChanges> membership_changes(const etcdraft::BlockMetadata& old_ids,
                                             const etcdraft::ConfigMetadata& old_config,
                                             const etcdraft::ConfigMetadata& new_config) {
  MembershipChanges changes;
  changes.block_metadata = old_ids;
  std::map<Bytes, raft::NodeId> known;
  for (int i = 0; i < old_config.consenters_size() && i < old_ids.consenter_ids_size(); ++i) {
    known[old_config.consenters(i).client_tls_cert()] = old_ids.consenter_ids(i);
  }
  auto& ids = *changes.block_metadata.mutable_consenter_ids();
  ids.Clear();
  std::set<Bytes> kept;
  int place_of_added = 0;
  for (const auto& consenter : new_config.consenters()) {
    const auto found = known.find(consenter.client_tls_cert());
    if (found == known.end()) {
      place_of_added = ids.size();
      changes.added.push_back(consenter);
    } else {
      kept.insert(found->first);
    }
    ids.Add(found == known.end() ? raft::kNone : found->second);
  }
  raft::NodeId gone = raft::kNone;
  for (const auto& consenter : old_config.consenters()) {
    if (kept.contains(consenter.client_tls_cert())) continue;
    changes.removed.push_back(consenter);
    gone = known[consenter.client_tls_cert()];
  }
  const size_t added = changes.added.size(), removed = changes.removed.size();
  if (added > 1 || removed > 1) {
    return refuse(fmt::format("update of more than one consenter at a time is not supported, requested changes: add {} "
                              "node(s), remove {} node(s)",
                              added, removed));
  }
  if (added == 1 && removed == 1) {  // a new certificate for the same node
    changes.rotated = gone;
    ids.Set(place_of_added, gone);
  } else if (added == 1) {
    const raft::NodeId id = changes.block_metadata.next_consenter_id();
    ids.Set(place_of_added, id);
    changes.block_metadata.set_next_consenter_id(id + 1);
    changes.change = raft::Change{0, raft::Change::Kind::kAdd, id, nullptr};
  } else if (removed == 1) {
    changes.change = raft::Change{0, raft::Change::Kind::kRemove, gone, nullptr};
  }
  return changes;
}

Status check_consensus_update(const channel::Bundle& current, const channel::Bundle& next,
                              const etcdraft::BlockMetadata& ids, const std::vector<raft::NodeId>& active,
                              SystemTime now) {
  const auto* orderer = next.orderer();
  if (orderer == nullptr) return refuse("no orderer config in bundle");
  if (orderer->consensus_metadata.empty()) return {};
  if (orderer->consensus_type != "etcdraft") {
    return refuse("illegal consensus type detected during consensus metadata validation: " + orderer->consensus_type);
  }
  SELVAGE_TRY(const auto old_metadata, config_metadata_of(current));
  auto new_metadata = wire::parse<etcdraft::ConfigMetadata>(orderer->consensus_metadata);
  if (!new_metadata) return fail(new_metadata.error().within("failed to unmarshal new etcdraft metadata configuration"));
  if (auto fine = verify_config_metadata(*new_metadata, next, now); !fine) {
    return fail(fine.error().within("invalid new config metadata"));
  }
  SELVAGE_TRY(const auto changes, membership_changes(ids, old_metadata, *new_metadata));
  const Pools pools = orderer_pools(next);
  for (const auto& consenter : changes.added) {
    if (auto fine = verify_consenter(consenter, pools, now, false); !fine) {
      return fail(fine.error().within(
          fmt::format("consenter {}:{} has invalid certificates", consenter.host(), consenter.port())));
    }
  }
  if (changes.loses_quorum(active)) {
    return refuse(fmt::format("{} out of {} nodes are alive, configuration will result in quorum loss", active.size(),
                              ids.consenter_ids_size()));
  }
  return {};
}

}  // namespace selvage::order
