#include "tools/peer/session_client.h"

#include <sys/stat.h>

#include "base/log.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "identity/posix_msp_directory.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "tls/files_service.h"
#include "tools/peer/connection_profile.h"
#include "tools/terminal.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {
namespace {

// Our certificate for one kind of server; null when we are not asked to present one.
Result<client::TlsIdentity> tls_identity(const TlsSettings& tls, const char* prefix) {
  if (!tls.enabled || !tls.client_auth) return client::TlsIdentity();
  tls::CredentialFiles files{tls.certificate.path, tls.certificate.origin, tls.key.path, tls.key.origin};
  auto loaded = tls::load_credentials(files);
  if (!loaded)
    return fail(loaded.error().within(std::string("unable to load ") + prefix + ".tls.clientCert.file and " + prefix +
                                      ".tls.clientKey.file"));
  return std::make_shared<tls::CredentialStore>(*loaded);
}

Result<client::Dialer> make_dialer(const Settings& settings, const TlsSettings& tls, const char* prefix,
                                   std::chrono::milliseconds timeout, Bytes& certificate_hash) {
  SELVAGE_TRY(auto identity, tls_identity(tls, prefix));
  client::DialSettings dial;
  dial.connect_timeout = timeout;
  dial.time_shift = tls.time_shift;
  dial.receive_bytes_max = settings.receive_bytes_max;
  dial.send_bytes_max = settings.send_bytes_max;
  dial.certificate_setting = tls.certificate.origin;
  if (!tls.client_auth) dial.certificate_setting.key = tls.client_auth_remedy;
  dial.is_cli = true;
  client::Dialer dialer(std::move(identity), dial);
  certificate_hash = dialer.certificate_hash();
  return dialer;
}

Result<client::Target> target_of(const std::string& address, const TlsSettings& tls, const std::string& ca_file,
                                 const Origin& ca_setting) {
  client::Target target;
  target.address = address;
  if (!tls.enabled) return target;
  SELVAGE_TRY(target.trust, client::trust_file(ca_file, ca_setting));
  target.server_name = tls.server_name;
  target.server_name_setting = tls.server_name_setting;
  target.roots_setting = ca_setting;
  return target;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t at = 0;;) {
    const size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) return parts;
    at = end + 1;
  }
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const Settings& settings) {
  struct stat found {};
  const std::string path = "cannot init crypto, specified path \"" + settings.msp_folder + "\" ";
  if (::stat(settings.msp_folder.c_str(), &found) != 0)
    return fail(
        Code::kNotFound,
        path + "does not exist or cannot be accessed: stat " + settings.msp_folder + ": no such file or directory", "",
        "set CORE_PEER_MSPCONFIGPATH to the user's msp folder");
  if (!S_ISDIR(found.st_mode)) return fail(Code::kInvalidArgument, path + "is not a directory");
  if (settings.mspid.empty()) return fail(Code::kInvalidArgument, "the local MSP must have an ID");
  auto local = identity::load_local_msp(settings.msp_folder, settings.mspid, os::system_clock().now());
  if (!local)
    return fail(local.error().within("error when setting up MSP of type bccsp from directory " + settings.msp_folder));
  return std::unique_ptr<Session>(new Session(settings, wire::signer_of(local->signer)));
}

Result<std::vector<PeerChoice>> Session::choose_peers(const cobra::Call& call, bool several, bool lifecycle) const {
  auto addresses = call.texts("peerAddresses");
  auto roots = call.texts("tlsRootCertFiles");
  const std::string context =
      lifecycle ? "failed to validate peer connection parameters" : "error validating peer connection parameters";
  auto refuse = [&](const std::string& text) { return fail(Code::kInvalidArgument, context + ": " + text); };
  if (const std::string profile = call.text("connectionProfile"); !profile.empty()) {
    auto peers = peers_of_profile(profile, call.text("channelID"), call.text("targetPeer"));
    if (!peers) return fail(peers.error().within(context));
    if (!peers->empty()) addresses.clear(), roots.clear();
    for (ProfilePeer& peer : *peers) {
      addresses.push_back(std::move(peer.address));
      roots.push_back(std::move(peer.ca_file));
    }
  }
  if (addresses.empty()) addresses = {""};
  if (roots.empty()) roots = {""};
  const std::string count = std::to_string(addresses.size());
  if (!several && addresses.size() > 1)
    return refuse("'" + call.name() +
                  (lifecycle ? "' command supports one peer. " + count + " peers provided"
                             : "' command can only be executed against one peer. received " + count));
  if (!settings_.peer_tls.enabled) {
    roots.assign(addresses.size(), "");
  } else if (roots.size() != addresses.size()) {
    return refuse("number of peer addresses (" + count + ") does not match the number of TLS root cert files (" +
                  std::to_string(roots.size()) + ")");
  }
  std::vector<PeerChoice> peers;
  for (size_t i = 0; i < addresses.size(); ++i) peers.push_back({addresses[i], roots[i]});
  return peers;
}

