#include "tools/selvage/doctor/live_client.h"

#include <fmt/format.h>

#include "client/deliver_client.h"
#include "client/dial_client.h"
#include "identity/posix_msp_directory.h"
#include "os/system_clock.h"
#include "tls/probe_client.h"
#include "wire/block.h"
#include "wire/signer.h"

namespace selvage::tools::doctor {
namespace {

std::shared_ptr<tls::CredentialStore> store_of(const LiveSettings& settings) {
  return std::make_shared<tls::CredentialStore>(settings.credentials);
}

}  // namespace

bool check_live(const LiveSettings& settings, const std::string& address, const std::string& what,
                const ChannelConsenter* expected, Report& report) {
  tls::ClientContext context(store_of(settings), std::make_shared<tls::TrustStore>(settings.roots), settings.policy);
  const tls::ProbeResult seen = tls::probe(context, address);
  const std::string subject = what.empty() ? address : what + " " + address;
  if (!seen.connected) {
    report.fail("live", subject, "no connection: " + seen.evidence.error, "",
                "is it running, and is that its address?");
    return false;
  }
  const auto& chain = seen.accepted ? seen.facts.peer_chain : seen.evidence.peer_chain;
  if (expected != nullptr && !chain.empty() && chain.front().spki_der() != expected->server.spki_der()) {
    report.fail(
        "live", subject,
        fmt::format("presents key of {} (serial {}), and the channel's configuration has another one (serial {})",
                    subject_of(chain.front()), chain.front().serial_hex().substr(0, 40),
                    expected->server.serial_hex().substr(0, 40)),
        "TLS-51", "put the pair with the old key back, or update the consenter: selvage rotate orderer");
  }
  if (seen.accepted) {
    report.ok(
        "live", subject,
        fmt::format("{}, {}, {}", seen.facts.version, seen.facts.alpn.empty() ? "no ALPN" : seen.facts.alpn,
                    settings.credentials ? "we are accepted as a client" : "accepted without a client certificate"));
    return true;
  }
  report.fail("live", subject, seen.diagnosis.cause.empty() ? seen.evidence.error : seen.diagnosis.cause,
              seen.diagnosis.code, seen.diagnosis.remedy);
  return false;
}

Result<channel::BundlePtr> fetch_channel(const LiveSettings& settings, const NodeTls& node, const std::string& channel,
                                         const std::string& address, bool from_orderer) {
  SELVAGE_TRY(auto identity, identity::load_local_msp(node.msp_directory, node.msp_id, os::system_clock().now()));
  client::Dialer dialer(store_of(settings), {});
  client::Target target;
  target.address = address;
  if (node.enabled) target.trust = std::make_shared<tls::TrustStore>(settings.roots);
  SELVAGE_TRY(auto connection, dialer.dial(target));
  client::DeliverClient deliver(connection, from_orderer ? client::From::kOrderer : client::From::kPeer, channel,
                                wire::signer_of(identity.signer), dialer.certificate_hash(), true);
  SELVAGE_TRY(auto newest, deliver.fetch(client::Newest{}));
  SELVAGE_TRY(uint64_t number, wire::last_config_index(newest));
  if (number == newest.header().number()) return channel::Bundle::from_block(newest);
  SELVAGE_TRY(auto block, deliver.fetch(number));
  return channel::Bundle::from_block(block);
}

}  // namespace selvage::tools::doctor
