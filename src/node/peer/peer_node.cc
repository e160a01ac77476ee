#include "node/peer/peer_node.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "common/common.pb.h"
#include "deliver/serve/deliver_service.h"
#include "endorse/endorser_service.h"
#include "identity/posix_msp_directory.h"
#include "identity/signature_memory.h"
#include "ledger/ledger.h"
#include "node/peer/chaincode_listener.h"
#include "node/peer/client_services.h"
#include "node/peer/collection_membership.h"
#include "node/peer/deliver_rendering.h"
#include "node/peer/endorsement.h"
#include "node/peer/gossip_network.h"
#include "node/peer/peer_channels.h"
#include "node/peer/peer_settings.h"
#include "node/peer/peer_tls.h"
#include "node/peer/private_network.h"
#include "node/peer/private_rendering.h"
#include "node/peer/rebuild_gate.h"
#include "node/tls_settings.h"
#include "node/tls_upkeep.h"
#include "ops/operations_service.h"
#include "os/posix_disk.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "os/worker_pool.h"
#include "policy/acl.h"
#include "rpc/server.h"
#include "validate/pool_worker.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}

constexpr auto kStopGrace = std::chrono::seconds(2);

// An address that cannot be listened on, with the setting that names it.
Error with_setting(Error error, const char* key, const char* variable) {
  error.hint = std::string("stop the process that has the address, or set ") + key + " (" + variable + ") to another one";
  return error;
}

}  // namespace

// Destroyed from the bottom up: first what calls, then what is called.
struct PeerNode::State {
  State(config::CoreSettings core_settings, std::function<void()> on_failed, std::unique_ptr<PeerTls> peer_tls,
        identity::LocalMsp local_msp)
      : core(std::move(core_settings)), failed(std::move(on_failed)), tls(std::move(peer_tls)),
        local(std::move(local_msp)), membership(local.msp->mspid()) {}

  const config::CoreSettings core;
  const std::function<void()> failed;
  const std::unique_ptr<PeerTls> tls;
  const identity::LocalMsp local;
  const CollectionMembership membership;
  std::shared_ptr<const plugin::Plugins> plugins;
  std::unique_ptr<ops::Operations> operations;
  std::unique_ptr<TlsUpkeep> tls_upkeep;
  std::unique_ptr<ledger::LedgerSet> ledgers;
  std::unique_ptr<RebuildGate> rebuild_gate;
  std::unique_ptr<os::WorkerPool> validators;
  identity::SignatureMemory signatures;
  std::unique_ptr<GossipNetwork> gossip;
  std::unique_ptr<PrivateNetwork> private_network;
  std::unique_ptr<PeerChannels> channels;
  std::unique_ptr<Endorsement> endorsement;
  std::unique_ptr<os::WorkerPool> pool;
  std::unique_ptr<deliver::DeliverService> deliver;
  std::unique_ptr<ClientServices> clients;
  std::unique_ptr<rpc::Server> server;
};

PeerNode::PeerNode(std::unique_ptr<State> state) : state_(std::move(state)) {}

PeerNode::~PeerNode() { stop(); }