Result<const client::Dialer*> Session::peer_dialer() {
  if (!peer_dialer_) {
    SELVAGE_TRY(auto made,
                make_dialer(settings_, settings_.peer_tls, "peer", settings_.peer_timeout, peer_certificate_hash_));
    peer_dialer_ = std::move(made);
  }
  return &*peer_dialer_;
}

Result<const client::Dialer*> Session::orderer_dialer() {
  if (!orderer_dialer_) {
    SELVAGE_TRY(auto made, make_dialer(settings_, settings_.orderer_tls, "orderer", settings_.orderer_timeout,
                                       orderer_certificate_hash_));
    orderer_dialer_ = std::move(made);
  }
  return &*orderer_dialer_;
}

Result<std::shared_ptr<rpc::Channel>> Session::dial_peer(const PeerChoice& peer) {
  const bool configured = peer.address.empty();
  const std::string& address = configured ? settings_.peer_address : peer.address;
  if (address.empty()) return fail(Code::kInvalidArgument, "peer address must be set");
  if (settings_.peer_tls.enabled && !configured && peer.ca_file.empty())
    return fail(Code::kInvalidArgument, "tls root cert file must be set");
  auto dialer = peer_dialer();
  if (!dialer) return fail(dialer.error().within("failed to load config for PeerClient"));
  auto target =
      configured && peer.ca_file.empty()
          ? target_of(address, settings_.peer_tls, settings_.peer_tls.roots.path, settings_.peer_tls.roots.origin)
          : target_of(address, settings_.peer_tls, peer.ca_file, Origin{"--tlsRootCertFiles", "", 0});
  if (!target)
    return fail(target.error().within(configured ? "failed to load config for PeerClient: unable to load "
                                                   "peer.tls.rootcert.file"
                                                 : "unable to load TLS root cert file from " + peer.ca_file));
  auto channel = (*dialer)->dial(*target);
  if (channel || settings_.peer_tls.enabled || !channel.error().hint.empty()) return channel;
  Error error = channel.error();
  error.hint = "TLS-42: if this peer speaks TLS, set CORE_PEER_TLS_ENABLED=true and CORE_PEER_TLS_ROOTCERT_FILE";
  return fail(std::move(error));
}

Result<std::shared_ptr<rpc::Channel>> Session::dial_orderer(const std::string& address) {
  const TlsSettings& tls = settings_.orderer_tls;
  auto dialer = orderer_dialer();
  if (!dialer) return fail(dialer.error().within("failed to load config for OrdererClient"));
  auto target = target_of(address, tls, tls.roots.path, tls.roots.origin);
  if (!target)
    return fail(
        target.error().within("failed to load config for OrdererClient: unable to load orderer.tls.rootcert.file"));
  auto channel = (*dialer)->dial(*target);
  if (channel) return channel;
  Error error = channel.error().within("orderer client failed to connect to " + address);
  if (!tls.enabled && error.hint.empty()) error.hint = "TLS-42: if this orderer speaks TLS, give --tls and --cafile";
  return fail(std::move(error));
}

Result<std::shared_ptr<rpc::Channel>> Session::peer_channel(const PeerChoice& peer, const std::string& who) {
  auto channel = dial_peer(peer);
  if (channel || !channel.error().message.starts_with("failed to create new connection")) return channel;
  const std::string& address = peer.address.empty() ? settings_.peer_address : peer.address;
  return fail(channel.error().within(who + " failed to connect to " + address));
}

Result<client::EndorserClient> Session::endorser(const PeerChoice& peer) {
  SELVAGE_TRY(auto channel, peer_channel(peer, "endorser client"));
  return client::EndorserClient(std::move(channel), peer.address.empty() ? settings_.peer_address : peer.address);
}

Result<std::vector<client::EndorserClient>> Session::endorsers(const std::vector<PeerChoice>& peers) {
  std::vector<client::EndorserClient> endorsers;
  for (const PeerChoice& peer : peers) {
    SELVAGE_TRY(auto made, endorser(peer));
    endorsers.push_back(std::move(made));
  }
  return endorsers;
}

