#include "tools/selvage/ccaas_package.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/reader.h"
#include "crypto/chain.h"
#include "lifecycle/package.h"
#include "tls/credentials.h"
#include "tools/terminal.h"

namespace selvage::tools::selvage_program {
namespace {

tl::unexpected<Error> refuse(std::string text, std::string hint = "") {
  return fail(Code::kInvalidArgument, std::move(text), "", std::move(hint));
}

// The host of host:port, without the brackets of an IPv6 address; an error for anything else.
Result<std::string> host_of(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  const bool is_template = port.find("}}") != std::string::npos || address.ends_with("}}");
  if (!is_template && (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
                       std::stoi(port) < 1 || std::stoi(port) > 65535))
    return refuse("--address " + address + " is not host:port",
                  "write it as the peer will dial it: basic.example.com:9999");
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "0.0.0.0" || host == "::")
    return refuse("--address " + address + " is where a server listens, not what a peer can dial",
                  "give the chaincode's host name or address");
  return host;
}

Result<Bytes> read_flag_file(const char* flag, const std::string& path) {
  auto content = read_file(path);
  if (!content) return fail(content.error().within(flag));
  return content;
}

Result<std::vector<crypto::Certificate>> read_certificates(const char* flag, const std::string& path) {
  SELVAGE_TRY(const Bytes pem, read_flag_file(flag, path));
  auto certificates = crypto::Certificate::all_from_pem(pem);
  if (!certificates) return fail(certificates.error().within(std::string(flag) + " " + path));
  return certificates;
}

Status check_dates(const char* flag, const crypto::Certificate& certificate, SystemTime now) {
  const std::string what = std::string(flag) + ": certificate \"" + escape(certificate.subject()) + "\" ";
  if (now > to_system_time(certificate.not_after()))
    return refuse(what + "expired at " + crypto::to_rfc3339(certificate.not_after()), "issue a new one");
  if (now < to_system_time(certificate.not_before()))
    return refuse(what + "is not valid before " + crypto::to_rfc3339(certificate.not_before()), "check the clock");
  return {};
}

// The chaincode's certificate, as the peer will judge it.
Status check_server(const CcaasPackage& wanted, const std::string& host, const std::vector<crypto::Certificate>& roots,
                    SystemTime now) {
  SELVAGE_TRY(const auto chain, read_certificates("--server-cert", wanted.server_cert_file));
  crypto::CertificatePool pool;
  for (const auto& root : roots) pool.add(root);
  crypto::CertificatePool intermediates;
  for (size_t i = 1; i < chain.size(); ++i) intermediates.add(chain[i]);
  const auto answer = crypto::verify_chain(chain.front(), intermediates, pool, {now, {crypto::kServerAuth}, host});
  if (answer.accepted()) return {};
  return refuse("--server-cert " + wanted.server_cert_file + " will not do for " + host + ": " + answer.error->text,
                answer.error->fault == crypto::ChainFault::kHostname
                    ? "issue it for that name, or give the name that is in it as --domain"
                    : "--root-cert must hold the CA that issued it");
}

Status check_client(const CcaasPackage& wanted, BytesView certificate_pem, BytesView key_pem, SystemTime now) {
  tls::CredentialFiles files{wanted.client_cert_file, Origin{"--client-cert", "", 0}, wanted.client_key_file,
                             Origin{"--client-key", "", 0}};
  SELVAGE_TRY(const auto credentials, tls::Credentials::from_pem(certificate_pem, key_pem, files));
  SELVAGE_CHECK(check_dates("--client-cert", credentials->leaf(), now));
  if (!credentials->leaf().allows(crypto::kClientAuth))
    return refuse("--client-cert " + wanted.client_cert_file + " is not for TLS clients (extended key usage)",
                  "take a TLS certificate with clientAuth, not an enrolment or server-only one");
  return {};
}

}  // namespace

Result<Bytes> make_ccaas_package(const CcaasPackage& wanted, SystemTime now) {
  SELVAGE_CHECK(lifecycle::check_label(wanted.label));
  SELVAGE_TRY(const std::string address_host, host_of(wanted.address));
  const std::string host = wanted.domain.empty() ? address_host : wanted.domain;
  if (!config::parse_duration(wanted.dial_timeout))
    return refuse("--dial-timeout " + wanted.dial_timeout + " is not a duration such as 10s");

  nlohmann::ordered_json connection;
  connection["address"] = wanted.address;
  connection["dial_timeout"] = wanted.dial_timeout;
  connection["tls_required"] = wanted.tls;
  const bool client_auth = !wanted.client_cert_file.empty() || !wanted.client_key_file.empty();
  if (!wanted.tls && (client_auth || !wanted.root_cert_file.empty()))
    return refuse("--no-tls and TLS files were given", "leave one of the two out");
  if (wanted.tls) {
    if (wanted.root_cert_file.empty())
      return refuse("--root-cert is missing", "give the CA of the chaincode's TLS certificate, or --no-tls");
    SELVAGE_TRY(const auto roots, read_certificates("--root-cert", wanted.root_cert_file));
    for (const auto& root : roots) SELVAGE_CHECK(check_dates("--root-cert", root, now));
    if (!wanted.server_cert_file.empty()) SELVAGE_CHECK(check_server(wanted, host, roots, now));
    SELVAGE_TRY(connection["root_cert"], read_flag_file("--root-cert", wanted.root_cert_file));
  }
  connection["client_auth_required"] = client_auth;
  if (client_auth) {
    if (wanted.client_cert_file.empty() || wanted.client_key_file.empty())
      return refuse("--client-cert and --client-key belong together", "give both or neither");
    SELVAGE_TRY(const Bytes certificate, read_flag_file("--client-cert", wanted.client_cert_file));
    SELVAGE_TRY(const Bytes key, read_flag_file("--client-key", wanted.client_key_file));
    SELVAGE_CHECK(check_client(wanted, certificate, key, now));
    connection["client_cert"] = certificate;
    connection["client_key"] = key;
  }
  if (!wanted.domain.empty()) connection["domain"] = wanted.domain;
  SELVAGE_TRY(const Bytes code, lifecycle::make_tar_gz({{"connection.json", connection.dump(2) + "\n"}}));
  return lifecycle::make_package({"ccaas", "", wanted.label}, code);
}

}  // namespace selvage::tools::selvage_program