Result<std::unique_ptr<PeerNode>> PeerNode::make(config::CoreSettings core, std::function<void()> failed) {
  SELVAGE_CHECK(check_settings(core));
  SELVAGE_TRY(core.address, config::advertised_address(core));
  Disk& disk = os::posix_disk();
  const Clock& clock = os::system_clock();

  SELVAGE_TRY(auto operations_tls, https_context(core.operations.tls, "Operations"));
  SELVAGE_TRY(auto peer_tls, PeerTls::make(core));
  // Recovery: held against a time at which nothing had expired.
  auto loaded = identity::load_local_msp(core.msp_directory.path, core.msp_id,
                                         core.start_with_expired_identity ? SystemTime() : clock.now());
  if (!loaded) {
    Error error = loaded.error();
    if (error.message.find("signing identity expired") != std::string::npos) {
      error.hint += ", or start with the expired one to recover: CORE_PEER_STARTWITHEXPIREDIDENTITY=true";
    }
    return fail(std::move(error));
  }
  identity::LocalMsp local = std::move(*loaded);
  auto state = std::make_unique<State>(std::move(core), std::move(failed), std::move(peer_tls), std::move(local));
  State& s = *state;
  s.operations = std::make_unique<ops::Operations>(operations_settings(s.core, operations_tls));
  s.tls_upkeep = std::make_unique<TlsUpkeep>(s.tls->registry(), *s.operations, s.local.signer.certificate(),
                                             s.core.msp_directory.path, s.tls->visitors(), clock);
  register_https(s.tls->registry(), "operations", s.core.operations.tls, operations_tls.get());
  metrics::Provider& metrics = s.operations->metrics();
  SELVAGE_TRY(s.plugins, plugin::Plugins::load(plugin_settings(s.core)));

  SELVAGE_TRY(s.ledgers, ledger::LedgerSet::open(disk, ledger_settings(s.core), metrics));
  const size_t validators = s.core.validator_pool_size > 0 ? static_cast<size_t>(s.core.validator_pool_size)
                                                           : std::max(1u, std::thread::hardware_concurrency());
  s.validators = std::make_unique<os::WorkerPool>(validators, "validate");
  PeerChannel::Events events;
  s.gossip = std::make_unique<GossipNetwork>(
      s.core, GossipNetwork::Parts{*s.tls, s.local, clock, os::system_random(), metrics});
  s.private_network = std::make_unique<PrivateNetwork>(
      s.core, PrivateNetwork::Parts{*s.gossip, s.local.msp->mspid(), clock, os::system_random(), metrics});
  events.config_changed = [&s](const channel::BundlePtr& bundle) {
    s.tls->follow(*bundle);
    s.gossip->config_changed(bundle);
    if (s.clients) s.clients->config_changed(bundle);
  };
  SELVAGE_TRY(s.rebuild_gate, RebuildGate::make(disk, ledger_settings(s.core).root, s.ledgers->ledgers()));
  events.committed = [&s](const std::string& channel, uint64_t height) {
    s.gossip->committed(channel, height);
    s.rebuild_gate->committed(channel, height);
  };
  events.lifecycle_changed = [&s](const std::string& channel) { s.endorsement->lifecycle_changed(channel); };
  events.failed = [&s](const std::string& channel, const Error& error) {
    LOG_ERROR(logger(), "Channel {} cannot go on, the peer stops: {}", channel, to_string(error));
    s.failed();
  };
  if (s.gossip->elects_leaders()) {
    events.gave_up = [&s](const std::string& channel) { s.gossip->gossip().yield_leadership(channel); };
  }
  s.channels = std::make_unique<PeerChannels>(PeerChannels::Parts{
      *s.ledgers, s.membership, metrics, clock, os::system_random(), wire::signer_of(s.local.signer),
      pull_settings(s.core, *s.tls), channel_settings(s.core), std::move(events),
      validate::on_pool(*s.validators, validators), &s.signatures, s.gossip->leads_at_start(),
      s.private_network.get(), s.plugins});
  s.gossip->attach(*s.channels);
  s.private_network->attach(*s.channels);
  SELVAGE_CHECK(s.channels->open());
  EndorsementSettings endorsement = endorsement_settings(s.core);
  endorsement.plugins = s.plugins;
  SELVAGE_TRY(endorsement.listener, chaincode_listener_settings(s.core));
  SELVAGE_TRY(s.endorsement, Endorsement::make(std::move(endorsement),
                                               {*s.channels, s.local, disk, clock, metrics, &s.signatures,
                                                [&s](const std::string& channel, const std::string& txid, const auto& writes,
                                                     uint64_t height) {
                                                  return s.private_network->disseminate(channel, txid, writes, height);
                                                },
                                                [&s] { return s.rebuild_gate->check(); }}));
  s.endorsement->on_runnable([&s](const std::string& channel, const auto& runnable) {
    std::vector<gossip::ChaincodeInfo> chaincodes;
    for (const auto& [name, sequence] : runnable) chaincodes.push_back({name, std::to_string(sequence)});
    s.gossip->set_chaincodes(channel, std::move(chaincodes));
  });
  LOG_INFO(logger(), "Deployed system chaincodes");

  s.server = std::make_unique<rpc::Server>(server_settings(s.core, *s.tls, metrics));
  show_chaincode_listener(*s.tls_upkeep, s.endorsement->listener());
  s.tls_upkeep->add_server(*s.server, s.tls->client_auth_required() ? "certificate hash" : "");
  endorse::add_endorser_service(*s.server, s.endorsement->endorser());
  s.gossip->add_to(*s.server);
  s.pool = std::make_unique<os::WorkerPool>(std::max(2u, std::thread::hardware_concurrency()), "deliver");
  deliver::Settings deliver;
  deliver.rules.time_window = s.core.authentication_window;
  deliver.rules.bind_to_tls_certificate = s.tls->client_auth_required() && s.core.tls.enabled;
  deliver.expiry_of = expiry_of_identity;
  s.deliver = std::make_unique<deliver::DeliverService>(
      std::move(deliver), s.channels->sources(), clock, metrics,
      [&s](std::function<void()> task) { s.pool->post(std::move(task)); });
  s.deliver->add_to(*s.server, "/protos.Deliver/Deliver", std::make_shared<BlockRendering>(),
                    make_event_access(std::string(policy::resource::kEventBlock)));
  s.deliver->add_to(*s.server, "/protos.Deliver/DeliverFiltered", std::make_shared<FilteredRendering>(),
                    make_event_access(std::string(policy::resource::kEventFilteredBlock)));
  s.deliver->add_to(*s.server, "/protos.Deliver/DeliverWithPrivateData", std::make_shared<PrivateRendering>(),
                    make_event_access(std::string(policy::resource::kEventBlock)));
  s.clients = std::make_unique<ClientServices>(ClientServices::Parts{
      s.core, *s.tls, s.local, *s.channels, *s.gossip, *s.endorsement, os::system_random(),
      [&s](std::function<void()> task) { s.server->post(std::move(task)); }});
  s.clients->add_to(*s.server);
  return std::unique_ptr<PeerNode>(new PeerNode(std::move(state)));
}

