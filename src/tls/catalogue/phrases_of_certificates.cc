#include "tls/catalogue/tables.h"

// What programs print about files and about certificates that they judge themselves. Measured with Fabric 3.1 (Go), grpc-js
// on Node.js 20, gRPC C-core, JDK 17, OpenSSL 3.0, and what users of earlier versions posted.
namespace selvage::tls {
namespace {

std::vector<Phrase> phrases_of_files() {
  return {
      {"Failed to return new GRPC server: tls: private key does not match public key", kGo,
       "The pair of this server's main listener is no pair.", {36, 16}},
      {"Failed to return new GRPC server: tls: failed to", kGo,
       "A file of this server's pair cannot be read: encrypted, another format, or in the other's place.", {37, 17, 18, 19}},
      {"error parsing client TLS key pair", kGo, "The peer's pair is no pair; also the server's is meant by \"client\".", {36, 37}},
      {"private key does not match public key", kGo, "Certificate and key on this side are not a pair.", {16, 36}},
      {"key values mismatch", kOpenSsl, "Certificate and key on this side are not a pair.", {16, 36}},
      {"Failed to create security handshaker", kCore, "Certificate and key on this side are not a pair, or cannot be read.",
       {16, 17, 18}},
      {"PEM inputs may have been switched", kGo, "The certificate setting names a key, or the other way round.", {19, 37}},
      {"failed to parse private key", kGo, "The key file on this side cannot be read: encrypted, or another format.",
       {17, 18, 37}},
      {"bad decrypt", kOpenSsl, "The key file on this side is encrypted.", {17}},
      {"failed to find any PEM data", kGo, "A file on this side is not PEM.", {18, 37}},
      {"error adding root certificate", kGo, "The CA file on this side holds no usable certificate.", {22, 24}},
      {"failed to append client root certificate", kGo, "A file of client roots on this server is broken.", {23, 38}},
      {"no client root certificates found", kGo, "This server is to demand certificates and has no roots for them.", {38}},
      {"Failed to load TLS ClientRootCAs file", kGo, "A file of client roots cannot be read; mind the form of the list.", {38}},
      {"open ... [ ... ]: no such file or directory", kGo, "A list in the form of the other daemon was taken for a file's name.",
       {38}},
      {"unable to load peer.tls.client ... open ... no such file", kGo, "Client authentication is on and the CLI has no client pair.", {20}},
      {"unable to load orderer.tls.client ... open ... no such file", kGo, "Client authentication is on and the CLI has no client pair.",
       {20}},
      {"unable to load orderer.tls.rootcert.file: open ... no such file", kGo, "No CA file was given for the orderer.", {24}},
      {"unable to load peer.tls.rootcert.file: open ... no such file", kGo, "No CA file was given for the peer.", {24}},
      {"no such file or directory: ORDERER_GENERAL_TLS_CLIENTROOTCAS", kSelvage, "A file of client roots is not there.", {38}},
      {"no such file or directory: CORE_PEER_TLS_CLIENTROOTCAS", kSelvage, "A file of client roots is not there.", {38}},
      {"no such file or directory: ORDERER_GENERAL_TLS", kSelvage, "A file of the node's pair is not there.", {37}},
      {"no such file or directory: CORE_PEER_TLS", kSelvage, "A file of the node's pair is not there.", {37}},
      {"unsupported elliptic curve", kGo, "The key is on a curve that TLS does not have.", {13}},
      {"must both be set or must both be empty", kGo, "One half of a client pair is configured.", {39}},
      {"TLS is required for running ordering nodes of cluster type", kGo, "Consenters need TLS.", {40}},
      {"must be set to true if Admin.TLS.Enabled", kGo, "The admin listener must demand certificates.", {41}},
  };
}

std::vector<Phrase> phrases_of_identities() {
  return {
      {"the supplied identity is not valid ... certificate has expired or is not yet valid", kPeer,
       "An identity (MSP), not a TLS certificate: checked as of its own first day, which is what \"current time\" says here.", {56, 55}},
      {"signing identity expired", kPeer, "The node's own enrolment certificate has expired.", {55}},
      {"CA Certificate is not valid", kPeer, "A CA certificate of an MSP, perhaps in a channel that nobody remembers, is out of date.",
       {55, 10}},
      {"KeyMaterial not found in SigningIdentityInfo", kPeer, "The MSP directory lacks the key of its certificate.", {57}},
  };
}

// Dates, uses and names.
std::vector<Phrase> phrases_of_verdicts() {
  const std::string_view servers_dates = "The SERVER's certificate, or the CA's, is out of date.";
  const std::string_view others_name = "The name that was dialled (or the override) is not in the server's certificate.";
  const std::string_view others_use = "The other side's certificate is not for this use: as a client it needs clientAuth, as a server serverAuth.";
  return {
      {"Client TLS handshake failed ... is not yet valid: current time ... is before", kGo,
       "The SERVER's certificate, or the CA's, is not valid yet by this host's clock.", {27, 10}},
      {"Server TLS handshake failed ... is not yet valid: current time ... is before", kGoServer,
       "The CLIENT's certificate, or its CA's, is not valid yet by this host's clock.", {8, 10}},
      {"Client TLS handshake failed ... certificate has expired or is not yet valid", kGo, servers_dates, {26, 27, 10}},
      {"Server TLS handshake failed ... certificate has expired or is not yet valid", kGoServer,
       "The CLIENT's certificate, or its CA's, is out of date; the message does not say which.", {7, 8, 10}},
      {"authentication handshake failed ... is not yet valid: current time ... is before", kGo,
       "The SERVER's certificate, or the CA's, is not valid yet by this host's clock.", {27, 10}},
      {"authentication handshake failed ... certificate has expired or is not yet valid", kGo, servers_dates, {26, 27, 10}},
      {"The server TLS certificate has expired", kPeer, "The node's own certificate: nobody will connect.", {26}},
      {"is not yet valid: current time ... is before", kGo,
       "A certificate of the other side's chain is not valid yet; the message does not say which.", {27, 8, 10, 56}},
      {"certificate has expired or is not yet valid", kGo,
       "A certificate of the other side's chain is out of date; the message does not say which.", {26, 7, 10, 27, 8}},
      {"certificate has expired", kOpenSsl, "A certificate of the other side's chain has expired.", {26, 7, 10}},
      {"CERT_HAS_EXPIRED", kOpenSsl, "A certificate of the other side's chain has expired.", {26, 7, 10}},
      {"certificate is not yet valid", kOpenSsl, "A certificate of the other side's chain is not valid yet by this host's clock.",
       {27, 8, 10}},
      {"CERT_NOT_YET_VALID", kOpenSsl, "A certificate of the other side's chain is not valid yet by this host's clock.", {27, 8, 10}},
      {"CertificateExpiredException", kJava, servers_dates, {26, 10, 7}},
      {"CertificateNotYetValidException", kJava, "The server's certificate is not valid yet by this host's clock.", {27, 10, 8}},
      {"PKIX path validation failed ... validity check failed", kJava, servers_dates, {26, 27, 10}},

      {"Client TLS handshake failed ... incompatible key usage", kGo, "The SERVER's certificate does not allow serverAuth.", {32}},
      {"authentication handshake failed ... incompatible key usage", kGo, "The SERVER's certificate does not allow serverAuth.", {32}},
      {"incompatible key usage", kGo, others_use, {6, 32}},
      {"does not permit use for TLS client authentication", kJava, "The client's certificate does not allow clientAuth.", {6}},
      {"does not permit use for TLS server authentication", kJava, "The server's certificate does not allow serverAuth.", {32}},
      {"unsupported certificate purpose", kOpenSsl, others_use, {32, 6}},
      {"unsuitable certificate purpose", kOpenSsl, others_use, {32, 6}},

      {"cannot validate certificate for 0.0.0.0", kGo, "A listen address was dialled.", {31}},
      {"cannot validate certificate for ... because it doesn't contain any IP SANs", kGo,
       "Dialled by address; the certificate holds names.", {30, 29, 35}},
      {"is not valid for any names", kGo, "The server's certificate has no subject alternative names.", {29, 35, 45}},
      {"relies on legacy Common Name field", kGo, "The server's certificate has no subject alternative names.", {29}},
      {"certificate is valid for ... not 0.0.0.0", kGo, "A listen address was dialled.", {31}},
      {"certificate is valid for ingress", kGo, "A proxy answered in the node's place.", {49}},
      {"certificate is valid for ... not", kGo, others_name, {28, 34, 49}},
      {"ERR_TLS_CERT_ALTNAME_INVALID", kNode, others_name, {28, 34, 30}},
      {"does not match certificate's altnames", kNode, others_name, {28, 34, 30}},
      {"is not in the cert's list", kNode, "Dialled by address, which is not among the certificate's addresses.", {30, 28}},
      {"Hostname Verification Check failed", kCore, others_name, {28, 34, 30}},
      {"CERTIFICATE_VERIFY_FAILED", kOpenSsl, "The client refused the server's certificate.", {25, 33, 26, 28}},
      {"No subject alternative", kJava, "The name that was dialled is not in the server's certificate.", {28, 29, 30}},
  };
}

// Who is trusted.
std::vector<Phrase> phrases_of_authorities() {
  const std::string_view no_ca = "The client does not trust the server's CA.";
  const std::string_view no_ca_or_between = "The client does not trust the server's CA, or an intermediate is missing.";
  return {
      {"parent certificate cannot sign this kind of certificate", kGo,
       "What is trusted has the issuer's name and is not a CA's certificate.", {11, 3}},
      {"cannot verify signature: insecure algorithm", kGo, "The certificate is signed with SHA-1, which is refused.", {12}},
      {"certificate signed by unknown authority ... while trying to verify candidate authority certificate", kGo,
       "A trusted CA has the issuer's name, and not its key: two generations of crypto material are mixed.", {3, 11, 12}},
      {"consenter ... has invalid certificate", kPeer,
       "A consenter's certificate does not chain to its organisation's TLS CA in the channel.", {52, 51}},
      {"Client TLS handshake failed ... certificate signed by unknown authority", kGo,
       "The CLIENT does not trust the server's CA: look at the client's CA file.", {25, 33, 3, 52}},
      {"authentication handshake failed ... certificate signed by unknown authority", kGo,
       "The CLIENT does not trust the server's CA: look at the client's CA file.", {25, 33, 3, 52}},
      {"Server TLS handshake failed ... certificate signed by unknown authority", kGoServer,
       "The SERVER does not trust the CA of the client's certificate.", {2, 3, 4, 5, 9}},
      {"certificate signed by unknown authority ... server=", kGoServer,
       "The SERVER does not trust the CA of the client's certificate.", {2, 3, 4, 5, 9}},
      {"certificate signed by unknown authority", kGo,
       "The side that prints this does not trust the CA of the other side's certificate. In the log of a node that dials, that "
       "is the server's CA; of a node that is dialled, the client's.",
       {25, 2, 33, 52, 3}},
      {"PKIX path building failed", kJava, no_ca, {25, 33}},
      {"unable to find valid certification path", kJava, no_ca, {25, 33}},
      {"unable to verify the first certificate", kOpenSsl, no_ca_or_between, {25, 33, 24, 54}},
      {"unable to get local issuer certificate", kOpenSsl, no_ca_or_between, {25, 33, 24}},
      {"self-signed certificate", kOpenSsl, "The client does not trust the server's root CA.", {25, 24}},
      {"self signed certificate", kOpenSsl, "The client does not trust the server's root CA.", {25, 24}},
  };
}

}  // namespace

std::vector<Phrase> phrases_of_certificates() {
  std::vector<Phrase> all = phrases_of_files();
  for (const auto& more : {phrases_of_identities(), phrases_of_authorities(), phrases_of_verdicts()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace selvage::tls
