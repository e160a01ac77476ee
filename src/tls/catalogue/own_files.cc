#include "tls/catalogue/tables.h"

// The files of the side that speaks: nothing reaches the wire.
namespace selvage::tls {

std::vector<Code> codes_of_own_files() {
  return {
      {16,
       "certificate and private key do not belong together",
       "whoever configured them",
       "The key's public half is not the one in the certificate. Usually one of the two was renewed and the other was "
       "not, or "
       "a file of another node or another kind was taken.",
       {"Take both from one folder: `tls/client.crt` with `tls/client.key`, `tls/server.crt` with `tls/server.key`.",
        "`openssl x509 -noout -pubkey -in F.crt` and `openssl pkey -pubout -in F.key` must print the same."}},
      {17,
       "the private key is encrypted",
       "whoever configured it",
       "Fabric has no setting for a passphrase; keys are plain PKCS#8 or SEC1 PEM, protected by the file's mode.",
       {"`openssl pkey -in encrypted.key -out plain.key`, mode 0600."}},
      {18,
       "the file is not what it should be",
       "whoever configured it",
       "DER in place of PEM, a PEM without line breaks, literal `\\n` from a YAML file or an environment variable, "
       "base64 of a "
       "PEM: all give the same words elsewhere.",
       {"Convert it: `openssl x509 -inform der -in F.der -out F.pem`; replace literal `\\n` by line breaks.",
        "For chaincode, variables ending in `_FILE` name PEM files, those ending in `_PATH` name files with base64 of "
        "PEM."}},
      {19,
       "certificate and key are in each other's place",
       "whoever configured them",
       "The certificate setting names a file with a private key, or the other way round.",
       {"Exchange the two settings."}},
      {20,
       "client authentication is on for the peer CLI, and no client files are given",
       "the user of the CLI",
       "`CORE_PEER_TLS_CLIENTAUTHREQUIRED=true` makes the CLI read a client pair; its settings are empty.",
       {"Set `CORE_PEER_TLS_CLIENTCERT_FILE` and `CORE_PEER_TLS_CLIENTKEY_FILE`."}},
      {21,
       "client files are given, and client authentication was not switched on",
       "the user of the CLI",
       "The files are named, `CORE_PEER_TLS_CLIENTAUTHREQUIRED` is not true, and Fabric's CLI silently leaves them "
       "out; the "
       "server then misses a certificate.",
       {"Set `CORE_PEER_TLS_CLIENTAUTHREQUIRED=true` in that shell."}},
      {22,
       "the file with CA certificates holds none",
       "whoever configured it",
       "It is DER, begins with a byte order mark, is a `TRUSTED CERTIFICATE` of OpenSSL, a key, or empty.",
       {"Put PEM blocks `-----BEGIN CERTIFICATE-----` there; `openssl x509 -in F -out F.pem` writes one."}},
      {23,
       "one of several blocks in a CA file is broken",
       "whoever configured it",
       "A client of Go trusts only the blocks before it, without a word; a server does not start.",
       {"Take the block out, or put the CA's certificate there again; the message names its line."}},
      {24,
       "no CA certificate is given for the server",
       "the client",
       "Without one nothing can be trusted; libraries of other languages then fall back to the system's list of public "
       "CAs.",
       {"For orderers: `--cafile F` or `ORDERER_CA`, usually `ordererOrganizations/ORG/msp/tlscacerts/*.pem`.",
        "For peers: `CORE_PEER_TLS_ROOTCERT_FILE` or `--tlsRootCertFiles`, usually "
        "`peerOrganizations/ORG/tlsca/*.pem`."}},
  };
}

}  // namespace selvage::tls
