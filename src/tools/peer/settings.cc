#include "tools/peer/settings.h"

#include "config/tree.h"

namespace selvage::tools::peer {
namespace {

using cobra::Kind;

config::File file_of_flag(const cobra::Call& call, const char* flag) {
  return {call.text(flag), Origin{std::string("--") + flag, "", 0}};
}

std::chrono::milliseconds milliseconds(std::chrono::nanoseconds value, std::chrono::milliseconds fallback) {
  return value.count() > 0 ? std::chrono::ceil<std::chrono::milliseconds>(value) : fallback;
}

TlsSettings orderer_tls(const cobra::Call& call) {
  TlsSettings tls;
  tls.enabled = call.flag("tls");
  tls.client_auth = call.flag("clientauth");
  tls.client_auth_remedy = "--clientauth, --certfile and --keyfile";
  tls.roots = file_of_flag(call, "cafile");
  tls.certificate = file_of_flag(call, "certfile");
  tls.key = file_of_flag(call, "keyfile");
  tls.server_name = call.text("ordererTLSHostnameOverride");
  tls.server_name_setting = Origin{"--ordererTLSHostnameOverride", "", 0};
  tls.time_shift = std::chrono::floor<std::chrono::seconds>(call.duration("tlsHandshakeTimeShift"));
  return tls;
}

}  // namespace

std::vector<cobra::Flag> orderer_flags() {
  return {
      {"orderer", 'o', Kind::kText, "Ordering service endpoint", ""},
      {"tls", 0, Kind::kSwitch, "Use TLS when communicating with the orderer endpoint", ""},
      {"clientauth", 0, Kind::kSwitch, "Use mutual TLS when communicating with the orderer endpoint", ""},
      {"cafile", 0, Kind::kText, "Path to file containing PEM-encoded trusted certificate(s) for the ordering endpoint",
       ""},
      {"keyfile", 0, Kind::kText,
       "Path to file containing PEM-encoded private key to use for mutual TLS communication with the orderer endpoint",
       ""},
      {"certfile", 0, Kind::kText,
       "Path to file containing PEM-encoded X509 public key to use for mutual TLS communication with the orderer "
       "endpoint",
       ""},
      {"ordererTLSHostnameOverride", 0, Kind::kText,
       "The hostname override to use when validating the TLS connection to the orderer", ""},
      {"connTimeout", 0, Kind::kDuration, "Timeout for client to connect", "3s"},
      {"tlsHandshakeTimeShift", 0, Kind::kDuration,
       "The amount of time to shift backwards for certificate expiration checks during TLS handshakes with the orderer "
       "endpoint",
       ""},
  };
}

Result<Settings> read_settings(const cobra::Call& call) {
  const config::Environment environment = config::process_environment();
  SELVAGE_TRY(const std::string file, config::find_file("core", environment));
  SELVAGE_TRY(const config::Tree tree, config::Tree::load(file, "CORE", environment));
  config::Reader read(tree);
  Settings settings;
  settings.peer_address = read.text("peer.address");
  settings.peer_tls.enabled = read.flag("peer.tls.enabled");
  settings.peer_tls.client_auth = read.flag("peer.tls.clientAuthRequired");
  settings.peer_tls.client_auth_remedy =
      "CORE_PEER_TLS_CLIENTAUTHREQUIRED to true, CORE_PEER_TLS_CLIENTCERT_FILE and CORE_PEER_TLS_CLIENTKEY_FILE";
  settings.peer_tls.roots = read.path("peer.tls.rootcert.file");
  settings.peer_tls.certificate = read.path("peer.tls.clientCert.file");
  settings.peer_tls.key = read.path("peer.tls.clientKey.file");
  settings.peer_tls.server_name = read.text("peer.tls.serverhostoverride");
  settings.peer_tls.server_name_setting = read.origin("peer.tls.serverhostoverride");
  settings.peer_tls.time_shift = std::chrono::floor<std::chrono::seconds>(
      read.duration("peer.tls.handshakeTimeShift", std::chrono::nanoseconds(0)));
  settings.peer_timeout =
      milliseconds(read.duration("peer.client.connTimeout", std::chrono::seconds(3)), std::chrono::seconds(3));
  settings.receive_bytes_max = static_cast<size_t>(read.number("peer.maxRecvMsgSize", 100 << 20));
  settings.send_bytes_max = static_cast<size_t>(read.number("peer.maxSendMsgSize", 100 << 20));
  settings.msp_folder = read.path("peer.mspConfigPath").path;
  settings.mspid = read.text("peer.localMspId");
  SELVAGE_CHECK(read.status());
  settings.orderer_address = call.text("orderer");
  settings.orderer_tls = orderer_tls(call);
  settings.orderer_timeout = milliseconds(call.duration("connTimeout"), std::chrono::seconds(3));
  return settings;
}

}  // namespace selvage::tools::peer
