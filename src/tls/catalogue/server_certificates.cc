#include "tls/catalogue/tables.h"

// The client judges the server's certificate; the server sees `remote error: tls: bad certificate` for all of these
// from a Go client, and often nothing but the end of the connection from others.
namespace selvage::tls {

std::vector<Code> codes_of_server_certificates() {
  return {
      {25,
       "the client does not trust the server's CA",
       "the client",
       "The client's CA file does not hold the CA that issued the server's certificate: usually the organisation's "
       "identity CA "
       "in place of its TLS CA, or an earlier generation. On the server there is nothing to change unless many clients "
       "do this.",
       {"Use the TLS CA of the server's organisation: `tlsca/tlsca.ORG-cert.pem` or `msp/tlscacerts/*.pem`.",
        "A node that does this follows its channel: has the organisation `tlscacerts` in the channel's "
        "configuration?"}},
      {26,
       "the server's certificate has expired",
       "the server's operator",
       "No client will connect until it is renewed; clients need not change anything.",
       {"Renew it with the same key and put it in the old one's place; a running Selvage node takes it up by itself.",
        "For an orderer with a new key, update the consenter in every channel first (TLS-51)."}},
      {27,
       "the server's certificate is not yet valid",
       "either side",
       "Its first day lies ahead of the client's clock.",
       {"Check the clocks (NTP) of the host that issued it, of the server and of the client."}},
      {28,
       "the name dialled is not in the server's certificate",
       "either side",
       "Only subject alternative names count, never the common name.",
       {"Dial one of the names that the message lists (`/etc/hosts` helps).",
        "Or override the name: `--ordererTLSHostnameOverride`, `CORE_PEER_TLS_SERVERHOSTOVERRIDE`, "
        "`grpc.ssl_target_name_override` in a connection profile.",
        "Or issue the certificate again with the name: `--csr.hosts`, `SANS` in crypto-config.yaml."}},
      {29,
       "the server's certificate has a common name only",
       "the server's operator",
       "Common names have been ignored in TLS since 2020.",
       {"Issue it again with subject alternative names (`--csr.hosts`)."}},
      {30,
       "dialled by address, and the certificate holds names only",
       "either side",
       "An IP address must stand in the certificate as an IP address.",
       {"Dial one of the names, or issue the certificate again with the address among `--csr.hosts`."}},
      {31,
       "0.0.0.0 was dialled",
       "the client",
       "That is an address to listen on; a listen address was copied into a client's settings.",
       {"Dial the host's name or address: look at `CORE_PEER_ADDRESS` and `peer.gossip.externalEndpoint`."}},
      {32,
       "the server's certificate does not allow serverAuth",
       "the server's operator",
       "Its extended key usage names clientAuth only: a client's certificate was given to a server.",
       {"Give the server one with serverAuth (and, as nodes dial each other, clientAuth)."}},
      {33,
       "the server did not send an intermediate certificate",
       "the server's operator",
       "The client trusts the root; the CA between was not sent.",
       {"Append it to the server's certificate file, leaf first (`CORE_PEER_TLS_CERT_FILE`, "
        "`ORDERER_GENERAL_TLS_CERTIFICATE`).",
        "Until then the client may add the intermediate to its CA file."}},
      {34,
       "the name given as an override is not in the certificate",
       "the client",
       "The override takes the place of the name dialled, and it is misspelt or of another node.",
       {"Override with one of the names that the message lists, or not at all."}},
      {35,
       "the server presents a CA's own certificate",
       "the server's operator",
       "The CA's certificate was given where the node's own belongs; it has no names.",
       {"Have a certificate issued for the node by that CA."}},
  };
}

}  // namespace selvage::tls
