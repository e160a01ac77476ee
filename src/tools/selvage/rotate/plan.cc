#include "tools/selvage/rotate/plan.h"

#include <fmt/format.h>

#include "channel/update_between.h"
#include "crypto/chain.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "wire/marshal.h"

namespace selvage::tools::rotate {
namespace {

// The new certificate must be one that the other orderers believe. Dates count: nobody rotates to what has expired.
Status check_believed(const channel::Bundle& bundle, const crypto::Certificate& certificate, const char* what,
                      std::chrono::sys_seconds now) {
  crypto::CertificatePool roots, between;
  for (const channel::OrgTlsRoots& org : bundle.org_tls_roots()) {
    if (!org.orderer_org) continue;
    for (const auto& root : org.roots) roots.add(root);
    for (const auto& one : org.intermediates) between.add(one);
  }
  auto answer = verify_chain(certificate, between, roots, {.now = to_system_time(now), .usages = {}, .host = ""});
  if (answer.accepted()) return {};
  return fail(Code::kInvalidArgument,
              fmt::format("the new {} certificate is not accepted in channel {}: {}", what, bundle.channel_id(),
                          answer.error->text),
              "issuer " + escape(certificate.issuer(), 120),
              "issue it by a TLS CA of the channel's orderer organisations");
}

}  // namespace

Result<ChannelPlan> plan_channel(const channel::Bundle& bundle, const std::string& node, const NewPair& pair,
                                 std::chrono::sys_seconds now) {
  if (bundle.orderer() == nullptr || bundle.orderer()->consensus_type != "etcdraft") {
    return fail(Code::kUnimplemented, "channel " + bundle.channel_id() + " is not ordered by etcdraft");
  }
  SELVAGE_TRY(auto server, crypto::Certificate::from_pem(pair.server_pem));
  SELVAGE_TRY(auto client, crypto::Certificate::from_pem(pair.client_pem));
  etcdraft::ConfigMetadata metadata;
  SELVAGE_CHECK(wire::parse_into(bundle.orderer()->consensus_metadata, metadata));

  ChannelPlan plan;
  plan.channel = bundle.channel_id();
  plan.consenters = static_cast<size_t>(metadata.consenters_size());
  for (int i = 0; i < metadata.consenters_size() && plan.place == 0; ++i) {
    const auto& one = metadata.consenters(i);
    if (fmt::format("{}:{}", one.host(), one.port()) == node) plan.place = static_cast<size_t>(i) + 1;
  }
  if (plan.place == 0) {
    std::string names;
    for (const auto& one : metadata.consenters())
      names += fmt::format("{}{}:{}", names.empty() ? "" : ", ", escape(one.host(), 120), one.port());
    return fail(Code::kNotFound, fmt::format("channel {} has no consenter {}; it has {}", plan.channel, node, names));
  }
  auto& mine = *metadata.mutable_consenters(static_cast<int>(plan.place) - 1);
  SELVAGE_TRY(auto old_server, crypto::Certificate::from_pem(mine.server_tls_cert()));
  SELVAGE_TRY(auto old_client, crypto::Certificate::from_pem(mine.client_tls_cert()));
  SELVAGE_CHECK(check_believed(bundle, server, "server", now));
  SELVAGE_CHECK(check_believed(bundle, client, "client", now));
  if (old_server.spki_der() == server.spki_der() && old_client.spki_der() == client.spki_der()) return plan;

  mine.set_server_tls_cert(server.pem());
  mine.set_client_tls_cert(client.pem());
  common::Config next = bundle.config();
  auto& value = (*(*next.mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())["ConsensusType"];
  orderer::ConsensusType consensus;
  SELVAGE_CHECK(wire::parse_into(value.value(), consensus));
  consensus.set_metadata(wire::marshal(metadata));
  value.set_value(wire::marshal(consensus));
  SELVAGE_TRY(plan.update, channel::update_between(bundle.config(), next));
  plan.update->set_channel_id(plan.channel);
  return plan;
}

Status check_quorum(size_t consenters, size_t others_alive) {
  const size_t quorum = consenters / 2 + 1;
  if (consenters == 1 || others_alive >= quorum) return {};
  return fail(Code::kFailedPrecondition,
              fmt::format("{} out of {} nodes are alive, configuration will result in quorum loss", others_alive + 1,
                          consenters),
              fmt::format("{} of the others must answer", quorum), "start the other orderers first");
}

}  // namespace selvage::tools::rotate
