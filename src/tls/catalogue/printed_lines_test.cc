// What programs of every make print in each case of the catalogue, and the code that `selvage explain` must think of first.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tls/catalogue/catalogue.h"

namespace selvage::tls {
namespace {

// The six that `selvage explain` shows.
std::vector<int> offered_for(std::string_view line) {
  std::vector<int> out;
  for (const Recognised& match : recognise(line)) {
    for (int number : match.codes) {
      if (std::find(out.begin(), out.end(), number) == out.end() && out.size() < 6) out.push_back(number);
    }
  }
  return out;
}

std::string text_of(const std::vector<int>& numbers) {
  std::string text;
  for (int number : numbers) text += code_name(number) + " ";
  return text;
}

struct Line {
  std::string text;
  int first;               // the likeliest cause
  std::vector<int> among;  // other causes that print the very same, all of which must be offered
};

// A handshake's line in a node's log.
std::string server(std::string_view error, std::string_view name = "Orderer") {
  return "2026-11-23 14:35:18.000 UTC 001a ERRO [core.comm] ServerHandshake -> Server TLS handshake failed in 1.9ms with error " +
         std::string(error) + " server=" + std::string(name) + " remoteaddress=10.0.0.7:51234";
}
// Of a Go program that dials, and of its gRPC library.
std::string client(std::string_view error) {
  return "ERRO [comm.tls] ClientHandshake -> Client TLS handshake failed after 1.9ms with error: " + std::string(error) +
         " remoteaddress=10.0.0.7:7051";
}
std::string grpc(std::string_view error) {
  return "WARN [grpc] [core][Channel #1 SubChannel #2]grpc: addrConn.createTransport failed to connect to {Addr: \"orderer:7050\"}. "
         "Err: connection error: desc = \"" + std::string(error) + "\"";
}
std::string node(std::string_view error) {
  return "Error: 14 UNAVAILABLE: No connection established. Last error: Error: 00A8F1F0:error:0A000000:SSL routines:ssl3_read_bytes:" +
         std::string(error);
}
std::string core(std::string_view error) {
  return "E1123 ssl_transport_security.cc:1659] Handshake failed with error SSL_ERROR_SSL: error:1000007d:SSL "
         "routines:OPENSSL_internal:" + std::string(error);
}

const std::string kVerify = "tls: failed to verify certificate: x509: ";
const std::string kAfter = kVerify + "certificate has expired or is not yet valid: current time 2026-11-23T14:35:18Z is after 2025-01-01T00:00:00Z";
const std::string kBefore = kVerify + "certificate has expired or is not yet valid: current time 2026-11-23T14:35:18Z is before 2030-01-01T00:00:00Z";
const std::string kUnwrap = "UNAVAILABLE: failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7050: Unwrap failed (TSI_DATA_CORRUPTED)";

std::vector<Line> the_server_judges() {
  return {
      {server("tls: client didn't provide a certificate"), 1, {2, 4, 5, 9, 21}},
      {grpc("error reading server preface: remote error: tls: certificate required"), 1, {2, 4, 5, 9, 21}},
      {grpc("error reading server preface: write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe"), 1, {2, 7}},
      {node("tlsv13 alert certificate required:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 116"), 1, {21}},
      {kUnwrap, 1, {2, 4, 6, 7, 9}},
      {"javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_required", 1, {2, 4, 5, 9}},
      {"Caused by: java.net.SocketException: Broken pipe", 1, {2, 7}},
      {core("TLSV1_CERTIFICATE_REQUIRED"), 1, {}},
      {server(kVerify + "certificate signed by unknown authority"), 2, {3, 4, 5, 9}},
      {node("tlsv1 alert unknown ca:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 48"), 2, {3, 4, 5, 9, 12}},
      {core("TLSV1_ALERT_UNKNOWN_CA"), 2, {3, 4, 5, 9}},
      {"javax.net.ssl.SSLHandshakeException: Received fatal alert: unknown_ca", 2, {3, 4, 5}},
      {grpc("error reading server preface: remote error: tls: unknown certificate authority"), 2, {3, 4, 5, 11}},
      {server(kVerify + "certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while trying "
                        "to verify candidate authority certificate \"tlsca.org1\")"), 3, {}},
      {server(kVerify + "certificate specifies an incompatible key usage"), 6, {}},
      {"x509: certificate specifies an incompatible key usage", 6, {32}},
      {grpc("error reading server preface: remote error: tls: bad certificate"), 6, {1}},
      {grpc("error reading server preface: remote error: tls: unsupported certificate"), 6, {}},
      {node("sslv3 alert bad certificate:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 42"), 6, {1, 2, 9}},
      {"javax.net.ssl.SSLHandshakeException: Received fatal alert: bad_certificate", 6, {1, 2, 9}},
      {server(kAfter), 7, {10}},
      {grpc("error reading server preface: remote error: tls: expired certificate"), 7, {8, 10}},
      {node("sslv3 alert certificate expired:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 45"), 7, {8, 10}},
      {"javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_expired", 7, {8, 10}},
      {server(kBefore), 8, {}},
      {server(kVerify + "certificate signed by unknown authority (possibly because of \"x509: invalid signature: parent certificate "
                        "cannot sign this kind of certificate\" while trying to verify candidate authority certificate \"x\")"), 11, {}},
      {server(kVerify + "certificate signed by unknown authority (possibly because of \"x509: cannot verify signature: insecure "
                        "algorithm ECDSA-SHA1\" while trying to verify candidate authority certificate \"tlsca.org1\")"), 12, {}},
      {"Error: failed to load client certificate: failed to create key pair: x509: unsupported elliptic curve", 13, {}},
      {grpc("error reading server preface: remote error: tls: revoked certificate"), 14, {}},
      {grpc("error reading server preface: remote error: tls: access denied"), 58, {}},
      {server("tls: client certificate is revoked by the list of channel mychannel, Org1MSP"), 14, {}},
      {server("tls: client certificate has none of the names that may connect"), 58, {}},
  };
}

std::vector<Line> own_files() {
  return {
      {"failed to load client certificate: failed to create key pair: tls: private key does not match public key", 16, {}},
      {"E1123 Failed to create security handshaker", 16, {17}},
      {"Error: error:05800074:x509 certificate routines::key values mismatch", 16, {}},
      {"failed to create key pair: tls: failed to parse private key", 17, {}},
      {"Error: error:1C800064:Provider routines::bad decrypt", 17, {}},
      {"tls: failed to find any PEM data in certificate input", 18, {}},
      {"tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched", 19, {}},
      {"Error: unable to load peer.tls.clientKey.file: open : no such file or directory", 20, {}},
      {"Error: unable to load orderer.tls.clientCert.file and orderer.tls.clientKey.file: open : no such file or directory", 20, {}},
      {"Error: failed to load config for OrdererClient: error adding root certificate", 22, {}},
      {"FATA failed to append client root certificate(s): x509: malformed certificate", 23, {}},
      {"Error: unable to load orderer.tls.rootcert.file: open : no such file or directory", 24, {}},
  };
}

std::vector<Line> the_client_judges() {
  const std::string names = kVerify + "certificate is valid for ";
  return {
      {server("remote error: tls: bad certificate"), 25, {26, 28, 30, 33, 34}},
      {server("remote error: tls: unknown certificate"), 25, {28}},
      {client(kVerify + "certificate signed by unknown authority"), 25, {33, 52}},
      {grpc("transport: authentication handshake failed: " + kVerify + "certificate signed by unknown authority"), 25, {33, 52}},
      {core("CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate: OK"), 25, {24, 33}},
      {"Error: 14 UNAVAILABLE: No connection established. Last error: unable to verify the first certificate", 25, {24, 33, 54}},
      {"Error: 14 UNAVAILABLE: No connection established. Last error: self-signed certificate in certificate chain", 25, {24}},
      {"sun.security.validator.ValidatorException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: "
       "unable to find valid certification path to requested target", 25, {33}},
      {"WARN The server TLS certificate has expired", 26, {}},
      {client(kAfter), 26, {10}},
      {grpc("transport: authentication handshake failed: " + kAfter), 26, {10}},
      {core("CERTIFICATE_VERIFY_FAILED: certificate has expired: OK"), 26, {}},
      {"Error: 14 UNAVAILABLE: No connection established. Last error: certificate has expired", 26, {10}},
      {"PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed", 26, {27}},
      {"Caused by: java.security.cert.CertificateExpiredException: NotAfter: Wed Jan 01 00:00:00 UTC 2025", 26, {}},
      {client(kBefore), 27, {}},
      {grpc("transport: authentication handshake failed: " + kBefore), 27, {}},
      {"Error: 14 UNAVAILABLE: No connection established. Last error: certificate is not yet valid", 27, {}},
      {"Caused by: java.security.cert.CertificateNotYetValidException: NotBefore: Tue Jan 01 00:00:00 UTC 2030", 27, {}},
      {client(names + "orderer.example.com, not localhost"), 28, {34}},
      {"Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's "
       "altnames: DNS:orderer.example.com", 28, {34}},
      {"Hostname Verification Check failed.", 28, {34}},
      {"java.security.cert.CertificateException: No subject alternative DNS name matching localhost found.", 28, {}},
      {client(kVerify + "certificate is not valid for any names, but wanted to match localhost"), 29, {35, 45}},
      {"x509: certificate relies on legacy Common Name field, use SANs instead", 29, {}},
      {client(kVerify + "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"), 30, {}},
      {client(names + "127.0.0.1, not 0.0.0.0"), 31, {}},
      {"x509: cannot validate certificate for 0.0.0.0 because it doesn't contain any IP SANs", 31, {}},
      {client(kVerify + "certificate specifies an incompatible key usage"), 32, {}},
      {core("CERTIFICATE_VERIFY_FAILED: unsuitable certificate purpose: OK"), 32, {}},
      {"sun.security.validator.ValidatorException: Extended key usage does not permit use for TLS server authentication", 32, {}},
  };
}

std::vector<Line> start_ports_and_proxies() {
  return {
      {"FATA Failed to return new GRPC server: tls: private key does not match public key", 36, {}},
      {"FATA Failed to set TLS client certificate (error parsing client TLS key pair: tls: private key does not match public key)", 36, {}},
      {"FATA Failed to return new GRPC server: tls: failed to parse private key", 37, {17}},
      {"FATA Failed to return new GRPC server: tls: failed to find any PEM data in certificate input", 37, {18}},
      {"ERRO open /x/nothing.crt: no such file or directory: ORDERER_GENERAL_TLS_CERTIFICATE; set it", 37, {}},
      {"ERRO open /x/nothing.crt: no such file or directory: ORDERER_GENERAL_TLS_CLIENTROOTCAS; set it", 38, {}},
      {"FATA Failed to return new GRPC server: no client root certificates found", 38, {}},
      {"FATA Failed to load TLS ClientRootCAs file 'open /x/a.crt: no such file or directory' (/x/a.crt)", 38, {}},
      {"error loading client root CA: open /etc/sampleconfig/[/x/a.crt,/x/b.crt]: no such file or directory", 38, {}},
      {"peer.tls.clientKey.file and peer.tls.clientCert.file must both be set or must both be empty", 39, {}},
      {"PANI TLS is required for running ordering nodes of cluster type.", 40, {}},
      {"PANI Admin.TLS.ClientAuthRequired must be set to true if Admin.TLS.Enabled is set to true", 41, {}},
      {server("tls: first record does not look like a TLS handshake"), 42, {}},
      {grpc("error reading server preface: EOF"), 42, {}},
      {"UNAVAILABLE: ipv4:127.0.0.1:7051: Socket closed", 42, {}},
      {"Error: 14 UNAVAILABLE: No connection established. Last error: Failed to connect", 42, {}},
      {grpc("transport: authentication handshake failed: tls: first record does not look like a TLS handshake"), 43, {}},
      {core("WRONG_VERSION_NUMBER"), 43, {}},
      {node("wrong version number:../deps/openssl/ssl/record/ssl3_record.c:354:"), 43, {}},
      {"javax.net.ssl.SSLException: Unsupported or unrecognized SSL message", 43, {}},
      {grpc("transport: authentication handshake failed: credentials: cannot check peer: missing selected ALPN property. If you upgraded"),
       44, {49}},
      {"Error: 14 UNAVAILABLE: No connection established. Last error: Protocol error", 44, {49}},
      {grpc("transport: authentication handshake failed: remote error: tls: no application protocol"), 44, {}},
      {node("tlsv1 alert no application protocol:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 120"), 44, {}},
      {server("remote error: tls: bad certificate", "ChaincodeServer"), 45, {}},
      {"http: TLS handshake error from 10.0.0.7:5: client sent an HTTP request to an HTTPS server", 46, {}},
      {"Error: invalid character 'C' looking for beginning of value", 46, {}},
      {"http: TLS handshake error from 10.0.0.7:5: tls: first record does not look like a TLS handshake", 46, {42}},
      {server("EOF"), 47, {25, 28}},
      {server("read tcp 10.0.0.1:7050->10.0.0.7:51234: read: connection reset by peer"), 47, {}},
      {server("tls: client offered only unsupported versions: [302 301]"), 48, {}},
      {server("tls: no cipher suite supported by both client and server; client offered: [2f ff]"), 48, {}},
      {"remote error: tls: protocol version not supported", 48, {}},
      {node("tlsv1 alert protocol version:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 70"), 48, {}},
      {node("sslv3 alert handshake failure:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 40"), 48, {1}},
      {client(kVerify + "certificate is valid for ingress.local, not peer0.org1"), 49, {}},
      {"rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 502 (Bad Gateway); transport: received "
       "unexpected content-type \"text/html\"", 49, {}},
      {"transport: http2Server.HandleStreams received bogus greeting from client: \"GET / HTTP/1.1\\r\\nHost\"", 49, {}},
  };
}

std::vector<Line> bindings_and_identities() {
  return {
      {"WARN error parsing envelope from 10.0.0.7:5: client didn't include its TLS cert hash", 50, {}},
      {"WARN claimed TLS cert hash is [1 1 1] but actual TLS cert hash is [52 234 1]", 50, {49}},
      {"Error: can't read the block: &{BAD_REQUEST}", 50, {}},
      {"certificate extracted from TLS connection isn't authorized", 51, {}},
      {"public key of server certificate presented by orderer2:7050 doesn't match the expected public key", 51, {}},
      {"ERRO session binding mismatch", 51, {}},
      {"rpc error: code = Unauthenticated desc = access denied", 51, {}},
      {"Failed pulling blocks: faulty node, received: status:NOT_FOUND", 51, {}},
      {"consenter orderer2:7050 has invalid certificate: verifying tls client cert with serial number 1234: x509: certificate signed by "
       "unknown authority", 52, {}},
      {"Authentication failed: Expected [1 2 3] in remote hash of TLS cert, but got [4 5 6]", 53, {}},
      {"WARN 10.0.0.7:5 didn't send TLS certificate", 53, {}},
      {"PANI Failed to setup local msp with config: signing identity expired 16598h53m35.077557191s ago", 55, {}},
      {"CA Certificate is not valid, (SN: 1234) [could not obtain certification chain: the supplied identity is not valid]", 55, {}},
      {"PANI the supplied identity is not valid: x509: certificate has expired or is not yet valid: current time 2024-01-01T00:00:01Z is "
       "before 2026-11-23T14:34:09Z", 56, {}},
      {"PANI Failed to setup local msp with config: KeyMaterial not found in SigningIdentityInfo", 57, {}},
  };
}

// What users posted (symptom and true cause); the cause must be offered, and stands first where the line is proof.
std::vector<Line> from_the_threads() {
  return {
      {"Handshake failed with fatal error SSL_ERROR_SSL: error:14094412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate", 1, {2, 4}},
      {"E0312 Handshake failed with fatal error SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED", 25, {}},
      {"Handshake failed with fatal error SSL_ERROR_SSL: error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", 43, {}},
      {"x509: certificate is valid for tlsca.org1, not ca.org1", 28, {}},
      {"Failed to connect before the deadline URL:grpcs://localhost:7051", 34, {}},
      {"Error: failed to create new connection: context deadline exceeded", 1, {25, 28, 42}},
  };
}

TEST(PrintedLines, LeadToTheirCode) {
  for (const auto& table : {the_server_judges(), own_files(), the_client_judges(), start_ports_and_proxies(), bindings_and_identities(),
                            from_the_threads()}) {
    for (const Line& line : table) {
      const std::vector<int> offered = offered_for(line.text);
      ASSERT_FALSE(offered.empty()) << line.text;
      EXPECT_EQ(code_name(offered.front()), code_name(line.first)) << line.text << "\n  offered: " << text_of(offered);
      for (int other : line.among) {
        EXPECT_NE(std::find(offered.begin(), offered.end(), other), offered.end()) << code_name(other) << ": " << line.text;
      }
    }
  }
}

// Every code has words that lead to it, but for those that no program of others says anything about.
TEST(PrintedLines, ExistForEveryCodeThatSomebodyPrints) {
  const std::vector<int> silent{
      15,  // nothing is refused
      54,  // chaincode prints the words of 25; the peer's own words hold the code
  };
  for (const Code& code : codes()) {
    const bool found = std::any_of(phrases().begin(), phrases().end(), [&](const Phrase& phrase) {
      return std::find(phrase.codes.begin(), phrase.codes.end(), code.number) != phrase.codes.end();
    });
    const bool may_be_silent = std::find(silent.begin(), silent.end(), code.number) != silent.end();
    EXPECT_TRUE(found || may_be_silent) << code_name(code.number);
  }
}

TEST(PrintedLines, OfOursAreKnownByTheirCode) {
  for (const Code& code : codes()) {
    const std::string line = "Error: cannot use orderer0:7050: context deadline exceeded (" + code_name(code.number) + ": " +
                             std::string(code.title) + ")";
    EXPECT_EQ(offered_for(line).front(), code.number) << line;
  }
}

}  // namespace
}  // namespace selvage::tls