Result<std::vector<std::string>> orderer_endpoints(BytesView config_bytes) {
  SELVAGE_TRY(const auto config, wire::parse<::common::Config>(config_bytes));
  const auto& groups = config.channel_group().groups();
  const auto orderer = groups.find("Orderer");
  if (orderer == groups.end()) return fail(Code::kInvalidArgument, "missing OrdererConfig in channel config");
  std::vector<std::string> endpoints;
  auto add = [&](const ::common::ConfigGroup& group, const char* key) -> Status {
    const auto value = group.values().find(key);
    if (value == group.values().end()) return {};
    SELVAGE_TRY(const auto addresses, wire::parse<::common::OrdererAddresses>(value->second.value()));
    endpoints.insert(endpoints.end(), addresses.addresses().begin(), addresses.addresses().end());
    return {};
  };
  for (const auto& [name, org] : orderer->second.groups()) SELVAGE_CHECK(add(org, "Endpoints"));
  if (endpoints.empty()) SELVAGE_CHECK(add(config.channel_group(), "OrdererAddresses"));
  return endpoints;
}

Result<std::unique_ptr<client::BroadcastClient>> Session::broadcast(const std::string& channel_id,
                                                                    const client::EndorserClient* endorser,
                                                                    const log::Logger& logger) {
  std::string addresses = settings_.orderer_address;
  if (addresses.empty()) {
    if (endorser == nullptr)
      return fail(Code::kInvalidArgument, "orderer is required, but no ordering endpoint or endorser client supplied");
    const std::vector<Bytes> arguments{"GetChannelConfig", channel_id};
    SELVAGE_TRY(const auto proposed, propose("", wire::make_call("cscc", arguments)));
    const std::string context = "error getting channel (" + channel_id + ") orderer endpoint";
    auto answer = endorser->process(proposed.signed_proposal);
    if (!answer) return fail(answer.error().within(context + ": error endorsing GetChannelConfig"));
    if (answer->response().status() != 200 && answer->response().status() != 0)
      return fail(Code::kUnknown, context + ": error bad proposal response " +
                                      std::to_string(answer->response().status()) + ": " +
                                      answer->response().message());
    auto endpoints = orderer_endpoints(answer->response().payload());
    if (!endpoints) return fail(endpoints.error().within(context));
    if (endpoints->empty())
      return fail(Code::kNotFound, "no orderer endpoints retrieved for channel " + channel_id +
                                       ", pass orderer endpoint with -o flag instead");
    addresses = endpoints->front();
    LOG_INFO(logger, "Retrieved channel ({}) orderer endpoint: {}", channel_id, addresses);
  }
  std::vector<std::shared_ptr<rpc::Channel>> channels;
  for (const std::string& address : split(addresses, ',')) {
    SELVAGE_TRY(auto channel, dial_orderer(address));
    channels.push_back(std::move(channel));
  }
  return std::make_unique<client::BroadcastClient>(channels);
}

Result<client::DeliverClient> Session::deliver(const std::string& channel_id, bool best_effort) {
  const bool from_orderer = split(settings_.orderer_address, ':').size() == 2;
  auto channel = from_orderer ? dial_orderer(settings_.orderer_address) : dial_peer({});
  if (!channel && from_orderer) return fail(channel.error().within("failed to create deliver client for orderer"));
  if (!channel)
    return fail(
        channel.error().within("error getting deliver client for channel: failed to create deliver client for peer: "
                               "deliver client failed to connect to " +
                               settings_.peer_address));
  return client::DeliverClient(*channel, from_orderer ? client::From::kOrderer : client::From::kPeer, channel_id,
                               signer_, from_orderer ? orderer_certificate_hash_ : peer_certificate_hash_, best_effort);
}

client::CommitClient Session::commit(const std::string& channel_id, const std::string& transaction_id) {
  return client::CommitClient(channel_id, transaction_id, signer_, peer_certificate_hash_);
}

Result<Session::Proposed> Session::propose(const std::string& channel_id, const ::protos::ChaincodeInvocationSpec& call,
                                           const std::map<std::string, Bytes>& transient) const {
  Proposed proposed;
  proposed.made = wire::make_proposal(channel_id, call, signer_.serialized, os::system_clock().now(),
                                      os::system_random(), transient);
  SELVAGE_TRY(proposed.signed_proposal, wire::sign_proposal(proposed.made.proposal, signer_));
  return proposed;
}

}  // namespace selvage::tools::peer
