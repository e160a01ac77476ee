#include "tls/catalogue/tables.h"

// A node's start, ports and protocols, proxies, and what Fabric builds on top of TLS.
namespace selvage::tls {

std::vector<Code> codes_of_listeners_and_identities() {
  return {
      {36,
       "a node's certificate and key do not belong together",
       "the node's operator",
       "Or the file holds a chain in the wrong order: the node's own certificate must be the first.",
       {"Take both from one folder; put the leaf first, its intermediates after it."}},
      {37,
       "a node's key or certificate cannot be read",
       "the node's operator",
       "Missing, encrypted, DER, or in each other's place: see TLS-17, TLS-18, TLS-19.",
       {"The message names setting and file."}},
      {38,
       "client authentication is on, and no client roots are given",
       "the node's operator",
       "A listener that demands certificates must know whose. The two daemons of Fabric write lists differently: "
       "`ORDERER_GENERAL_TLS_CLIENTROOTCAS=[a,b]`, `CORE_PEER_TLS_CLIENTROOTCAS_FILES=\"a b\"`; Selvage takes both "
       "forms in both.",
       {"Set `General.TLS.ClientRootCAs` or `peer.tls.clientRootCAs.files` to CA certificates."}},
      {39,
       "only one of client certificate and client key is set",
       "the node's operator",
       "`peer.tls.clientCert.file` and `peer.tls.clientKey.file` are a pair.",
       {"Set both or neither; with neither, the server's pair is used for dialling too."}},
      {40,
       "an orderer of a cluster has TLS off",
       "the orderer's operator",
       "Consenters know each other by their TLS certificates.",
       {"`ORDERER_GENERAL_TLS_ENABLED=true` with certificate, key and roots, or a separate cluster listener."}},
      {41,
       "the admin listener has TLS on, and client authentication off",
       "the orderer's operator",
       "Whoever reaches the admin listener may join and remove channels: its certificate is the only key to it.",
       {"`ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED=true` and `ORDERER_ADMIN_TLS_CLIENTROOTCAS`."}},
      {42,
       "a plaintext client came to a TLS port",
       "the client",
       "The first bytes are not TLS. In a new shell the variables of the last one are missing.",
       {"`CORE_PEER_TLS_ENABLED=true`, `--tls`, `grpcs://` in place of `grpc://`, TLS credentials in the SDK."}},
      {43,
       "a TLS client came to a plaintext port",
       "either side",
       "TLS is off there, or it is another service: the operations port, a proxy.",
       {"Compare the port with the node's settings; turn TLS on at the node rather than off at the client."}},
      {44,
       "the port speaks TLS, and another protocol",
       "the client",
       "gRPC needs HTTP/2; the admin and operations listeners speak HTTP/1.1.",
       {"Dial the gRPC port: `peer.listenAddress`, `General.ListenPort`. osnadmin is for the admin port, browsers and "
        "probes for "
        "operations."}},
      {45,
       "a client came to the chaincode listener",
       "the client",
       "That listener (7052 by custom) is for chaincode that the peer has started; its CA is made at each start, so that nobody "
       "else trusts it.",
       {"Dial the peer's main listener (7051 by custom)."}},
      {46,
       "plain HTTP came to an HTTPS port",
       "the client",
       "osnadmin without TLS flags, or `http://` in place of `https://`.",
       {"osnadmin: `--ca-file --client-cert --client-key`."}},
      {47,
       "a connection came and went without a word",
       "nobody",
       "A load balancer, a health probe or a port scan opens the port to see whether it is open. Logged at debug.",
       {"Point probes at `/healthz` of the operations listener."}},
      {48,
       "no common version or cipher",
       "the client",
       "TLS 1.2 and 1.3 are spoken, in 1.2 with ECDHE and AES-GCM or ChaCha20 only.",
       {"Update the client's TLS library or runtime."}},
      {49,
       "a proxy in between ends TLS",
       "the network's operator",
       "Behind an ingress or load balancer that ends TLS the client sees the proxy's certificate, and the node never "
       "sees the "
       "client's.",
       {"Pass TLS through, chosen by SNI (ssl-passthrough, TLSRoute)."}},
      {50,
       "the request's TLS certificate hash is not that of the connection",
       "the client, or a proxy in between",
       "With client authentication on, requests for blocks carry the hash of the client's TLS certificate, so that a "
       "signed "
       "request cannot be used over somebody else's connection. Clients of Fabric see `BAD_REQUEST` and not a word more; the "
       "node's log has both hashes and the name of the connection's certificate, and Selvage's tools print them.",
       {"The SDK must set it: fabric-gateway `tlsClientCertificateHash`; peer CLI: `CORE_PEER_TLS_CLIENTCERT_FILE` as "
        "used for "
        "the connection.",
        "If the SDK did, something in between opened a connection of its own (TLS-49)."}},
      {51,
       "a consenter's TLS key is not the one that the channel's configuration names",
       "the orderer's operator",
       "Orderers of a channel know each other by the public keys in its consenter list. A certificate renewed with the "
       "same key "
       "goes on to work; a new key has to be written into every channel first.",
       {"Renew with the same key, or update `client_tls_cert` and `server_tls_cert` of that consenter in every "
        "channel, one "
        "consenter at a time: `selvage rotate orderer` plans and does it.",
        "Until then put the old pair back."}},
      {52,
       "an organisation has no TLS CA in the channel's configuration",
       "the organisation",
       "Nodes trust each other's TLS by the `tls_root_certs` of the organisations' MSPs; this one has none, or an old "
       "one.",
       {"Put the CA under `msp/tlscacerts/` and update the organisation's MSP in the channel's configuration."}},
      {53,
       "gossip's handshake names another TLS certificate than the connection's",
       "the peer's operator, or a proxy",
       "Peers sign the hash of their TLS certificate at the start of each gossip connection. A proxy in between, or a "
       "pair that "
       "was replaced on one side only, breaks it.",
       {"Pass TLS through between peers; give a peer one client pair."}},
      {54,
       "chaincode as a service: TLS material or name does not fit",
       "the chaincode's operator",
       "`connection.json` holds PEM text, not file names; `domain` overrides the name that is dialled, and Fabric "
       "honours it "
       "only together with `client_auth_required` (Selvage always).",
       {"`selvage package ccaas` checks and packs the material.",
        "In the chaincode's environment: variables ending in `_FILE` name PEM, those ending in `_PATH` base64 of "
        "PEM."}},
      {55,
       "the node's enrolment certificate has expired",
       "the node's operator",
       "The node signs with it; others would refuse what it signs.",
       {"`fabric-ca-client reenroll`, new `signcerts/cert.pem` in the node's MSP directory."}},
      {56,
       "an identity is older than its CA",
       "whoever keeps the material",
       "The MSP checks a certificate as of its own first day, on which its CA was not yet valid: the CA was made "
       "again. The "
       "\"current time\" in the message is that day, not the clock's.",
       {"Enrol again with the new CA, or bring the old CA certificate back."}},
      {57,
       "the MSP's private key is missing or of another certificate",
       "the node's operator",
       "`msp/keystore/` has no key for `msp/signcerts/cert.pem`, or the key is RSA, which cannot sign as an MSP "
       "identity.",
       {"Copy `keystore/` and `signcerts/` of one enrolment; keys on P-256 or P-384."}},
      {58,
       "the client's certificate is good, but has none of the names that may connect",
       "the client, or whoever keeps the listener's list",
       "`peer.tls.clientNames` or `General.TLS.ClientNames` lists the DNS and URI names of clients that this listener "
       "serves. It is empty by default, as in Fabric, and then every name will do. Other peers and orderers are clients too.",
       {"Add the client's name to the list, `dns:app1.org1.example.com` or `uri:spiffe://org1/app1`.",
        "Or have a certificate issued with a name that is there."}},
  };
}

}  // namespace selvage::tls
