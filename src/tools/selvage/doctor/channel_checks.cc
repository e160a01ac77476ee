#include "tools/selvage/doctor/channel_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "channel/tls_notes.h"
#include "crypto/chain.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "wire/marshal.h"

namespace selvage::tools::doctor {
namespace {

using std::chrono::sys_seconds;

Result<ChannelConsenter> consenter_of(size_t number, const std::string& host, uint32_t port, const Bytes& server,
                                      const Bytes& client) {
  std::string name = fmt::format("consenter {}", number);
  std::string address = fmt::format("{}:{}", escape(host, 120), port);
  auto parsed_server = crypto::Certificate::from_pem(server);
  auto parsed_client = crypto::Certificate::from_pem(client);
  if (!parsed_server || !parsed_client) {
    return fail(Code::kInvalidArgument, name + " (" + address + ") has a certificate that cannot be read");
  }
  return ChannelConsenter{std::move(name), std::move(address), std::move(*parsed_server), std::move(*parsed_client)};
}

tls::Root root_of(const std::string& channel, const std::string& mspid, const crypto::Certificate& certificate,
                  bool intermediate, int index) {
  tls::Provenance from;
  from.kind = tls::Provenance::Kind::kChannel;
  from.channel = channel;
  from.msp_id = mspid;
  from.intermediate = intermediate;
  from.index = index;
  return {certificate, from};
}

bool chains_to(const crypto::Certificate& leaf, const crypto::CertificatePool& roots, sys_seconds at) {
  crypto::CertificatePool none;
  return verify_chain(leaf, none, roots, {.now = to_system_time(at), .usages = {}, .host = ""}).accepted();
}

void check_organisations(const channel::Bundle& bundle, const std::string& section, ChannelTls& channel,
                         sys_seconds now, Report& report) {
  for (const channel::OrgTlsRoots& org : bundle.org_tls_roots()) {
    const std::string subject = escape(org.mspid, 60);
    if (org.roots.empty()) {
      report.fail(
          section, subject, "has no tls_root_certs (" + channel::path_of(org) + "): nobody can believe its nodes' certificates", "TLS-52",
          "put its TLS CA under msp/tlscacerts/ and update the organisation's MSP in the channel's configuration");
      continue;
    }
    std::string names;
    int index = 0;
    for (const auto& root : org.roots) {
      names += (names.empty() ? "" : ", ") + subject_of(root);
      channel.roots.push_back(root_of(channel.channel, org.mspid, root, false, index++));
      if (org.orderer_org) channel.orderer_roots.push_back(channel.roots.back());
      channel.endings.push_back({fmt::format("{} TLS CA {}", subject, subject_of(root)), root.not_after()});
      if (root.not_after() < now) {
        report.fail(section, subject, fmt::format("TLS CA {} {}", subject_of(root), time_left(root.not_after(), now)),
                    "TLS-10",
                    "renew that CA certificate with the same key and update the organisation's MSP in the channel's "
                    "configuration");
      }
      if (!root.is_ca()) {
        report.fail(section, subject, subject_of(root) + " is not a CA certificate", "TLS-11",
                    "name the CA's own certificate in msp/tlscacerts/");
      }
    }
    index = 0;
    for (const auto& certificate : org.intermediates) {
      channel.roots.push_back(root_of(channel.channel, org.mspid, certificate, true, index++));
      if (org.orderer_org) channel.orderer_roots.push_back(channel.roots.back());
    }
    report.ok(section, subject + " TLS roots", fmt::format("{}: {}", org.roots.size(), names));
  }
}

void check_consenters(const std::string& section, ChannelTls& channel, sys_seconds now, Report& report) {
  crypto::CertificatePool roots;
  for (const tls::Root& root : channel.orderer_roots) roots.add(root.certificate);
  for (const ChannelConsenter& consenter : channel.consenters) {
    const std::string subject = consenter.name + " " + consenter.address;
    bool well = true;
    for (const auto& [use, certificate] : {std::pair{"server", &consenter.server}, {"client", &consenter.client}}) {
      channel.endings.push_back({fmt::format("{} {} certificate", subject, use), certificate->not_after()});
      if (certificate->not_after() < now) {
        well = false;
        report.fail(section, subject, fmt::format("{} certificate {}", use, time_left(certificate->not_after(), now)),
                    "TLS-26", "renew it with the same key; other orderers and peers refuse it until then");
      } else if (!chains_to(*certificate, roots, now)) {
        well = false;
        report.fail(
            section, subject,
            fmt::format("{} certificate issued by {}, which is no TLS CA of the channel's orderer organisations", use,
                        escape(certificate->issuer(), 120)),
            "TLS-52", "update the organisation's MSP, or the consenter's certificate, in the channel's configuration");
      }
    }
    if (well)
      report.ok(section, subject, time_left(std::min(consenter.server.not_after(), consenter.client.not_after()), now));
  }
}

// Who is on an organisation's list of revoked certificates: Fabric never looks there for TLS.
void check_revocations(const channel::Bundle& bundle, const OwnFiles& own, const std::string& section, const ChannelTls& channel,
                       Report& report) {
  std::vector<tls::Revocations> lists;
  for (const channel::OrgTlsRoots& org : bundle.org_tls_roots()) {
    for (const auto& list : org.revocations) {
      tls::Provenance from;
      from.kind = tls::Provenance::Kind::kChannel;
      from.channel = channel.channel;
      from.msp_id = org.mspid;
      lists.push_back({list, std::move(from)});
    }
  }
  tls::TrustStore store(channel.roots);
  store.set_source("lists", {}, std::move(lists));
  const auto trust = store.current();
  const auto look = [&](const std::string& subject, const std::vector<crypto::Certificate>& chain) {
    const tls::Revocations* found = trust->revoked(chain);
    if (found == nullptr) return;
    report.warn(section, subject,
                fmt::format("{} (serial {}) is revoked by the list of {}, and accepted all the same where that is not looked at",
                            subject_of(chain.front()), chain.front().serial_hex().substr(0, 40), escape(found->from.msp_id, 60)),
                "TLS-14", "have a new certificate issued; CORE_PEER_TLS_REVOCATION, ORDERER_GENERAL_TLS_REVOCATION refuse revoked ones");
  };
  for (const ChannelConsenter& one : channel.consenters) {
    look(one.name + " " + one.address, {one.server});
    if (!(one.client == one.server)) look(one.name + " " + one.address, {one.client});
  }
  for (const LoadedPair& pair : own.pairs) look("our " + pair.configured->role + " certificate", pair.credentials->chain());
}

void check_own_place(const channel::Bundle& bundle, const NodeTls& node, const OwnFiles& own,
                     const std::string& section, const ChannelTls& channel, sys_seconds now, Report& report) {
  crypto::CertificatePool pool;
  for (const tls::Root& root : channel.roots) {
    if (root.from.msp_id == node.msp_id) pool.add(root.certificate);
  }
  const bool member = std::any_of(bundle.org_tls_roots().begin(), bundle.org_tls_roots().end(),
                                  [&](const channel::OrgTlsRoots& org) { return org.mspid == node.msp_id; });
  if (!member) {
    report.fail(section, node.msp_id, "this node's organisation is no member of the channel", "",
                "look at the local MSP id");
    return;
  }
  for (const LoadedPair& pair : own.pairs) {
    if (pair.configured->role == "operations" || pair.configured->role == "admin") continue;
    crypto::CertificatePool between;
    const auto& chain = pair.credentials->chain();
    for (size_t i = 1; i < chain.size(); ++i) between.add(chain[i]);
    auto answer = verify_chain(chain.front(), between, pool, {.now = to_system_time(now), .usages = {}, .host = ""});
    if (answer.accepted() || answer.error->fault != crypto::ChainFault::kUnknownAuthority) {
      report.ok(section, "our " + pair.configured->role + " certificate", "covered by the roots of " + node.msp_id);
    } else {
      report.fail(section, "our " + pair.configured->role + " certificate",
                  fmt::format("issued by {}, which is not among the TLS roots of {}: other nodes will refuse it",
                              escape(chain.back().issuer(), 120), node.msp_id),
                  "TLS-52",
                  "update the organisation's MSP in the channel's configuration, or use a certificate of its TLS CA");
    }
  }
  if (!node.is_orderer) return;
  auto server = own.of_server();
  if (!server) return;
  for (const ChannelConsenter& consenter : channel.consenters) {
    if (consenter.server.spki_der() == server->leaf().spki_der()) {
      report.ok(section, "this node", "is " + consenter.name);
      return;
    }
  }
  report.warn(section, "this node", "is no consenter by the key of its server certificate: it follows the channel",
              "TLS-51", "if it should be one: update the consenter's certificates in the channel's configuration");
}

}  // namespace

Result<std::vector<ChannelConsenter>> consenters_of(const channel::Bundle& bundle) {
  std::vector<ChannelConsenter> consenters;
  if (bundle.orderer() == nullptr) return consenters;
  if (!bundle.orderer()->consenters.empty()) {
    for (const channel::Consenter& one : bundle.orderer()->consenters) {
      SELVAGE_TRY(auto consenter, consenter_of(one.id, one.host, one.port, one.server_tls_cert, one.client_tls_cert));
      consenters.push_back(std::move(consenter));
    }
    return consenters;
  }
  etcdraft::ConfigMetadata metadata;
  if (!wire::parse_into(bundle.orderer()->consensus_metadata, metadata)) {
    return fail(Code::kInvalidArgument, "the consensus metadata of channel " + bundle.channel_id() + " cannot be read");
  }
  for (const auto& one : metadata.consenters()) {
    SELVAGE_TRY(auto consenter, consenter_of(consenters.size() + 1, one.host(), one.port(), one.server_tls_cert(),
                                             one.client_tls_cert()));
    consenters.push_back(std::move(consenter));
  }
  return consenters;
}

ChannelTls check_channel(const channel::Bundle& bundle, const NodeTls* node, const OwnFiles& own, sys_seconds now,
                         Report& report) {
  ChannelTls channel;
  channel.channel = bundle.channel_id();
  const std::string section = "channel " + channel.channel;
  check_organisations(bundle, section, channel, now, report);
  auto consenters = consenters_of(bundle);
  if (consenters) {
    channel.consenters = std::move(*consenters);
    check_consenters(section, channel, now, report);
  } else {
    report.fail(section, "consenters", consenters.error().message, "TLS-18",
                "update that consenter in the channel's configuration");
  }
  check_revocations(bundle, own, section, channel, report);
  if (node != nullptr && node->enabled) check_own_place(bundle, *node, own, section, channel, now, report);
  return channel;
}

void plan_rotation(const ChannelTls& channel, const std::string& leader, Report& report) {
  if (channel.consenters.empty()) return;
  std::vector<const ChannelConsenter*> order;
  for (const ChannelConsenter& one : channel.consenters) order.push_back(&one);
  const auto end_of = [](const ChannelConsenter& one) {
    return std::min(one.server.not_after(), one.client.not_after());
  };
  std::stable_sort(order.begin(), order.end(), [&](const ChannelConsenter* a, const ChannelConsenter* b) {
    const bool a_leads = a->address == leader, b_leads = b->address == leader;
    return a_leads != b_leads ? b_leads : end_of(*a) < end_of(*b);
  });
  std::string names;
  for (const ChannelConsenter* one : order)
    names += (names.empty() ? "" : ", ") + one->address + (one->address == leader ? " (leader)" : "");
  report.ok("rotation plan", "order", names + "; one at a time, the leader last");
  report.ok("rotation plan", "same keys", "need no config update; for new keys: selvage rotate orderer");
}

}  // namespace selvage::tools::doctor
