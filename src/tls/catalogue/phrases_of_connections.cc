#include "tls/catalogue/tables.h"

// What programs print when the other side refused, when another protocol was spoken, and when Fabric itself compares
// certificates. Measured as in phrases_of_certificates.cc.
namespace selvage::tls {
namespace {

// The sender of an alert is the other side.
std::vector<Phrase> phrases_of_alerts() {
  const std::string_view none_came = "The server demanded a client certificate and none came (alert 116).";
  const std::string_view unknown = "The OTHER side does not trust the CA of our certificate (alert 48).";
  const std::string_view out_of_date = "The OTHER side finds our certificate, or its CA's, out of date (alert 45).";
  const std::string_view other_use = "Our certificate is not for this use (alert 43).";
  const std::string_view revoked = "Our certificate is on a list of revoked ones (alert 44).";
  const std::string_view no_common = "The OTHER side found no common version or cipher, or missed a certificate (alert 40).";
  const std::string_view other_protocol = "The port speaks TLS, but not the protocol that was asked for (alert 120).";
  const std::string_view bad_client =
      "The OTHER side refused the certificate that we presented (alert 42): servers of Go say so when it does not allow "
      "clientAuth; with TLS 1.2 also when none was sent.";
  const std::string_view bad = "The OTHER side refused the certificate that we presented, or missed one (alert 42); its log has the reason.";
  return {
      {"didn't provide a certificate", kGoServer,
       "The server demanded a client certificate and none came. Go and Java clients withhold one whose issuer the server does "
       "not list, so the client may well have one.",
       {1, 2, 4, 5, 9, 21}},
      {"remote error: tls: certificate required", kGo, none_came, {1, 2, 4, 5, 9, 21}},
      {"certificate required", kOpenSsl, none_came, {1, 21}},
      {"SSL alert number 116", kOpenSsl, none_came, {1, 21}},
      {"Received fatal alert: certificate_required", kJava, none_came, {1, 2, 4, 5, 9}},
      {"remote error: tls: unknown certificate authority", kGo, unknown, {2, 3, 4, 5, 25, 11}},
      {"alert unknown ca", kOpenSsl, unknown, {2, 3, 4, 5, 9, 12}},
      {"Received fatal alert: unknown_ca", kJava, unknown, {2, 3, 4, 5, 9}},
      {"remote error: tls: expired certificate", kGo, out_of_date, {7, 8, 10}},
      {"alert certificate expired", kOpenSsl, out_of_date, {7, 8, 10}},
      {"Received fatal alert: certificate_expired", kJava, out_of_date, {7, 8, 10}},
      {"remote error: tls: unsupported certificate", kGo, other_use, {6, 32}},
      {"alert unsupported certificate", kOpenSsl, other_use, {6, 32}},
      {"Received fatal alert: unsupported_certificate", kJava, other_use, {6, 32}},
      {"remote error: tls: revoked certificate", kGo, revoked, {14}},
      {"alert certificate revoked", kOpenSsl, revoked, {14}},
      {"Received fatal alert: certificate_revoked", kJava, revoked, {14}},
      {"remote error: tls: access denied", kGo, "The server knows our certificate's CA, and does not let this client in (alert 49).", {58}},
      {"alert access denied", kOpenSsl, "The server knows our certificate's CA, and does not let this client in (alert 49).", {58}},
      {"Received fatal alert: access_denied", kJava, "The server knows our certificate's CA, and does not let this client in (alert 49).",
       {58}},

      {"remote error: tls: bad certificate ... server=ChaincodeServer", kGoServer,
       "A client that is no chaincode came to the listener for chaincode, whose CA nobody else knows.", {45, 25}},
      {"Server TLS handshake failed ... remote error: tls: bad certificate", kGoServer,
       "The CLIENT refused OUR certificate: it has another CA file, dialled another name, or our certificate is out of date. "
       "Nothing to change here unless many clients do this.",
       {25, 28, 26, 30, 33, 34}},
      {"remote error: tls: bad certificate ... server=", kGoServer,
       "The CLIENT refused OUR certificate: another CA file, another name, or our certificate is out of date.",
       {25, 28, 26, 30, 33, 34}},
      {"remote error: tls: unknown certificate", "Go, about a client in Java",
       "The OTHER side refused our certificate without saying why (alert 46).", {25, 28, 2}},
      {"Handshake failed with fatal error ... alert bad certificate", kCore,
       "The OTHER side refused the certificate that we presented, or missed one, and said so with TLS alert 42. \"sslv3\" is "
       "only the name of the alert's family: the connection spoke TLS. Servers of Go answer with 42 where TLS 1.2 has no "
       "better word, so it stands for any reason; the server's log at that moment has it.",
       {1, 2, 4, 6, 9, 7}},
      {"alert bad certificate ... SSL alert number 42", kOpenSsl, bad_client, {6, 1, 2, 4, 9}},
      {"alert bad certificate", kOpenSsl, bad, {1, 2, 4, 6, 9, 7}},
      {"alert number 42", kOpenSsl, bad, {1, 2, 4, 6, 9, 7}},
      {"Received fatal alert: bad_certificate", kJava, bad_client, {6, 1, 2, 4, 9}},
      {"error reading server preface: remote error: tls: bad certificate", kGo, bad_client, {6, 1, 2, 4, 9}},
      {"remote error: tls: bad certificate", kGo,
       "The OTHER side refused our certificate (alert 42). In a node's log as a server: the client does not trust us. In a "
       "client's: the server refused our client certificate, or missed one.",
       {25, 6, 1, 2, 28, 52}},
      {"Received fatal alert: certificate_unknown", kJava, "The OTHER side refused our certificate without saying why (alert 46).",
       {25, 28, 2}},
      {"alert certificate unknown", kOpenSsl, "The OTHER side refused our certificate without saying why (alert 46).", {25, 28, 2}},

      {"client certificate is revoked by the list of", kSelvage, "The client's certificate is on an organisation's list of revoked ones.", {14}},
      {"client certificate has none of the names that may connect", kSelvage, "The listener serves certain names only.", {58}},
      {"client offered only unsupported versions", kGoServer, "No common version of TLS.", {48}},
      {"no cipher suite supported by both", kGoServer, "No common cipher.", {48}},
      {"protocol version not supported", kGo, "No common version of TLS (alert 70).", {48}},
      {"alert protocol version", kOpenSsl, "No common version of TLS (alert 70).", {48}},
      {"Received fatal alert: protocol_version", kJava, "No common version of TLS (alert 70).", {48}},
      {"remote error: tls: handshake failure", kGo, no_common, {48, 1}},
      {"alert handshake failure", kOpenSsl, no_common, {48, 1}},
      {"Received fatal alert: handshake_failure", kJava, no_common, {48, 1}},

      {"client requested unsupported application protocols", kGoServer, "The client wants another protocol than this port speaks.", {44}},
      {"remote error: tls: no application protocol", kGo, other_protocol, {44, 49}},
      {"alert no application protocol", kOpenSsl, other_protocol, {44, 49}},
      {"SSL alert number 120", kOpenSsl, other_protocol, {44, 49}},
      {"Received fatal alert: no_application_protocol", kJava, other_protocol, {44, 49}},
  };
}

std::vector<Phrase> phrases_of_protocols() {
  const std::string_view in_plaintext = "The port answered in plaintext: TLS is off there, or it is another service.";
  return {
      {"invalid character 'C' looking for beginning of value", "osnadmin", "Plain HTTP was spoken to an HTTPS port.", {46}},
      {"client sent an HTTP request to an HTTPS server", "Go, as an HTTPS server", "Plain HTTP was spoken to an HTTPS port.", {46}},
      {"http: TLS handshake error ... first record does not look like a TLS handshake", "Go, Selvage, as an HTTPS server",
       "Plain HTTP was spoken to an HTTPS port.", {46, 42}},
      {"first record does not look like a TLS handshake ... server=", kGoServer, "A plaintext client came to this TLS port.", {42}},
      {"Server TLS handshake failed ... first record does not look like a TLS handshake", kGoServer,
       "A plaintext client came to this TLS port.", {42}},
      {"first record does not look like a TLS handshake", kGo, "One side speaks TLS and the other does not.", {43, 42}},
      {"wrong version number", kOpenSsl, in_plaintext, {43}},
      {"Unsupported or unrecognized SSL message", kJava, in_plaintext, {43}},
      {"not an SSL/TLS record", kJava, in_plaintext, {43}},
      {"unexpected HTTP status code ... text/html", kGo, "A web server or a proxy answered.", {49, 44}},
      {"unexpected content-type \"text/html", kGo, "A web server or a proxy answered.", {49, 44}},
      {"bogus greeting", kGo, "The other side speaks HTTP/1.1 where gRPC is expected: a proxy, or another port.", {49, 44, 42}},
      {"missing selected ALPN property", kGo, "The port speaks TLS and not HTTP/2: another service, or a proxy.", {44, 49}},
      {"Protocol error", kNode, "The port speaks another protocol than HTTP/2: another service, or a proxy.", {44, 49}},
  };
}

// What Fabric compares on top of TLS.
std::vector<Phrase> phrases_of_bindings() {
  return {
      {"didn't include its TLS cert hash", kPeer, "The request lacks the hash of the client's TLS certificate.", {50}},
      {"claimed TLS cert hash is", kPeer, "The request was made for another TLS connection than the one it came on.", {50, 49}},
      {"can't read the block: &{BAD_REQUEST}", "peer CLI",
       "The node takes the request for blocks for wrong; most often its hash of the TLS certificate. The node's log has the reason.",
       {50, 49}},
      {"in remote hash of TLS cert, but got", kPeer, "Gossip: the connection's certificate is not the one that the peer signed for.",
       {53}},
      {"didn't send TLS certificate", kPeer, "Gossip: the other peer came without a client certificate.", {53, 1}},
      {"certificate extracted from TLS connection isn't authorized", "orderer", "The node that called is no consenter by its TLS key.",
       {51}},
      {"doesn't match the expected public key", "orderer", "A consenter's live TLS key is not the one in the channel's configuration.",
       {51}},
      {"session binding mismatch", "orderer", "A proxy, or a consenter whose TLS key changed.", {51, 49}},
      {"rpc error: code = Unauthenticated desc = access denied", "orderer", "The node that called is no consenter by its TLS key.", {51}},
      {"faulty node, received: status:NOT_FOUND", "orderer", "The other orderer does not know us as a consenter of that channel.", {51}},
  };
}

// What is left when the reason was lost: these stand last, any other match says more.
std::vector<Phrase> phrases_without_reason() {
  const std::string_view lost = "The server refused the client's certificate, or missed one; this library loses the reason. The server's log has it.";
  const std::string_view while_writing =
      "The server closed while we were writing; with TLS 1.3 that is how a refused client certificate often looks, since the "
      "alert is lost.";
  return {
      {"TSI_DATA_CORRUPTED", kCore, lost, {1, 2, 4, 6, 7, 9}},
      {"error reading server preface: EOF", kGo,
       "The connection ended before the server said anything: it refused us, or it speaks TLS and we do not.", {42, 1, 2}},
      {"write: broken pipe", kGo, while_writing, {1, 2, 7, 4}},
      {"Broken pipe", "Java, Node.js", while_writing, {1, 2, 7, 4}},
      {"write EPIPE", kNode, while_writing, {1, 2, 7, 4}},
      {"Socket closed", kCore, "The connection ended before the server said anything.", {42, 1}},
      {"Handshake failed with fatal error SSL_ERROR_SSL", kCore, "The handshake failed; the words behind it say more.", {25, 1, 43}},
      {"General OpenSslEngine problem", "Java (grpc-netty)", "The handshake failed; the exception's cause says more.", {25, 28, 1}},
      {"Failed to connect before the deadline", "Node SDK",
       "Every attempt failed; often the override of the name, the CA file, or a missing client certificate.", {34, 25, 1, 42}},
      {"TLS handshake failed ... with error EOF", kGoServer,
       "The other side went away in the middle: a probe, or a Node.js or Python client that refused our certificate.", {47, 25, 28}},
      {"TLS handshake failed ... connection reset by peer", kGoServer, "The other side went away in the middle: usually a probe.",
       {47, 25}},
      {"Last error: Failed to connect", kNode, "The connection ended before the server said anything: it speaks TLS and we do not.",
       {42, 1, 25}},
      {"No connection established", kNode, "Every attempt failed; the words behind it, or the server's log, say why.", {42, 25, 1}},
      {"context deadline exceeded", kGo,
       "Time ran out while trying to connect. This is never the cause: look for a WARN line above it, or for the server's log.",
       {1, 2, 25, 28, 42, 26}},
  };
}

}  // namespace

std::vector<Phrase> phrases_of_connections() {
  std::vector<Phrase> all = phrases_of_alerts();
  for (const auto& more : {phrases_of_protocols(), phrases_of_bindings(), phrases_without_reason()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace selvage::tls