Status PeerNode::start() {
  State& s = *state_;
  LOG_INFO(logger(), "Starting peer with ID=[{}], network ID=[{}], address=[{}]", s.core.peer_id, s.core.network_id,
           s.core.address);
  const SystemTime now = os::system_clock().now();
  s.tls->note_expiry(now);
  for (const auto& note : tls::expiry_notes("enrollment", s.local.signer.certificate(), s.core.msp_directory.path,
                                            std::chrono::floor<std::chrono::seconds>(now))
                              .due) {
    log_note(note);
  }
  if (auto started = s.operations->start(); !started) {
    return fail(with_setting(started.error().within("failed to initialize operations subsystem"),
                             "operations.listenAddress", "CORE_OPERATIONS_LISTENADDRESS"));
  }
  if (auto started = s.endorsement->start(); !started) {
    return fail(with_setting(started.error().within("Failed to create chaincode server"), "peer.chaincodeListenAddress",
                             "CORE_PEER_CHAINCODELISTENADDRESS"));
  }
  if (auto started = s.server->start(); !started) {
    return fail(with_setting(started.error().within("Failed to create peer server"), "peer.listenAddress",
                             "CORE_PEER_LISTENADDRESS"));
  }
  s.gossip->start();
  s.private_network->start();
  s.channels->start();
  s.tls_upkeep->start();
  LOG_INFO(logger(), "Started peer with ID=[{}], network ID=[{}], address=[{}]", s.core.peer_id, s.core.network_id,
           s.core.address);
  return {};
}

void PeerNode::stop() {
  State& s = *state_;
  if (s.tls_upkeep) s.tls_upkeep->stop();
  if (s.clients) s.clients->end_streams();
  if (s.endorsement) s.endorsement->stop();
  if (s.server) s.server->stop(kStopGrace);
  if (s.clients) s.clients->stop();
  if (s.private_network) s.private_network->stop();
  if (s.gossip) s.gossip->stop();
  if (s.channels) s.channels->stop();
  if (s.pool) s.pool->stop();
  if (s.operations) s.operations->stop();
}

void PeerNode::reload() { state_->tls_upkeep->reload(); }

std::string PeerNode::address() const { return state_->server->address(); }

}  // namespace selvage::node
